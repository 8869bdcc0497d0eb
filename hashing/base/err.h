/*
 * The one error convention of the tree.
 *
 * A function that can fail returns an enum rc and fills a struct err exactly once, where the
 * failure is detected; callers only pass it on with TRY.  The kind decides the HTTP status
 * (service/reply.c) and the exit code (tools) in one table each.  Results (`ret`) are written on
 * success only.  Library code (hashing, db) never logs.
 */
#ifndef HASHING_BASE_ERR_H
#define HASHING_BASE_ERR_H

#include <errno.h>
#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum rc {
    RC_OK = 0,
    RC_INPUT,       /* malformed request, field, line or option */
    RC_AUTH,        /* no key, or an unknown, expired or revoked one */
    RC_DENIED,      /* the key lacks the scope */
    RC_NOTFOUND,    /* no such bank, entry, key, route */
    RC_CONFLICT,    /* exists already */
    RC_TOO_LARGE,   /* body over its limit */
    RC_NOT_MEDIA,   /* not a medium that is decoded here */
    RC_UNDECODABLE, /* corrupt, truncated, or it crashed its worker */
    RC_LIMIT,       /* medium over a named limit */
    RC_RATE,        /* over the key's budget */
    RC_BUSY,        /* queue full or not ready: try again */
    RC_TIMEOUT,     /* a deadline passed */
    RC_NOMEM,
    RC_SYS,       /* a system call failed; err.sys is its errno */
    RC_STORE,     /* the database failed */
    RC_ELSEWHERE, /* another crew must do it: never leaves the service */
    RC_COUNT
};

struct err {
    enum rc rc;
    int sys;         /* errno when rc is RC_SYS, else 0 */
    int retry;       /* RC_BUSY, RC_RATE: seconds after which to try again; 0 = default */
    const char *at;  /* "file:line" of the detection, for the log */
    char msg[232];   /* one sentence for a person: what, where, which limit */
    char ref[32];    /* RC_CONFLICT: id of what exists already, else empty */
    bool no_picture; /* RC_NOT_MEDIA, RC_UNDECODABLE: there was no picture in it to look at */
};

/* Fills *err (when not NULL) and returns rc.  Control characters in the text are escaped. */
enum rc err_set(struct err *err, enum rc rc, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for RC_SYS: appends ": " and the text of errno. */
enum rc err_set_sys(struct err *err, int sys, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A short fixed name: "input", "busy", …  Never NULL. */
const char *rc_name(enum rc rc);

#define ERR_STR2(x) #x
#define ERR_STR(x)  ERR_STR2(x)
#define HERE        __FILE__ ":" ERR_STR(__LINE__)

/* The only macros with control flow.  FAIL_SYS reads errno. */
#define FAIL(err, rc, ...) return err_set((err), (rc), HERE, __VA_ARGS__)
#define FAIL_SYS(err, ...) return err_set_sys((err), errno, HERE, __VA_ARGS__)
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum rc try_rc_ = (call);                                                                  \
        if (try_rc_ != RC_OK)                                                                      \
            return try_rc_;                                                                        \
    } while (0)

#endif
