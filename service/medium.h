/*
 * One medium of a request: where its bytes lie, and what the sandbox found in them.
 */
#ifndef SERVICE_MEDIUM_H
#define SERVICE_MEDIUM_H

#include "hashing/frame_list.h"
#include "hashing/worker_host.h"
#include "service/multipart.h"

struct medium {
    struct bytes data; /* within rq->body */
    char name[256];    /* file or field name, "" for a raw body */
    int64_t ms;        /* time given by the platform, -1 none */
    bool all_digests;  /* sha1 and md5 were made too */
    uint8_t sha256[32], sha1[20], md5[16];

    struct medium_found found; /* of all its parts together */
    struct frame_list kept;    /* the frames that are told or listed; ms -1: of a still */
    bool usable;               /* some frame may be listed or matched by its PDQ hash */
};

/* One medium from one part, or from the raw body when part is NULL. */
MUST_CHECK enum rc medium_take(struct bytes data, const struct part *part, struct medium *ret,
                               struct err *err);
void medium_clear(struct medium *medium);

/* Fills sha256; sha1 and md5, too, when all_digests is set. */
void medium_digest(struct medium *medium);

/* Whether a picture seen like this may be listed or matched by its PDQ hash. */
static inline bool look_usable(const struct look_hash *look)
{
    return look->quality >= PDQ_MIN_QUALITY;
}

#endif
