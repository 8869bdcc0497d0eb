/* Pictures made by integer formulas, so that their hashes can be known answers anywhere. */
#ifndef TESTS_UNIT_HASHING_SYNTHETIC_H
#define TESTS_UNIT_HASHING_SYNTHETIC_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/pdq_reference.h"

enum synthetic_kind {
    NOISE,
    GRADIENT,
    SMOOTH,
    RECTANGLES,
    CONSTANT,
    LOW_CONTRAST,
    SYNTHETIC_KINDS
};

/* The i-th number of the seed's stream: splitmix64's finaliser. */
static inline uint64_t synthetic_number(uint64_t seed, uint64_t i)
{
    uint64_t z = seed * 0x100000001B3 + i + 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* A 9x9 grid of random heights, interpolated. */
static inline unsigned synthetic_smooth(uint64_t seed, uint32_t x, uint32_t y, uint32_t w,
                                        uint32_t h)
{
    uint64_t fx = (uint64_t)x * 8 * 256 / w;
    uint64_t fy = (uint64_t)y * 8 * 256 / h;
    uint64_t ax = fx & 255;
    uint64_t ay = fy & 255;
    uint64_t corner = 1000000 + (fy >> 8) * 9 + (fx >> 8);
    uint64_t sum = (synthetic_number(seed, corner) >> 56) * (256 - ax) * (256 - ay) +
                   (synthetic_number(seed, corner + 1) >> 56) * ax * (256 - ay) +
                   (synthetic_number(seed, corner + 9) >> 56) * (256 - ax) * ay +
                   (synthetic_number(seed, corner + 10) >> 56) * ax * ay;
    return (unsigned)(sum >> 16);
}

static inline unsigned synthetic_rectangle_at(uint64_t seed, uint32_t x, uint32_t y, uint32_t w,
                                              uint32_t h)
{
    for (uint64_t k = 16; k-- > 0;) {
        uint64_t base = 2000000 + 8 * k;
        uint64_t x0 = synthetic_number(seed, base) % w;
        uint64_t y0 = synthetic_number(seed, base + 1) % h;
        uint64_t x1 = x0 + 1 + synthetic_number(seed, base + 2) % w;
        uint64_t y1 = y0 + 1 + synthetic_number(seed, base + 3) % h;
        if (x >= x0 && x < x1 && y >= y0 && y < y1)
            return (unsigned)(synthetic_number(seed, base + 4) >> 56);
    }
    return 128;
}

static inline uint8_t synthetic_pixel(enum synthetic_kind kind, uint64_t seed, uint32_t x,
                                      uint32_t y, uint32_t w, uint32_t h)
{
    uint64_t i = (uint64_t)y * w + x;

    switch (kind) {
    case NOISE:
        return (uint8_t)(synthetic_number(seed, i) >> 56);
    case GRADIENT:
        return (uint8_t)((x * (1 + seed % 7) + y * (1 + seed % 5)) / 4 +
                         (synthetic_number(seed, i) >> 59));
    case SMOOTH:
        return (uint8_t)synthetic_smooth(seed, x, y, w, h);
    case RECTANGLES:
        return (uint8_t)synthetic_rectangle_at(seed, x, y, w, h);
    case LOW_CONTRAST:
        return (uint8_t)(96 + (synthetic_smooth(seed, x, y, w, h) >> (1 + seed % 5)));
    case CONSTANT:
    case SYNTHETIC_KINDS:
        break;
    }
    return (uint8_t)seed;
}

/* Interleaved channels; one channel takes the seed itself, three take 3*seed, +1, +2. */
static inline uint8_t *synthetic_picture(enum synthetic_kind kind, uint64_t seed, uint32_t w,
                                         uint32_t h, unsigned channels)
{
    uint8_t *px = malloc((size_t)w * h * channels);
    if (px == NULL)
        abort();
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (unsigned c = 0; c < channels; c++)
                px[((size_t)y * w + x) * channels + c] =
                    synthetic_pixel(kind, channels == 1 ? seed : 3 * seed + c, x, y, w, h);
    return px;
}

static inline float *synthetic_luma(const uint8_t *px, size_t n, unsigned channels)
{
    float *luma = malloc(n * sizeof(float));
    if (luma == NULL)
        abort();
    if (channels == 3)
        pdq_luma_rgb(px, n, luma);
    else
        for (size_t i = 0; i < n; i++)
            luma[i] = (float)px[i];
    return luma;
}

#endif
