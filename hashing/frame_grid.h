/*
 * From luma rows in any order to the 64x64 buffers of one frame.
 *
 * Going down, a row has a part in one or two of the 64 outputs, so whole rows are first added up,
 * weighted, into a few "open" sums as wide as the frame.  When a row needs a sum that is not open,
 * the least recently used one is closed: run through the operator that goes across and added to
 * its line of the buffers.  Rows in order open each sum once; interlaced rows open it a few times.
 *
 * Translucent frames have three planes: the luma, and what compositing on white or on black adds
 * to it.  The operators are linear, so both differences may stay zero wherever nothing is
 * translucent.
 */
#ifndef HASHING_FRAME_GRID_H
#define HASHING_FRAME_GRID_H

#include "hashing/frame_kernels.h"
#include "hashing/frame_operator.h"
#include "hashing/pdq_transform.h"

enum {
    OPEN_SUMS = 2 * OPERATOR_OVERLAP, /* what one row needs: as it stands and mirrored */
    PLANES = LOOKS                    /* indexed by enum look; beyond LOOK_PLAIN a difference */
};

struct open_sum {
    bool open;
    bool upside_down; /* of the picture mirrored top to bottom */
    unsigned output;  /* 0..63 */
    uint64_t used;
    float *plane[PLANES];
};

struct frame_grid {
    const struct frame_kernel *kernel;
    bool turned;      /* make all four buffers, not only [0][0] */
    bool translucent; /* set by the owner before it adds to a plane beyond LOOK_PLAIN */
    unsigned planes;
    uint32_t width, height;
    struct frame_operator across, across_mirrored, down;
    float *memory; /* of the sums */
    uint64_t clock;
    struct open_sum sums[OPEN_SUMS];
    /* [look][upside down][mirrored]: each in the order of the picture so turned */
    struct pdq_buffer64 buffer[PLANES][2][2];
};

/* One sum to which a row must be added. */
struct frame_share {
    const struct open_sum *sum;
    float weight;
};

/* Starts a frame: all buffers zero, no sum open.  turned, kernel: set by the owner before. */
MUST_CHECK enum rc frame_grid_begin(struct frame_grid *g, uint32_t width, uint32_t height,
                                    unsigned planes, struct err *err);
void frame_grid_clear(struct frame_grid *g);

/* Opens the sums that row y belongs to; they stay valid until the next call. */
unsigned frame_grid_open(struct frame_grid *g, uint32_t y, struct frame_share shares[OPEN_SUMS]);

/* Closes all sums: the buffers are complete. */
void frame_grid_end(struct frame_grid *g);

#endif
