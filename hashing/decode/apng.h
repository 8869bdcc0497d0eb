/*
 * The chunks of a PNG file that libpng knows nothing of: those of an animation, and which way up
 * it is.
 *
 * Each frame of an animation is a PNG picture of its own in all but name; here it is made one, for
 * libpng to decode.
 */
#ifndef HASHING_DECODE_APNG_H
#define HASHING_DECODE_APNG_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/decode/animation.h"
#include "hashing/pdq.h"

/*
 * A walk over a file's frames, in the order of their chunks.  Sequence numbers and the promised
 * number of frames do not count: some viewers go by them, and some show whatever is there.  A
 * control that no data follow shows nothing.
 */
struct apng {
    struct bytes png;
    struct cursor next;                 /* the chunk behind the last frame */
    struct bytes head;                  /* IHDR's data */
    struct bytes palette, transparency; /* PLTE and tRNS, the whole chunks */
    bool animated;
    bool in_animation;              /* IDAT's picture is the first frame, of `control` */
    struct animation_frame control; /* of the frame that comes next */
    bool controlled;                /* whether there was one since the last frame */
    uint32_t sequence;              /* the last number of a data chunk */
    bool disordered; /* whether the frame's numbers go back: viewers that count stop before it */
};

/* Looks at the chunks before IDAT.  .animated: whether frames are to be had.  An acTL chunk behind
 * IDAT counts for nothing, as in every viewer. */
void apng_open(struct bytes png, struct apng *ret);

/*
 * The next frame that fdAT chunks hold, as a PNG of its own; *ret_png is freed by the caller, and
 * empty behind the last.  RC_UNDECODABLE when a chunk of it is broken or the frame lies outside of
 * the canvas, RC_NOMEM.
 */
MUST_CHECK enum rc apng_next(struct apng *a, struct animation_frame *ret_frame,
                             struct bytes *ret_png, struct err *err);

/* How the picture is turned upright, by an eXIf chunk anywhere. */
enum orientation apng_upright(struct bytes png);

#endif
