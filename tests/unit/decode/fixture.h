/*
 * What the decoder tests share: a made-up picture, its hashes straight from its pixels, and one
 * call that decodes bytes and tells everything that came of it.
 */
#ifndef TESTS_UNIT_DECODE_FIXTURE_H
#define TESTS_UNIT_DECODE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/decode.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

static const struct decode_limits ample = {.max_pixels = 50000000,
                                           .max_work = UINT64_C(1) << 40,
                                           .max_frames = 10000,
                                           .max_duration_ms = 3600000,
                                           .max_jpeg_scans = 100};

enum { OUTCOME_FRAMES_MAX = 64 };

struct outcome {
    enum rc rc;
    struct err err;
    struct medium_info info;
    struct frame_hashes hashes; /* of the first frame */
    unsigned frames;            /* how often on_frame was called */
    struct {
        struct frame_place place;
        struct frame_hashes hashes;
    } frame[OUTCOME_FRAMES_MAX]; /* the first of them */
};

static inline enum rc outcome_on_frame(void *ctx, const struct frame_hashes *hashes,
                                       const struct frame_place *place, struct err *err)
{
    struct outcome *o = ctx;
    (void)err;
    assert_true(place->ms >= 0);
    assert_true(place->key && !place->preview);
    if (o->frames == 0)
        o->hashes = *hashes;
    if (o->frames < OUTCOME_FRAMES_MAX) {
        o->frame[o->frames].place = *place;
        o->frame[o->frames].hashes = *hashes;
    }
    o->frames++;
    return RC_OK;
}

/*
 * Also holds what is promised of every decode: a refusal has words and no facts of the medium;
 * what was decoded has frames, all of them counted, or is the other program's.
 */
static inline struct outcome outcome_of(struct frame_hasher *hasher, struct bytes in,
                                        struct decode_limits limits)
{
    struct outcome o = {.rc = RC_OK};
    struct frame_sink sink = {.hasher = hasher, .on_frame = outcome_on_frame, .ctx = &o};
    struct medium_info info = {.type = "untouched"};
    o.rc = decode_medium(picture_decoders, in, &limits, &sink, &info, &o.err);
    o.info = info;
    if (o.rc == RC_OK) {
        assert_int_equal(info.frames, o.frames);
        assert_true(o.frames > 0 || info.elsewhere_length == in.n);
        assert_true(info.elsewhere_offset <= in.n);
        assert_true(info.elsewhere_length <= in.n - info.elsewhere_offset);
        assert_int_equal(info.width, o.hashes.width);
        assert_int_equal(info.height, o.hashes.height);
        assert_true(o.frames <= limits.max_frames);
        assert_in_range(info.upright, 0, ORIENTATIONS - 1);
    } else {
        assert_string_equal(info.type, "untouched");
        assert_int_equal(o.err.rc, o.rc);
        assert_true(o.err.msg[0] != '\0');
    }
    return o;
}

static inline struct outcome decoded_within(struct bytes in, struct decode_limits limits)
{
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    assert_int_equal(frame_hasher_new(true, &hasher, NULL), RC_OK);
    return outcome_of(hasher, in, limits);
}

static inline struct outcome decoded(struct bytes in)
{
    return decoded_within(in, ample);
}

/* The one frame of a still. */
#define assert_one_frame(result)                                                                   \
    do {                                                                                           \
        assert_int_equal((result).rc, RC_OK);                                                      \
        assert_int_equal((result).frames, 1);                                                      \
        assert_int_equal((result).frame[0].place.ms, 0);                                           \
        assert_int_equal((result).frame[0].place.track, 0);                                        \
        assert_int_equal((result).info.duration_ms, 0);                                            \
        assert_int_equal((result).info.elsewhere_length, 0);                                       \
    } while (0)

#define assert_refused(result, kind, words)                                                        \
    do {                                                                                           \
        struct outcome refused_ = (result);                                                        \
        assert_int_equal(refused_.rc, (kind));                                                     \
        assert_string_equal(refused_.err.msg, (words));                                            \
    } while (0)

/* A file in memory that a writer grows. */
struct file {
    uint8_t *p;
    size_t n;
};

static inline void file_free(struct file *f)
{
    free(f->p);
}

static inline void file_free_scoped(struct file *f)
{
    file_free(f);
}

static inline void file_append(struct file *f, const void *p, size_t n)
{
    f->p = realloc(f->p, f->n + n + 1);
    assert_non_null(f->p);
    if (n > 0)
        memcpy(f->p + f->n, p, n);
    f->n += n;
}

/* A copy of f with n bytes more at a place. */
static inline struct file file_insert(const struct file *f, size_t at, const void *p, size_t n)
{
    struct file out = {0};
    file_append(&out, f->p, at);
    file_append(&out, p, n);
    file_append(&out, f->p + at, f->n - at);
    return out;
}

static inline struct bytes file_bytes(const struct file *f)
{
    return bytes_of(f->p, f->n);
}

/* RGBA pixels: blurred noise, so that the hash has much to hold and re-encoding little to spoil. */
struct picture {
    uint32_t width, height;
    uint8_t *rgba;
};

enum { GRID = 25 };

static inline uint8_t picture_smooth(uint8_t grid[GRID][GRID], uint32_t fx, uint32_t fy)
{
    uint32_t x = fx >> 8, y = fy >> 8, ax = fx & 255, ay = fy & 255;
    return (uint8_t)((grid[y][x] * (256 - ax) * (256 - ay) + grid[y][x + 1] * ax * (256 - ay) +
                      grid[y + 1][x] * (256 - ax) * ay + grid[y + 1][x + 1] * ax * ay) >>
                     16);
}

static inline struct picture picture_new(struct rnd *r, uint32_t width, uint32_t height)
{
    struct picture p = {.width = width, .height = height};
    p.rgba = malloc((size_t)width * height * 4);
    assert_non_null(p.rgba);
    for (size_t c = 0; c < 4; c++) {
        uint8_t grid[GRID][GRID];
        for (size_t i = 0; i < sizeof grid; i++)
            grid[i / GRID][i % GRID] = (uint8_t)rnd_next(r);
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++)
                p.rgba[((size_t)y * width + x) * 4 + c] = picture_smooth(
                    grid, x * (GRID - 1) * 256 / width, y * (GRID - 1) * 256 / height);
    }
    return p;
}

static inline void picture_free_scoped(struct picture *p)
{
    free(p->rgba);
}

static inline uint8_t *picture_at(const struct picture *p, uint32_t x, uint32_t y)
{
    return p->rgba + ((size_t)y * p->width + x) * 4;
}

/* The hashes of the pixels themselves: the first n of gray/R, G, B, A as the format says. */
static inline struct frame_hashes picture_hashes(const struct picture *p, enum pixel_format format)
{
    static const size_t channels[] = {
        [PIXEL_GRAY8] = 1, [PIXEL_RGB8] = 3, [PIXEL_GRAYA8] = 2, [PIXEL_RGBA8] = 4};
    SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
    SCOPED(mem_free) uint8_t *row = malloc((size_t)p->width * 4);
    assert_non_null(row);
    assert_int_equal(frame_hasher_new(true, &h, NULL), RC_OK);
    assert_int_equal(frame_begin(h, p->width, p->height, format, NULL), RC_OK);
    for (uint32_t y = 0; y < p->height; y++) {
        size_t n = channels[format];
        for (uint32_t x = 0; x < p->width; x++) {
            memcpy(row + x * n, picture_at(p, x, y), n);
            if (format == PIXEL_GRAYA8)
                row[x * n + 1] = picture_at(p, x, y)[3];
        }
        frame_row(h, y, row);
    }
    struct frame_hashes hashes;
    frame_end(h, &hashes);
    return hashes;
}

static inline void assert_same_hashes(const struct frame_hashes *a, const struct frame_hashes *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->looks, b->looks);
    for (int look = 0; look < a->looks; look++) {
        assert_int_equal(a->look[look].quality, b->look[look].quality);
        for (int o = 0; o < ORIENTATIONS; o++)
            assert_true(pdq_equal(&a->look[look].hash[o], &b->look[look].hash[o]));
    }
}

/*
 * Cut at each sixteenth, and just before its end, a picture is refused, and leaves nothing behind
 * in the hasher.
 */
static inline void assert_refused_when_cut(const struct file *f, size_t last)
{
    SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
    assert_int_equal(frame_hasher_new(true, &h, NULL), RC_OK);
    for (size_t i = 0; i < 16; i++) {
        struct outcome o = outcome_of(h, bytes_of(f->p, f->n * i / 16), ample);
        assert_true(o.rc == RC_UNDECODABLE || (i == 0 && o.rc == RC_NOT_MEDIA));
    }
    for (size_t i = 1; i <= last; i++)
        assert_int_equal(outcome_of(h, bytes_of(f->p, f->n - i), ample).rc, RC_UNDECODABLE);

    struct outcome whole = outcome_of(h, file_bytes(f), ample);
    struct outcome fresh = decoded(file_bytes(f));
    assert_int_equal(whole.rc, RC_OK);
    assert_same_hashes(&whole.hashes, &fresh.hashes);
}

/* Flips bytes anywhere: any answer will do but a crash, or a frame with a refusal. */
static inline void assert_survives_flips(const struct file *f, struct rnd *r, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        SCOPED(file_free) struct file broken = {0};
        file_append(&broken, f->p, f->n);
        for (uint64_t flips = 1 + rnd_below(r, 4); flips > 0; flips--)
            broken.p[rnd_below(r, f->n)] = (uint8_t)rnd_next(r);
        enum rc rc = decoded(file_bytes(&broken)).rc;
        assert_true(rc == RC_OK || rc == RC_UNDECODABLE || rc == RC_LIMIT || rc == RC_NOT_MEDIA);
    }
}

/*
 * Fails the first allocation, then the second, … until a decode needs no more: more than `least`.
 * A library's own failed allocation may come as a limit, whose words must speak of memory.
 */
static inline void survives_failed_allocations(struct bytes in, unsigned least)
{
    for (unsigned nth = 1;; nth++) {
        SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
        assert_int_equal(frame_hasher_new(true, &h, NULL), RC_OK);
        oom_arm(nth);
        struct outcome o = outcome_of(h, in, ample);
        if (!oom_disarm()) {
            assert_int_equal(o.rc, RC_OK);
            assert_true(nth > least);
            return;
        }
        assert_true(o.rc == RC_NOMEM || (o.rc == RC_LIMIT && strstr(o.err.msg, "memory") != NULL));
    }
}

#endif
