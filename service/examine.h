/*
 * From the bytes of a medium to its hashes, through the sandbox.  Shared by check, hash and the
 * entries route.
 */
#ifndef SERVICE_EXAMINE_H
#define SERVICE_EXAMINE_H

#include "service/medium.h"
#include "service/request.h"

/* What the caller wants of a medium. */
struct examine_how {
    bool all_orientations;
    bool all_digests;
    void *ctx;
    /* Each frame as it comes, before it is known whether more can be read; NULL: not wanted.  ms:
     * as the platform says, else as the medium does.  *ret_enough: the rest need not be seen. */
    enum rc (*frame)(void *ctx, int64_t ms, const struct worker_frame *frame, bool *ret_enough,
                     struct err *err);
    /* Now and then, while it takes long; a failure ends it.  NULL: not wanted. */
    enum rc (*tick)(void *ctx, struct err *err);
};

/*
 * Hashes one medium with the crew member's workers and computes its digests.  RC_NOT_MEDIA,
 * RC_UNDECODABLE, RC_LIMIT, RC_TOO_LARGE speak of the medium; RC_ELSEWHERE: it holds a clip and
 * this is not the video crew.
 */
MUST_CHECK enum rc examine_medium(struct service *service, unsigned member,
                                  const struct request *rq, const struct examine_how *how,
                                  struct medium *medium, struct err *err);

#endif
