/*
 * What the HEIF tests share: the made files, and one call that decodes bytes and tells everything
 * that came of it.
 */
#ifndef TESTS_UNIT_DECODE_HEIF_FIXTURE_H
#define TESTS_UNIT_DECODE_HEIF_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/picture_decoders.h"
#include "hashing/decode/video_decoders.h"
#include "tests/support/rnd.h"

enum { FRAMES = 256 };

static const struct decode_limits ample = {.max_pixels = 50000000,
                                           .max_work = UINT64_C(1) << 32,
                                           .max_frames = FRAMES,
                                           .max_duration_ms = 3600000,
                                           .max_jpeg_scans = 100};

struct outcome {
    enum rc rc;
    struct err err;
    struct medium_info info;
    struct frame_hashes hashes[FRAMES];
    struct frame_place place[FRAMES];
    unsigned frames; /* how often on_frame was called */
};

static inline enum rc outcome_on_frame(void *ctx, const struct frame_hashes *hashes,
                                       const struct frame_place *place, struct err *err)
{
    struct outcome *o = ctx;
    (void)err;
    assert_false(place->preview);
    assert_true(o->frames < FRAMES);
    o->place[o->frames] = *place;
    o->hashes[o->frames++] = *hashes;
    return RC_OK;
}

/* Also holds what is promised of every decode. */
static inline struct outcome decoded_by(const struct decoder *const *decoders, struct bytes in,
                                        const struct decode_limits *limits)
{
    struct outcome o = {.rc = RC_OK, .info = {.type = "untouched"}};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    enum rc rc = frame_hasher_new(true, &hasher, &o.err);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = outcome_on_frame, .ctx = &o};
    if (rc == RC_OK)
        rc = decode_medium(decoders, in, limits, &sink, &o.info, &o.err);
    o.rc = rc;
    if (rc == RC_OK) {
        assert_true(o.frames > 0);
        assert_int_equal(o.info.frames, o.frames);
        assert_int_equal(o.info.width, o.hashes[0].width);
        assert_int_equal(o.info.height, o.hashes[0].height);
        assert_int_equal(o.info.upright, ORIENT_AS_IS);
        assert_int_equal(o.info.elsewhere_length, 0);
    } else {
        assert_string_equal(o.info.type, "untouched");
        assert_int_equal(o.err.rc, rc);
        assert_true(o.err.msg[0] != '\0');
    }
    return o;
}

static inline struct outcome decoded(struct bytes in)
{
    return decoded_by(video_decoders, in, &ample);
}

/* A whole file in memory. */
struct file {
    uint8_t *p;
    size_t n;
};

static inline void file_free_scoped(struct file *f)
{
    free(f->p);
}

static inline struct bytes file_bytes(const struct file *f)
{
    return bytes_of(f->p, f->n);
}

/* p stays NULL when there is no such file. */
static inline struct file file_read(const char *path)
{
    struct file f = {0};
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return f;
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    f.n = (size_t)ftell(in);
    rewind(in);
    f.p = malloc(f.n + 1);
    assert_non_null(f.p);
    assert_int_equal(fread(f.p, 1, f.n, in), f.n);
    fclose(in);
    return f;
}

static inline struct file made(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, SOURCE_DIR "/tests/unit/decode_heif/media/%s", name);
    struct file f = file_read(path);
    if (f.p == NULL)
        fail_msg("cannot read %s", path);
    return f;
}

static inline struct outcome decoded_made(const char *name)
{
    SCOPED(file_free) struct file f = made(name);
    return decoded(file_bytes(&f));
}

/* A PNG, by the decoders of the other program. */
static inline struct outcome decoded_png(const char *name)
{
    SCOPED(file_free) struct file f = made(name);
    struct outcome o = decoded_by(picture_decoders, file_bytes(&f), &ample);
    assert_int_equal(o.rc, RC_OK);
    return o;
}

static inline unsigned bits_apart(const struct frame_hashes *a, const struct frame_hashes *b,
                                  enum look look)
{
    const uint8_t *p = (const uint8_t *)&a->look[look].hash[ORIENT_AS_IS];
    const uint8_t *q = (const uint8_t *)&b->look[look].hash[ORIENT_AS_IS];
    unsigned n = 0;
    for (size_t i = 0; i < sizeof a->look[look].hash[ORIENT_AS_IS]; i++)
        n += (unsigned)__builtin_popcount(p[i] ^ q[i]);
    return n;
}

static inline void assert_same_hashes(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->frames, b->frames);
    for (unsigned i = 0; i < a->frames; i++) {
        assert_int_equal(a->hashes[i].looks, b->hashes[i].looks);
        for (unsigned look = 0; look < a->hashes[i].looks; look++)
            assert_memory_equal(a->hashes[i].look[look].hash, b->hashes[i].look[look].hash,
                                sizeof a->hashes[i].look[look].hash);
    }
}

#endif
