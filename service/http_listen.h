/*
 * Listen addresses: "127.0.0.1:8480", "[::1]:8480", "unix:/path"; and the sockets bound to them.
 */
#ifndef SERVICE_HTTP_LISTEN_H
#define SERVICE_HTTP_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

enum { LISTEN_TEXT_SIZE = 128, LISTEN_PATH_SIZE = 108 };

struct listen_address {
    struct sockaddr_storage sa;
    socklen_t length;
    char path[LISTEN_PATH_SIZE]; /* unix only, else "" */
};

/* Reads a comma-separated list; RC_INPUT names what is wrong with which address. */
MUST_CHECK enum rc listen_parse(const char *list, struct listen_address *ret, size_t max,
                                size_t *ret_n, struct err *err);

/* Whether nobody beyond this machine can reach it. */
bool listen_is_local(const struct listen_address *address);

/* The form of `listen`. */
void listen_text(const struct listen_address *address, char out[LISTEN_TEXT_SIZE]);

struct listen_socket {
    int fd;
    struct listen_address address; /* with the port that was picked */
    dev_t dev;                     /* of the unix socket's file: only our own is removed */
    ino_t ino;
};

/*
 * Binds and listens.  A unix socket that nobody answers on is replaced; mode is that of the file
 * (the umask is changed for a moment: call before other threads create files).  RC_INPUT when
 * somebody answers on the path or it is no socket, RC_SYS.
 */
MUST_CHECK enum rc listen_bind(const struct listen_address *address, mode_t mode,
                               struct listen_socket *ret, struct err *err);

/* Closes it and removes the unix socket's file, if it still is ours.  fd -1: harmless. */
void listen_close(struct listen_socket *s);

#endif
