/*
 * One axis of PDQ's down-scaling as a matrix of 64 rows: two box filters and the decimation are
 * linear, so each of the 64 outputs is a weighted sum of few neighbouring inputs ("taps").
 */
#ifndef HASHING_FRAME_OPERATOR_H
#define HASHING_FRAME_OPERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"

enum {
    OPERATOR_OUTPUTS = 64,
    OPERATOR_LANES = 8,  /* weights of one output are padded with zeros to a multiple of this */
    OPERATOR_OVERLAP = 2 /* an input has a part in at most so many distinct outputs */
};

struct frame_operator {
    uint32_t side;                    /* inputs */
    uint32_t stride;                  /* floats from one output's weights to the next's */
    uint32_t first[OPERATOR_OUTPUTS]; /* first input with a weight */
    uint32_t taps[OPERATOR_OUTPUTS];  /* how many, unpadded */
    uint8_t source[OPERATOR_OUTPUTS]; /* lowest output with the same taps: < itself on sides < 64 */
    float *weights;                   /* NULL: never made */
    unsigned last;                    /* where frame_operator_parts() looks first */
};

/*
 * Makes the operator for a side of `side` inputs, or keeps it when it is that already.  Mirrored:
 * the operator that gives, in the mirrored picture's own order, what the mirrored picture gives.
 */
MUST_CHECK enum rc frame_operator_make(struct frame_operator *op, uint32_t side, bool mirrored,
                                       struct err *err);
void frame_operator_clear(struct frame_operator *op);

static inline const float *frame_operator_weights(const struct frame_operator *op, unsigned output)
{
    return op->weights + (size_t)output * op->stride;
}

struct frame_operator_part {
    unsigned output;
    float weight;
};

/* Which distinct outputs the input has a part in, ascending; returns how many. */
unsigned frame_operator_parts(struct frame_operator *op, uint32_t input,
                              struct frame_operator_part parts[OPERATOR_OVERLAP]);

#endif
