/* What the frame hasher's tests share: hashing a whole buffer, turning one, and comparing. */
#ifndef TESTS_UNIT_HASHING_FRAMES_H
#define TESTS_UNIT_HASHING_FRAMES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "hashing/frame_hasher.h"
#include "tests/support/rnd.h"
#include "tests/unit/hashing/synthetic.h"

/*
 * The hasher rounds otherwise than the reference, so a bit may differ where the reference's own
 * value lies this close to its median (values are of the order of hundreds), and nowhere else.
 */
#define ROUNDING 0.02f

static const uint32_t channels_of[] = {
    [PIXEL_GRAY8] = 1, [PIXEL_RGB8] = 3, [PIXEL_GRAYA8] = 2, [PIXEL_RGBA8] = 4};

struct picture {
    uint32_t w, h;
    enum pixel_format format;
    uint8_t *px;
};

static inline size_t picture_stride(const struct picture *p)
{
    return (size_t)p->w * channels_of[p->format];
}

static inline struct frame_hasher *hasher_new(bool all)
{
    struct frame_hasher *h = NULL;
    struct err err;
    assert_int_equal(frame_hasher_new(all, &h, &err), RC_OK);
    return h;
}

static inline void picture_begin(struct frame_hasher *h, const struct picture *p)
{
    struct err err;
    assert_int_equal(frame_begin(h, p->w, p->h, p->format, &err), RC_OK);
}

static inline struct frame_hashes picture_hash_with(struct frame_hasher *h, const struct picture *p)
{
    struct frame_hashes hashes;
    picture_begin(h, p);
    for (uint32_t y = 0; y < p->h; y++)
        frame_row(h, y, p->px + y * picture_stride(p));
    frame_end(h, &hashes);
    return hashes;
}

static inline struct frame_hashes picture_hash(const struct picture *p)
{
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);
    return picture_hash_with(h, p);
}

static inline bool swaps_sides(enum orientation o)
{
    return o == ORIENT_ROT90 || o == ORIENT_ROT270 || o == ORIENT_FLIPPLUS1 ||
           o == ORIENT_FLIPMINUS1;
}

/* Where the turned picture's (x, y) comes from in a picture of w x h: the orientations' meaning. */
static inline size_t turned_from(enum orientation o, uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    size_t sx = x;
    size_t sy = y;

    if (swaps_sides(o)) {
        sx = y;
        sy = x;
    }
    if (o == ORIENT_FLIPY || o == ORIENT_ROT180 || o == ORIENT_ROT90 || o == ORIENT_FLIPMINUS1)
        sx = w - 1 - sx;
    if (o == ORIENT_FLIPX || o == ORIENT_ROT180 || o == ORIENT_ROT270 || o == ORIENT_FLIPMINUS1)
        sy = h - 1 - sy;
    return sy * w + sx;
}

static inline struct pdq_reference reference_of(const float *luma, uint32_t w, uint32_t h,
                                                enum orientation o)
{
    uint32_t turned_w = swaps_sides(o) ? h : w;
    uint32_t turned_h = swaps_sides(o) ? w : h;
    SCOPED(mem_free) float *turned = malloc((size_t)w * h * sizeof(float));
    struct pdq_reference ref;
    struct err err;

    assert_non_null(turned);
    for (uint32_t y = 0; y < turned_h; y++)
        for (uint32_t x = 0; x < turned_w; x++)
            turned[(size_t)y * turned_w + x] = luma[turned_from(o, x, y, w, h)];
    assert_int_equal(pdq_reference(turned, turned_w, turned_h, &ref, &err), RC_OK);
    return ref;
}

static inline float reference_median(const struct pdq_reference *ref)
{
    /* The largest value whose bit is not set. */
    float median = -INFINITY;
    for (int k = 0; k < PDQ_BITS; k++) {
        float v = ref->b16.v[k / 16][k % 16];
        if (!(ref->hash.w[k / 64] >> (k % 64) & 1) && v > median)
            median = v;
    }
    return median;
}

/* Equal but for bits that are a coin's toss; pictures of low quality are all toss. */
static inline void assert_hash_near(const struct pdq_reference *ref, const struct pdq_hash *h)
{
    float median = reference_median(ref);

    if (ref->quality < PDQ_MIN_QUALITY)
        return;
    for (int k = 0; k < PDQ_BITS; k++) {
        if (!((ref->hash.w[k / 64] ^ h->w[k / 64]) >> (k % 64) & 1))
            continue;
        assert_true(fabsf(ref->b16.v[k / 16][k % 16] - median) < ROUNDING);
    }
}

static inline void assert_look_near(const struct look_hash *look, const float *luma, uint32_t w,
                                    uint32_t h)
{
    for (enum orientation o = 0; o < ORIENTATIONS; o++) {
        struct pdq_reference ref = reference_of(luma, w, h, o);
        assert_hash_near(&ref, &look->hash[o]);
        /* A step of exactly a per cent may be truncated on either side of it. */
        if (o == ORIENT_AS_IS)
            assert_in_range(look->quality, ref.quality ? ref.quality - 1 : 0, ref.quality + 1);
    }
}

static inline uint32_t any_side(struct rnd *rnd)
{
    return PDQ_MIN_SIDE + (uint32_t)rnd_below(rnd, 296);
}

#endif
