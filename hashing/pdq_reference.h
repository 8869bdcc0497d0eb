/*
 * PDQ, slow and obvious: the whole picture in memory, running-sum box filters twice along rows
 * and columns, decimation to 64x64.  Bit-exact with PDQ's C++ on a full-resolution buffer.  Used
 * by the tests as the truth; never on uploads.
 */
#ifndef HASHING_PDQ_REFERENCE_H
#define HASHING_PDQ_REFERENCE_H

#include "hashing/base/err.h"
#include "hashing/pdq_transform.h"

struct pdq_reference {
    struct pdq_buffer64 b64;
    struct pdq_buffer16 b16;
    unsigned quality;
    struct pdq_hash hash;
    struct pdq_hash dihedral[ORIENTATIONS]; /* by the DCT's signs */
};

/*
 * Hashes width*height luma values, row after row.  Below PDQ_MIN_SIDE: all zero, quality 0.
 * RC_NOMEM when the two working copies do not fit.
 */
MUST_CHECK enum rc pdq_reference(const float *luma, uint32_t width, uint32_t height,
                                 struct pdq_reference *ret, struct err *err);

/* (0.299f*R + 0.587f*G) + 0.114f*B of n interleaved 8-bit pixels, not rounded. */
void pdq_luma_rgb(const uint8_t *rgb, size_t n, float *ret);

#endif
