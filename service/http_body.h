/*
 * Gathering a request's body straight into a memfd, within its own limit and one budget for all
 * bodies that are under way (arriving, waiting for a crew, or being worked on).
 *
 * A body that went over a limit keeps nothing: it only counts on until its end, so that the
 * refusal can be answered.
 */
#ifndef SERVICE_HTTP_BODY_H
#define SERVICE_HTTP_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

struct body_budget {
    uint64_t max;
    atomic_uint_fast64_t used;
};

struct body {
    struct body_budget *budget;
    int fd;         /* memfd, -1 until the first byte */
    uint64_t limit; /* of this body */
    uint64_t other; /* the lower limit of what does not begin as a clip; 0: none */
    uint64_t size;  /* received, kept or not */
    uint64_t held;  /* taken from the budget */
    enum rc failed; /* RC_OK, RC_TOO_LARGE or RC_BUSY */
    void *map;      /* after body_seal() */
};

void body_init(struct body *body, struct body_budget *budget, uint64_t limit);

/* What does not look like the beginning of a clip may only be so large. */
void body_only_clips_over(struct body *body, uint64_t limit);

/* Is there room for a body of the declared size?  RC_TOO_LARGE, RC_BUSY. */
MUST_CHECK enum rc body_expect(const struct body *body, uint64_t declared, struct err *err);

/* Never fails: notes the failure in body->failed. */
void body_take(struct body *body, const void *data, size_t n);

/*
 * At its end: seals and maps what was kept; an empty body gives empty bytes.  RC_TOO_LARGE,
 * RC_BUSY as noted; RC_SYS.
 */
MUST_CHECK enum rc body_seal(struct body *body, struct bytes *ret, struct err *err);

/* Unmaps, closes and gives back to the budget; harmless twice. */
void body_drop(struct body *body);

#endif
