/*
 * Messages between a process and its sandboxed child, over one SOCK_SEQPACKET pair: what each pair
 * says to each other is its own (hashing/worker/wire.h), how it is carried is here.
 *
 * Both sides use it.  It needs no system call but sendmsg and recvmsg, for the sandbox allows no
 * other on the channel, and allocates nothing.
 */
#ifndef HASHING_SANDBOX_MESSAGE_H
#define HASHING_SANDBOX_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "hashing/base/err.h"

enum { MESSAGE_FD = 3 /* the channel's descriptor in the child */ };

/* Copies text, cut at size, with everything but printable ASCII made '?'; zeroes the rest. */
void message_text(char *out, size_t size, const char *text);

/* Whether text is what message_text() writes: printable ASCII, and from the first NUL on zeros. */
bool message_text_ok(const char *text, size_t size);

/*
 * Sends the parts as one message, with a descriptor unless that is -1.  flags: MSG_DONTWAIT or 0.
 * False when not all of it went (errno).
 */
bool message_send(int channel, const struct iovec *parts, size_t n, int fd, int flags);

/*
 * Waits for one message of exactly size bytes with exactly one descriptor, which is the caller's to
 * close.  RC_SYS when the other side is gone, RC_INPUT when the message is another: `what` names
 * it.
 */
MUST_CHECK enum rc message_receive(int channel, const char *what, void *buf, size_t size,
                                   int *ret_fd, struct err *err);

#endif
