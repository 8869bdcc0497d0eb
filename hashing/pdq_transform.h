/*
 * The second half of PDQ: from the 64x64 luma buffer to quality and bits.
 *
 * Shared by the reference and the fast path, so that they can only differ in how they make the
 * 64x64 buffer.  Float32 in PDQ's order, compiled without FMA contraction.  Source of the
 * algorithm: PDQ's published C++ (quality metric, dct64To16, lower median, bit order).
 */
#ifndef HASHING_PDQ_TRANSFORM_H
#define HASHING_PDQ_TRANSFORM_H

#include "hashing/pdq.h"

struct pdq_buffer64 {
    float v[64][64]; /* [row][column] */
};

struct pdq_buffer16 {
    float v[16][16];
};

/* 0..100 */
unsigned pdq_quality(const struct pdq_buffer64 *a);

void pdq_dct(const struct pdq_buffer64 *a, struct pdq_buffer16 *ret);

/*
 * The inner product of it: ret[i][j] = Σ left[i][k] * right[k][j] for 16 rows i, 64 k and `columns`
 * (a multiple of 16) columns j, which is also the pitch of right and ret.  Each sum runs over k
 * ascending, as in PDQ's code; only neighbouring elements may be summed side by side.
 */
typedef void pdq_multiply(const float *left, const float *right, size_t columns, float *ret);
pdq_multiply pdq_multiply_plain;

/* The same transform by a faster product of the same bits. */
void pdq_dct_by(pdq_multiply *multiply, const struct pdq_buffer64 *a, struct pdq_buffer16 *ret);

/* bit = value > lower median */
struct pdq_hash pdq_bits(const struct pdq_buffer16 *b);

/*
 * The reference's orientations: sign changes and transpositions of the DCT.  Up to 32 bits away
 * from the hash of the picture really turned, on small pictures; kept for conformance only.
 */
void pdq_bits_dihedral(const struct pdq_buffer16 *b, struct pdq_hash ret[ORIENTATIONS]);

#endif
