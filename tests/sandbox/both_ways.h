/*
 * A medium through a real worker and through the same decoders in this process: what comes out of
 * the sandbox must be what comes out without one, the same hashes or the same refusal.
 */
#ifndef TESTS_SANDBOX_BOTH_WAYS_H
#define TESTS_SANDBOX_BOTH_WAYS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/decode.h"
#include "tests/sandbox/medium.h"

/* A worker program, and what is linked into it. */
struct both_ways {
    struct worker_config config;
    const struct decoder *const *decoders;
};

#define BOTH_WAYS_CONFIG(path)                                                                     \
    {                                                                                              \
        .program = (path), .section = "test", .timeout_ms = 60000, .max_pixels = 50000000,         \
        .max_work = 250000000, .max_duration_ms = 3600000, .max_frames = MEDIUM_FRAMES_MAX,        \
        .max_jpeg_scans = 100, .memory = UINT64_C(1) << 30, .recycle_after = 500                   \
    }

/* What the decoders say in this process, in the form in which a worker answers. */
static inline enum rc keep_frame(void *ctx, const struct frame_hashes *hashes,
                                 const struct frame_place *place, struct err *err)
{
    struct medium_hashes *medium = ctx;
    if (medium->n == MEDIUM_FRAMES_MAX)
        FAIL(err, RC_LIMIT, "too many frames");
    medium->frame[medium->n].ms = place->ms;
    medium->frame[medium->n].track = place->track;
    medium->frame[medium->n].key = place->key;
    medium->frame[medium->n++].hashes = *hashes;
    return RC_OK;
}

static inline enum rc decode_here(const struct both_ways *ways, struct bytes in, bool all,
                                  struct medium_hashes *ret, struct err *err)
{
    const struct decode_limits limits = {.max_pixels = ways->config.max_pixels,
                                         .max_work = ways->config.max_work,
                                         .max_frames = ways->config.max_frames,
                                         .max_duration_ms = ways->config.max_duration_ms,
                                         .max_jpeg_scans = ways->config.max_jpeg_scans};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {0};
    memset(ret, 0, sizeof *ret);
    TRY(frame_hasher_new(all, &hasher, err));
    const struct frame_sink sink = {.hasher = hasher, .on_frame = keep_frame, .ctx = ret};
    TRY(decode_medium(ways->decoders, in, &limits, &sink, &info, err));
    snprintf(ret->type, sizeof ret->type, "%s", info.type);
    ret->width = info.width;
    ret->height = info.height;
    ret->frames = info.frames;
    ret->found.upright = info.upright;
    ret->found.duration_ms = info.duration_ms;
    ret->found.elsewhere_offset = info.elsewhere_offset;
    ret->found.elsewhere_length = info.elsewhere_length;
    return RC_OK;
}

static inline void expect_same_look(const struct look_hash *a, const struct look_hash *b)
{
    assert_int_equal(a->quality, b->quality);
    assert_memory_equal(a->hash, b->hash, sizeof a->hash);
}

static inline void expect_same(const struct medium_hashes *a, const struct medium_hashes *b)
{
    assert_string_equal(a->type, b->type);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->found.upright, b->found.upright);
    assert_int_equal(a->found.duration_ms, b->found.duration_ms);
    assert_int_equal(a->found.elsewhere_offset, b->found.elsewhere_offset);
    assert_int_equal(a->found.elsewhere_length, b->found.elsewhere_length);
    for (uint32_t i = 0; i < a->n; i++) {
        const struct frame_hashes *x = &a->frame[i].hashes, *y = &b->frame[i].hashes;
        assert_int_equal(a->frame[i].ms, b->frame[i].ms);
        assert_int_equal(a->frame[i].track, b->frame[i].track);
        assert_int_equal(a->frame[i].key, b->frame[i].key);
        assert_int_equal(x->width, y->width);
        assert_int_equal(x->height, y->height);
        assert_int_equal(x->looks, y->looks);
        for (unsigned look = 0; look < x->looks; look++)
            expect_same_look(&x->look[look], &y->look[look]);
    }
}

/* Through the worker and without it; the outcome is that of both. */
static inline enum rc run_both(const struct both_ways *ways, struct worker_host *host,
                               struct bytes in, const char *name, bool all,
                               struct medium_hashes *boxed, struct err *err)
{
    static struct medium_hashes bare;
    struct err bare_err = {0};
    enum rc rc = medium_run(host, in.p, in.n, all, boxed, err);
    enum rc expected = decode_here(ways, in, all, &bare, &bare_err);
    if (rc != expected)
        fail_msg("%s: %s (%s) in the worker, %s (%s) without it", name, rc_name(rc), err->msg,
                 rc_name(expected), bare_err.msg);
    if (rc == RC_OK)
        expect_same(boxed, &bare);
    else /* a limit is followed by where it is set */
        assert_memory_equal(err->msg, bare_err.msg, strlen(bare_err.msg));
    return rc;
}

static inline struct worker_host *new_host(const struct worker_config *config)
{
    struct worker_host *host = NULL;
    struct err err;
    if (worker_host_new(config, &host, &err) != RC_OK)
        fail_msg("%s", err.msg);
    return host;
}

static inline void expect_no_harm(const struct worker_host *host)
{
    struct worker_stats stats;
    worker_host_stats(host, &stats);
    assert_int_equal(stats.crashed, 0);
    assert_int_equal(stats.timed_out, 0);
    assert_int_equal(stats.lied, 0);
}

/* A whole file; free .p.  Fails the test when it cannot be read. */
static inline struct bytes read_file(const char *path)
{
    struct stat st;
    SCOPED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        fail_msg("cannot read %s", path);
    uint8_t *p = malloc((size_t)st.st_size + 1);
    assert_non_null(p);
    assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
    return bytes_of(p, (size_t)st.st_size);
}

#endif
