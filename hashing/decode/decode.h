/*
 * From the bytes of a medium to the rows of its frames.
 *
 * A medium is a sequence of timed frames; a picture is a sequence of one.  Each format is one
 * file (decode_jpeg.c, decode_png.c, …) behind one table (decode.c): sniff by content, then push
 * frames into a sink.  Adding a format touches its own file and the table.
 *
 * Linked into the sandboxed worker, the tests and the fuzzers only.  Limits are checked before
 * anything is allocated.  No I/O but memory, one thread.
 */
#ifndef HASHING_DECODE_DECODE_H
#define HASHING_DECODE_DECODE_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/frame_hasher.h"

struct decode_limits {
    uint64_t max_pixels;     /* of one frame, width*height */
    uint32_t max_jpeg_scans; /* progressive scans: 100 as libjpeg-turbo's own fuzzers */
};

/* Where frames go.  The decoder calls frame_begin/row/end on `hasher`, then on_frame. */
struct frame_sink {
    struct frame_hasher *hasher;
    /* After each frame_end; ms is the frame's time, 0 for a picture.  A failure stops the decode.
     */
    enum rc (*on_frame)(void *ctx, const struct frame_hashes *hashes, int64_t ms, struct err *err);
    void *ctx;
};

struct medium_info {
    const char *type;       /* static: "image/jpeg", "image/png" */
    uint32_t width, height; /* of the first frame, as stored */
    uint32_t frames;
};

struct decoder {
    const char *type;
    bool (*sniff)(struct bytes in);
    /* Pushes every frame.  RC_UNDECODABLE, RC_LIMIT (names the limit), RC_NOMEM. */
    enum rc (*decode)(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err);
};

extern const struct decoder decoder_jpeg;
extern const struct decoder decoder_png;

/*
 * Finds the decoder by content and runs it.  RC_NOT_MEDIA when none claims the bytes; the message
 * names the format when it is one that is known but not decoded.  A file with more pictures than
 * are decoded (APNG, MPO) is RC_UNDECODABLE and says so: what was not examined is never allowed.
 */
MUST_CHECK enum rc decode_medium(struct bytes in, const struct decode_limits *limits,
                                 const struct frame_sink *sink, struct medium_info *ret,
                                 struct err *err);

/* Runs whatever the libraries set up lazily, before the sandbox closes. */
void decode_warm_up(void);

#endif
