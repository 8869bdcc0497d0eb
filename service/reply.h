/*
 * Answers: JSON, problem documents (RFC 9457), streams; and the one table from enum rc to status.
 */
#ifndef SERVICE_REPLY_H
#define SERVICE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "hashing/base/err.h"

struct reply {
    unsigned status;
    const char *content_type; /* static */
    char *body;               /* owned; or */
    size_t length;
    int fd;             /* owned file whose whole content is the body; -1 none */
    char location[128]; /* "" none */
    char allow[64];     /* Allow, "" none */
    int retry_after;    /* seconds, 0 none */
    bool close;         /* close the connection after it */
};

void reply_init(struct reply *reply); /* fd = -1 */
void reply_clear(struct reply *reply);

/* Steals json.  RC_NOMEM when it cannot be written. */
MUST_CHECK enum rc reply_json(struct reply *reply, unsigned status, json_t *json, struct err *err);

/* Takes text (malloc'd). */
void reply_text(struct reply *reply, unsigned status, const char *content_type, char *text,
                size_t length);

/* The body is static memory that is copied. */
MUST_CHECK enum rc reply_static(struct reply *reply, unsigned status, const char *content_type,
                                const void *data, size_t length, struct err *err);

/* The status of each kind. */
unsigned reply_status(enum rc rc);

/*
 * The problem document of err: type, title, status, detail, request_id, and for a conflict the
 * id of what exists ("entry").  extra (may be NULL, stolen): further members.  Cannot fail: falls
 * back to a fixed text.  RC_NOMEM, RC_SYS, RC_STORE never tell inner details to the caller.
 */
void reply_problem(struct reply *reply, const struct err *err, const char *request_id,
                   json_t *extra);

/* The same for a refusal of the protocol that is no enum rc: 400, 405, 413, 414, 417, 431. */
void reply_problem_status(struct reply *reply, unsigned status, const char *detail,
                          const char *request_id);

#endif
