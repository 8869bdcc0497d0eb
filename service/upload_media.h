/*
 * An upload as media: a raw body is one, each part of a multipart body is one.
 */
#ifndef SERVICE_UPLOAD_MEDIA_H
#define SERVICE_UPLOAD_MEDIA_H

#include "db/policy.h"
#include "service/medium.h"
#include "service/request.h"

struct upload {
    size_t n;
    struct medium *medium; /* owned */
};
void upload_clear(struct upload *upload);
static inline void upload_clear_scoped(struct upload *upload)
{
    upload_clear(upload);
}

/* Takes the media out of the body.  RC_INPUT: nothing in it, or a part's X-Frame-Ms is bad. */
MUST_CHECK enum rc upload_take(const struct request *rq, struct upload *ret, struct err *err);

/* What is looked up of one frame, and of the bytes of one medium. */
enum { FRAME_SIGNALS_MAX = LOOKS * ORIENTATIONS, MEDIUM_DIGESTS_MAX = 3 };

/* Every usable PDQ hash of every look, all orientations or as it is; returns how many. */
size_t frame_signals(const struct frame_hashes *frame, int64_t ms, bool all_orientations,
                     struct lookup_signal ret[FRAME_SIGNALS_MAX]);

/* sha256, and sha1 and md5 when they were made; returns how many. */
size_t medium_digests(const struct medium *medium, struct lookup_signal ret[MEDIUM_DIGESTS_MAX]);

#endif
