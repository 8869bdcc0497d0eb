/*
 * Checks that outlive the answer to their request: a clip that takes long is answered with 202, and
 * its verdict is asked for later.  Their state is durable: one that a restart interrupted ends as
 * an error, never as an allow.
 */
#ifndef SERVICE_LONG_CHECK_H
#define SERVICE_LONG_CHECK_H

#include <jansson.h>

#include "hashing/base/ulid.h"
#include "service/request.h"

/* One check that may become a long one. */
struct long_check {
    struct service *service;
    struct request *rq;
    struct ulid id;
    const char *ref;
    bool late; /* the request was answered with 202 */
};

/* Writes the check down and answers its request with 202; a second call does nothing. */
MUST_CHECK enum rc long_check_go(struct long_check *check, struct err *err);

/*
 * For worker_sink's tick: goes late when [http] sync_limit has passed; RC_BUSY when the service
 * stops and nobody waits for the answer.
 */
MUST_CHECK enum rc long_check_tick(struct long_check *check, struct err *err);

/* The end of a late one: keeps its answer (stolen, may be NULL with an error) or its problem. */
void long_check_end(struct long_check *check, enum rc rc, json_t *answer, const struct err *err);

/* At start: what was under way when the service ended ends as an error. */
MUST_CHECK enum rc long_checks_begin(struct service *service, struct err *err);
/* Forgets answers that were kept for [check] keep. */
MUST_CHECK enum rc long_checks_forget(struct service *service, struct err *err);

#endif
