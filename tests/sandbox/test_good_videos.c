/*
 * Does the worker for videos still do all that it must?  Every clip of tests/golden/video must come
 * out of the sandbox as it comes out of the decoders without one: the same hashes, or the same
 * refusal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/video_decoders.h"
#include "tests/sandbox/medium.h"

static const struct worker_config real = {.program = VIDEO_WORKER_PROGRAM,
                                          .timeout_ms = 60000,
                                          .max_pixels = 50000000,
                                          .memory = UINT64_C(1) << 30,
                                          .recycle_after = 500};

static enum rc keep_frame(void *ctx, const struct frame_hashes *hashes,
                          const struct frame_place *place, struct err *err)
{
    struct medium_hashes *medium = ctx;
    if (medium->n == MEDIUM_FRAMES_MAX)
        FAIL(err, RC_LIMIT, "too many frames");
    medium->frame[medium->n].ms = place->ms;
    medium->frame[medium->n++].hashes = *hashes;
    return RC_OK;
}

static enum rc decode_here(struct bytes in, struct medium_hashes *ret, struct err *err)
{
    const struct decode_limits limits = {.max_pixels = real.max_pixels,
                                         .max_work = UINT64_MAX,
                                         .max_frames = MEDIUM_FRAMES_MAX,
                                         .max_duration_ms = INT64_MAX,
                                         .max_jpeg_scans = 100};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {0};
    memset(ret, 0, sizeof *ret);
    TRY(frame_hasher_new(true, &hasher, err));
    const struct frame_sink sink = {.hasher = hasher, .on_frame = keep_frame, .ctx = ret};
    TRY(decode_medium(video_decoders, in, &limits, &sink, &info, err));
    snprintf(ret->type, sizeof ret->type, "%s", info.type);
    ret->width = info.width;
    ret->height = info.height;
    ret->frames = info.frames;
    return RC_OK;
}

static void expect_same(const struct medium_hashes *a, const struct medium_hashes *b)
{
    assert_string_equal(a->type, b->type);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->n, b->n);
    for (uint32_t i = 0; i < a->n; i++) {
        assert_int_equal(a->frame[i].ms, b->frame[i].ms);
        assert_int_equal(a->frame[i].hashes.looks, 1);
        assert_memory_equal(&a->frame[i].hashes, &b->frame[i].hashes, sizeof a->frame[i].hashes);
    }
}

static bool read_clip(const char *folder, const char *name, struct bytes *ret)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    SCOPED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    uint8_t *p = malloc((size_t)st.st_size + 1);
    assert_non_null(p);
    assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
    *ret = bytes_of(p, (size_t)st.st_size);
    return true;
}

static enum rc run_both(struct worker_host *host, struct bytes in, const char *name)
{
    static struct medium_hashes boxed, bare;
    struct err err = {0}, bare_err = {0};
    enum rc rc = medium_run(host, in.p, in.n, true, &boxed, &err);
    enum rc expected = decode_here(in, &bare, &bare_err);
    if (rc != expected)
        fail_msg("%s: %s (%s) in the worker, %s (%s) without it", name, rc_name(rc), err.msg,
                 rc_name(expected), bare_err.msg);
    if (rc == RC_OK)
        expect_same(&boxed, &bare);
    else
        assert_string_equal(err.msg, bare_err.msg);
    return rc;
}

static void expect_no_harm(const struct worker_host *host)
{
    struct worker_stats stats;
    worker_host_stats(host, &stats);
    assert_int_equal(stats.crashed, 0);
    assert_int_equal(stats.timed_out, 0);
    assert_int_equal(stats.lied, 0);
}

static struct worker_host *new_host(void)
{
    struct worker_host *host = NULL;
    struct err err;
    if (worker_host_new(&real, &host, &err) != RC_OK)
        fail_msg("%s", err.msg);
    return host;
}

static int is_clip(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Each clip whole, then cut in four places: refusals take other ways through the libraries. */
static void clips_come_out_as_without_a_sandbox(void **state)
{
    (void)state;
    struct dirent **names;
    unsigned hashed = 0;
    int n = scandir(SOURCE_DIR "/tests/golden/video", &names, is_clip, alphasort);
    assert_true(n > 30);
    struct worker_host *host = new_host();
    for (int i = 0; i < n; i++) {
        struct bytes clip;
        assert_true(read_clip(SOURCE_DIR "/tests/golden/video", names[i]->d_name, &clip));
        hashed += run_both(host, clip, names[i]->d_name) == RC_OK;
        for (size_t part = 1; part <= 4; part++)
            assert_int_not_equal(
                run_both(host, bytes_of(clip.p, clip.n * part / 5), names[i]->d_name), RC_OK);
        free((void *)(uintptr_t)clip.p);
        free(names[i]);
    }
    free(names);
    assert_int_equal(hashed, n - 1); /* one is sound only */
    expect_no_harm(host);
    worker_host_free(host);
}

/* Those with more than MEDIUM_FRAMES_MAX pictures are cut off there, inside and outside. */
static void collected_videos_come_out_as_without_a_sandbox(void **state)
{
    (void)state;
    char line[4096], name[256], expect[32], format[32];
    unsigned files = 0, hashed = 0;
    FILE *manifest = fopen(SHARED_DATA "/hostile/manifest.csv", "re");
    if (manifest == NULL) {
        print_message("skipped: no ../shared/data\n");
        skip();
    }
    struct worker_host *host = new_host();
    while (fgets(line, sizeof line, manifest) != NULL) {
        struct bytes clip;
        if (sscanf(line, "%255[^,],%*[^,],%*[^,],%31[^,],%31[^,]", name, expect, format) != 3)
            continue;
        if (strcmp(format, "mp4") != 0 && strcmp(format, "webm") != 0)
            continue;
        assert_true(read_clip(SHARED_DATA "/hostile", name, &clip));
        hashed += run_both(host, clip, name) == RC_OK;
        files++;
        free((void *)(uintptr_t)clip.p);
    }
    fclose(manifest);
    expect_no_harm(host);
    worker_host_free(host);
    print_message("%u files, %u hashed\n", files, hashed);
    assert_true(files > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(clips_come_out_as_without_a_sandbox),
        CLEAN_TEST(collected_videos_come_out_as_without_a_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
