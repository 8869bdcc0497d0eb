/*
 * Animated pictures: frames composed on a canvas as a viewer shows them, and the choice of those
 * that are hashed.
 *
 * The canvas begins transparent.  A frame covers a part of it; when its time is over it stays, its
 * place is cleared, or what was there before comes back.  Every composed frame costs the canvas's
 * pixels of limits->max_work, however small it is: a viewer shows the canvas.
 *
 * Shorter frames than 100 ms are left out as long as the hashed ones begin at most that far apart;
 * the first and the last never are.  A time of at most 10 ms is none that a viewer keeps: all of
 * them show such a frame for 100 ms.
 */
#ifndef HASHING_DECODE_ANIMATION_H
#define HASHING_DECODE_ANIMATION_H

#include "hashing/decode/picture.h"

/* What becomes of a frame's place when its time is over. */
enum animation_after { AFTER_KEEP, AFTER_CLEAR, AFTER_RESTORE };

/* Colours that lie on the canvas replace it, or show it where they are transparent. */
enum animation_blend { BLEND_REPLACE, BLEND_OVER };

struct animation_frame {
    uint32_t x, y, width, height; /* what lies outside of the canvas is not seen */
    int64_t shown_ms;             /* as the file says, not negative */
    enum animation_after after;
    enum animation_blend blend;
};

struct animation {
    struct picture_run *run;
    uint32_t track;
    uint32_t width, height;
    uint8_t *canvas;              /* RGBA */
    uint8_t *rows;                /* what is known of each of its rows */
    uint8_t *saved;               /* what AFTER_RESTORE brings back */
    uint8_t clear[4];             /* colour of places that are cleared, its alpha 0 */
    struct animation_frame frame; /* the one on the canvas, cut to what is seen of it */
    uint32_t composed;
    int64_t begins_ms; /* the time of that frame, and of the one behind it */
    int64_t ends_ms;
    int64_t hashed_ms; /* the time of the one that was last handed over */
    bool hashed;       /* whether that frame was */
};

/*
 * A canvas for frames of this track.  RC_LIMIT, or RC_UNDECODABLE when it has no pixels, before
 * anything is allocated.  clear: the colour,
 * RGB, of what no frame has covered (seen only by who ignores alpha, as PDQ's signal does).
 * Released with animation_close(), also after a failure.
 */
MUST_CHECK enum rc animation_open(struct animation *a, struct picture_run *run, uint32_t track,
                                  uint32_t width, uint32_t height, const uint8_t clear[3]);
void animation_close(struct animation *a);

/* Ends the time of the frame before, and makes room for this one. */
MUST_CHECK enum rc animation_begin(struct animation *a, const struct animation_frame *frame);

/*
 * Lays n RGBA pixels on the canvas: those of the frame's row y at x0, x0+step, ….  Outside of the
 * canvas they are not seen.
 */
void animation_row(struct animation *a, uint32_t y, uint32_t x0, uint32_t step, const uint8_t *rgba,
                   uint32_t n);

/*
 * The frame's row y on the canvas itself, for opaque pixels, which need no laying: *ret_n of them,
 * RGBA, are seen and all must be written.
 */
uint8_t *animation_opaque_row(struct animation *a, uint32_t y, uint32_t *ret_n);

/* The frame is composed: hashes it unless its neighbours stand for it. */
MUST_CHECK enum rc animation_end(struct animation *a);

/* What was begun behind a flush is shown by nobody, and nothing comes behind it. */
void animation_drop(struct animation *a);

/* Hands the composed frame over now if it was left out so far. */
MUST_CHECK enum rc animation_flush(struct animation *a);

/* Behind the last frame: hands that one over too.  *ret_ms: how long it all takes; 0 for a single
 * frame, which is a still. */
MUST_CHECK enum rc animation_finish(struct animation *a, int64_t *ret_ms);

static inline void animation_close_scoped(struct animation *a)
{
    animation_close(a);
}

#endif
