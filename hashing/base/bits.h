/*
 * Counting bits without the processor's own instruction, which a build for every x86-64 may not
 * use: the compiler's builtin is then a call.  The hot loops have kernels with it.
 */
#ifndef HASHING_BASE_BITS_H
#define HASHING_BASE_BITS_H

#include <stdint.h>

/* Set bits of each of four 16-bit lanes. */
static inline uint64_t bits_of_lanes(uint64_t v)
{
    v -= v >> 1 & 0x5555555555555555;
    v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
    v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (v + (v >> 8)) & 0x001f001f001f001f;
}

static inline unsigned bits_of(uint32_t v)
{
    v -= v >> 1 & 0x55555555;
    v = (v & 0x33333333) + (v >> 2 & 0x33333333);
    return ((v + (v >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

#endif
