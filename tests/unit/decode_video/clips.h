/* What the tests of videos share: clips from files, and everything that came of one. */
#ifndef TESTS_UNIT_DECODE_VIDEO_CLIPS_H
#define TESTS_UNIT_DECODE_VIDEO_CLIPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/video_decoders.h"

static const struct decode_limits ample = {.max_pixels = 50000000,
                                           .max_work = UINT64_C(1) << 50,
                                           .max_frames = 100000,
                                           .max_duration_ms = INT64_C(1) << 40,
                                           .max_jpeg_scans = 100};

struct clip_frame {
    struct frame_place place;
    uint32_t width, height;
    struct look_hash hash;
};

enum { CLIP_FRAMES = 1024 };

struct clip_outcome {
    enum rc rc;
    struct err err;
    struct medium_info info;
    uint32_t n;
    struct clip_frame frame[CLIP_FRAMES]; /* the first of n */
};

static inline enum rc clip_on_frame(void *ctx, const struct frame_hashes *hashes,
                                    const struct frame_place *place, struct err *err)
{
    struct clip_outcome *o = ctx;
    (void)err;
    assert_true(place->ms >= 0);
    assert_int_equal(hashes->looks, 1);
    if (o->n < CLIP_FRAMES)
        o->frame[o->n] =
            (struct clip_frame){*place, hashes->width, hashes->height, hashes->look[LOOK_PLAIN]};
    o->n++;
    return RC_OK;
}

/*
 * Also holds what is promised of every decode: a refusal has words and leaves the result alone.
 * all: hash eight orientations, which takes long under a sanitizer.
 */
static inline void clip_decode_as(struct bytes in, struct decode_limits limits, bool all,
                                  struct clip_outcome *ret)
{
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {.type = "untouched"};
    memset(ret, 0, sizeof *ret);
    assert_int_equal(frame_hasher_new(all, &hasher, NULL), RC_OK);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = clip_on_frame, .ctx = ret};
    ret->rc = decode_medium(video_decoders, in, &limits, &sink, &info, &ret->err);
    ret->info = info;
    if (ret->rc != RC_OK) {
        assert_string_equal(info.type, "untouched");
        assert_int_equal(ret->err.rc, ret->rc);
        assert_true(ret->err.msg[0] != '\0');
        return;
    }
    uint32_t previews = 0;
    for (uint32_t i = 0; i < ret->n && i < CLIP_FRAMES; i++)
        previews += ret->frame[i].place.preview;
    assert_true(info.frames > 0);
    assert_int_equal(info.frames + previews, ret->n);
}

static inline void clip_decode(struct bytes in, struct decode_limits limits,
                               struct clip_outcome *ret)
{
    clip_decode_as(in, limits, true, ret);
}

/* A whole file in a block of exactly its size, so that the sanitizer sees a byte too far. */
static inline struct bytes clip_read(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    uint8_t *p = malloc(size > 0 ? (size_t)size : 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return bytes_of(p, (size_t)size);
}

static inline struct bytes clip_golden(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, SOURCE_DIR "/tests/golden/video/%s", name);
    return clip_read(path);
}

static inline void clip_free(struct bytes *clip)
{
    free((void *)(uintptr_t)clip->p);
}

static inline void clip_free_scoped(struct bytes *clip)
{
    clip_free(clip);
}

#define assert_clip_refused(in, limits, kind, words)                                               \
    do {                                                                                           \
        static struct clip_outcome refused_;                                                       \
        clip_decode((in), (limits), &refused_);                                                    \
        assert_int_equal(refused_.rc, (kind));                                                     \
        assert_string_equal(refused_.err.msg, (words));                                            \
    } while (0)

#endif
