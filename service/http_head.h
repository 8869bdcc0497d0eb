/*
 * The head of a request, read strictly: what libmicrohttpd lets pass and a proxy in front may
 * read differently (request smuggling) is refused here, before any body byte.
 */
#ifndef SERVICE_HTTP_HEAD_H
#define SERVICE_HTTP_HEAD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "hashing/base/err.h"

/* The request line as the access handler and the target callback see it. */
struct head_line {
    const char *method, *version;
    uintptr_t target_at; /* where the raw target lay: compared, never read */
    size_t target_length;
};

enum head_auth { HEAD_AUTH_NONE, HEAD_AUTH_TOKEN, HEAD_AUTH_OTHER };

struct head {
    bool has_length, chunked;
    bool prefer_async; /* Prefer: respond-async */
    uint64_t length;   /* when has_length */
    enum head_auth auth;
    char token[128];
    char content_type[256]; /* "" for none */
    char request_id[40];    /* "" for none or one that is not echoed */
};

static inline bool head_has_body(const struct head *head)
{
    return head->chunked || (head->has_length && head->length > 0);
}

/*
 * RC_INPUT with the reason, RC_AUTH for a malformed key, RC_NOT_MEDIA for a coded body.
 * *ret_status is set when the refusal has a status of its own (417), else left.
 */
MUST_CHECK enum rc head_read(struct MHD_Connection *connection, const struct head_line *line,
                             struct head *ret, unsigned *ret_status, struct err *err);

#endif
