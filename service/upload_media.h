/*
 * An upload as media: a raw body is one, each part of a multipart body is one.  And the hashes of
 * a medium as what is looked up.
 */
#ifndef SERVICE_UPLOAD_MEDIA_H
#define SERVICE_UPLOAD_MEDIA_H

#include "db/policy.h"
#include "service/multipart.h"
#include "service/upload.h"

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

/* One medium from one part, or from the raw body when part is NULL. */
MUST_CHECK enum rc medium_take(struct bytes data, const struct part *part, struct medium *ret,
                               struct err *err);

/* Whether a picture seen like this may be listed or matched by its PDQ hash. */
bool look_usable(const struct look_hash *look);

/* Whether any picture of the medium is. */
bool medium_usable(const struct medium *medium);

/* When frame f stands in its clip: as the platform says, or as the file does; -1 for a still. */
int64_t medium_frame_ms(const struct medium *medium, uint32_t f);

/* Most signals that one medium gives. */
enum { MEDIUM_SIGNALS_MAX = MEDIUM_FRAMES_MAX * LOOKS * ORIENTATIONS + 3 };

/*
 * Writes what of the medium is looked up: every usable PDQ hash of every look and orientation
 * that was made, sha256, and sha1 and md5 when they were made.  Returns how many.
 */
size_t medium_signals(const struct medium *medium, bool all_orientations,
                      struct lookup_signal ret[MEDIUM_SIGNALS_MAX]);

#endif
