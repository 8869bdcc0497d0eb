/* The loops behind sift_near(), plain and per instruction set. */
#ifndef HASHING_SIFT_KERNELS_H
#define HASHING_SIFT_KERNELS_H

#include "hashing/sift.h"

struct sift_kernel {
    const char *name;
    size_t (*near)(const uint16_t *signature, size_t n, uint16_t from, unsigned limit,
                   uint32_t *near);
};

extern const struct sift_kernel sift_kernel_plain;
#if defined(__x86_64__)
extern const struct sift_kernel sift_kernel_avx2;
extern const struct sift_kernel sift_kernel_avx512;
#elif defined(__aarch64__)
extern const struct sift_kernel sift_kernel_neon;
#endif

/* Writes first + each set bit of mask; returns how many. */
static inline size_t sift_take(uint32_t mask, uint32_t first, uint32_t *near)
{
    size_t n = 0;
    for (; mask != 0; mask &= mask - 1)
        near[n++] = first + (uint32_t)__builtin_ctz(mask);
    return n;
}

#endif
