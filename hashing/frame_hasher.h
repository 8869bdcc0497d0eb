/*
 * One frame's rows in, its PDQ hashes out; no full picture is ever held.
 *
 * PDQ's box filters and its decimation are linear and separable, so the 64x64 buffer is
 * Wy * luma * Wx^T with precomputed weights, and a row can be added the moment it is decoded, in
 * any order (interlaced pictures come as sparse rows).  The window of an even length leans to the
 * right and down, so a turned picture has a different buffer: it is made with mirrored windows,
 * four buffers in all; transpositions are free.  The hashes are those of the picture really
 * turned, which is what an upload that was turned must be compared with.
 *
 * Alpha: the plain hashes ignore it, as every shared list does.  Where alpha hides or makes
 * something, the frame composited on white and on black is hashed too.
 *
 * One thread at a time for each hasher.  SIMD is chosen once by frame_hasher_self_test().
 */
#ifndef HASHING_FRAME_HASHER_H
#define HASHING_FRAME_HASHER_H

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "hashing/pdq.h"

enum pixel_format {
    PIXEL_GRAY8,
    PIXEL_RGB8,
    PIXEL_GRAYA8,
    PIXEL_RGBA8,
    PIXEL_RGBX8 /* RGBA8 of which all is opaque: the fourth byte is not looked at */
};

enum look {
    LOOK_PLAIN,    /* as stored, alpha ignored: the signal that lists hold */
    LOOK_ON_WHITE, /* composited on white */
    LOOK_ON_BLACK,
    LOOKS
};

struct look_hash {
    struct pdq_hash hash[ORIENTATIONS]; /* only [ORIENT_AS_IS] when all were not asked for */
    uint8_t quality;                    /* of the picture as it is, 0..100 */
};

struct frame_hashes {
    uint32_t width, height;
    uint8_t looks; /* 1, or LOOKS when alpha changes what is seen */
    struct look_hash look[LOOKS];
};

struct frame_hasher;

/* all_orientations: hash eight, else only as-is.  *ret is freed with frame_hasher_free(). */
MUST_CHECK enum rc frame_hasher_new(bool all_orientations, struct frame_hasher **ret,
                                    struct err *err);
void frame_hasher_free(struct frame_hasher *h);
SCOPED_DEFINE(frame_hasher_free, struct frame_hasher *)

/*
 * Starts a frame of width x height pixels.  Memory grows with width + height, never with their
 * product: 24 bytes a column (56 with alpha) and 4 a row.  Sides under PDQ_MIN_SIDE hash to zero.
 * A frame begun again before frame_end() is forgotten.
 */
MUST_CHECK enum rc frame_begin(struct frame_hasher *h, uint32_t width, uint32_t height,
                               enum pixel_format format, struct err *err);

/*
 * Adds a whole row y of pixels.  Each pixel of the frame must be given exactly once in all; what
 * lies outside of the frame aborts the process, for a wrong hash would pass in silence.
 */
void frame_row(struct frame_hasher *h, uint32_t y, const uint8_t *pixels);

/* Adds n pixels of row y that stand at x0, x0+step, x0+2*step, …: one pass of Adam7. */
void frame_row_sparse(struct frame_hasher *h, uint32_t y, uint32_t x0, uint32_t step,
                      const uint8_t *pixels, uint32_t n);

/* Adds a row of luma values that were not 8-bit pixels (video's Y plane, 16 bit). */
void frame_row_luma(struct frame_hasher *h, uint32_t y, const float *luma);

/*
 * Multiplies the luma of the whole frame, before frame_end(): rows of video's limited range may be
 * given as they are and stretched here at once.  Bits do not change by it, the quality does.
 */
void frame_scale(struct frame_hasher *h, float scale);

void frame_end(struct frame_hasher *h, struct frame_hashes *ret);

/*
 * Picks the fastest kernel that this processor has and that agrees with the plain one on a
 * set of rows.  Call once at start, before any other thread runs.  Returns the kernel's
 * name ("avx2", "neon", "plain"); *ret_disagreed names a kernel that was switched off because
 * its result differed, else NULL.
 */
const char *frame_hasher_self_test(const char **ret_disagreed);

/* Forces a kernel by name (tests, bench); false when this machine lacks it. */
bool frame_hasher_use(const char *kernel);

#endif
