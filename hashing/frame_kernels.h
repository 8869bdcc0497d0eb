/*
 * The inner loops of the frame hasher, plain and per instruction set.
 *
 * All kernels give the same bits: conversions and additions work element by element, and dot()
 * sums in eight lanes that are added up in one fixed order.  No kernel may fuse a multiplication
 * with an addition.
 */
#ifndef HASHING_FRAME_KERNELS_H
#define HASHING_FRAME_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "hashing/frame_hasher.h"
#include "hashing/pdq_transform.h"

enum { PIXEL_FORMATS = PIXEL_RGBX8 + 1, ADD_SUMS_MAX = 4 };

struct frame_kernel {
    const char *name;

    /* n pixels of each format to luma; alpha is ignored. */
    void (*luma[PIXEL_FORMATS])(const uint8_t *pixels, size_t n, float *ret);

    /* sum[i] += weight * values[i] */
    void (*add)(float *sum, const float *values, float weight, size_t n);

    /*
     * luma[PIXEL_GRAY8] and add() to several sums in one pass: video's rows.  NULL where it is not
     * written; n_sums is at most ADD_SUMS_MAX.
     */
    void (*add_gray)(float *const *sums, const float *weights, unsigned n_sums,
                     const uint8_t *pixels, size_t n);

    /* Sum of a[i]*b[i]; n is a multiple of eight. */
    float (*dot)(const float *a, const float *b, size_t n);

    /* The product of the cosine transform. */
    pdq_multiply *multiply;
};

extern const struct frame_kernel frame_kernel_plain;
#if defined(__x86_64__)
extern const struct frame_kernel frame_kernel_avx2;
/* add_gray() of a kernel "avx512", which else is AVX2's. */
void frame_add_gray_avx512(float *const *sums, const float *weights, unsigned n_sums,
                           const uint8_t *pixels, size_t n);
#elif defined(__aarch64__)
extern const struct frame_kernel frame_kernel_neon;
#endif

/* The one in use, see frame_hasher_self_test(). */
const struct frame_kernel *frame_kernel_active(void);

#endif
