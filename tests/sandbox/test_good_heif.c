/*
 * Does hashgate-worker-video still do all that it must with HEIC, HEIF and AVIF?  Every file must
 * come out of the sandbox as it comes out of the decoder without one: the same hashes, or the same
 * refusal.  In particular no codec may start a thread there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/video_decoders.h"
#include "tests/sandbox/medium.h"

/* 12 Mpx */
#define BIG_PICTURE SHARED_DATA "/hostile/src/vips-images/avif-orientation-6.avif"

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

static enum rc decode_here(struct bytes in, bool all, struct medium_hashes *ret, struct err *err)
{
    const struct decode_limits limits = {.max_pixels = real.max_pixels,
                                         .max_work = UINT64_MAX,
                                         .max_frames = MEDIUM_FRAMES_MAX,
                                         .max_duration_ms = INT64_MAX,
                                         .max_jpeg_scans = 100};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {0};
    memset(ret, 0, sizeof *ret);
    TRY(frame_hasher_new(all, &hasher, err));
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
        const struct frame_hashes *x = &a->frame[i].hashes, *y = &b->frame[i].hashes;
        assert_int_equal(x->looks, y->looks);
        for (unsigned look = 0; look < x->looks; look++) {
            assert_int_equal(x->look[look].quality, y->look[look].quality);
            assert_memory_equal(x->look[look].hash, y->look[look].hash, sizeof x->look[look].hash);
        }
    }
}

static enum rc run_both(struct worker_host *host, struct bytes in, const char *name, bool all)
{
    static struct medium_hashes boxed, bare;
    struct err err = {0}, bare_err = {0};
    enum rc rc = medium_run(host, in.p, in.n, all, &boxed, &err);
    enum rc expected = decode_here(in, all, &bare, &bare_err);
    if (rc != expected)
        fail_msg("%s: %s (%s) in the worker, %s (%s) without it", name, rc_name(rc), err.msg,
                 rc_name(expected), bare_err.msg);
    if (rc == RC_OK)
        expect_same(&boxed, &bare);
    else
        assert_string_equal(err.msg, bare_err.msg);
    return rc;
}

static struct bytes read_file(const char *path)
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

static void expect_no_harm(struct worker_host *host)
{
    struct worker_stats stats;
    worker_host_stats(host, &stats);
    assert_int_equal(stats.crashed, 0);
    assert_int_equal(stats.timed_out, 0);
    assert_int_equal(stats.lied, 0);
}

static void run_folder(const char *folder, const char *part, unsigned least, unsigned least_hashed)
{
    struct err err;
    struct worker_host *host = NULL;
    unsigned files = 0, hashed = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        print_message("skipped: no ../shared/data\n");
        skip();
    }
    if (worker_host_new(&real, &host, &err) != RC_OK)
        fail_msg("%s", err.msg);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[4096];
        if (strstr(entry->d_name, part) == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct bytes in = read_file(path);
        hashed += run_both(host, in, entry->d_name, files++ % 2 == 0) == RC_OK;
        free((void *)(uintptr_t)in.p);
    }
    closedir(dir);
    expect_no_harm(host);
    worker_host_free(host);
    print_message("%u files, %u hashed\n", files, hashed);
    assert_true(files >= least && hashed >= least_hashed);
}

static void made_pictures_come_out_as_without_a_sandbox(void **state)
{
    (void)state;
    run_folder(SOURCE_DIR "/tests/unit/decode_heif/media", ".heic", 30, 20);
    run_folder(SOURCE_DIR "/tests/unit/decode_heif/media", ".avif", 8, 8);
}

static void collected_pictures_come_out_as_without_a_sandbox(void **state)
{
    (void)state;
    run_folder(SHARED_DATA "/hostile/src/mp4parse", ".avif", 40, 20);
    run_folder(SHARED_DATA "/hostile/src/vips-images", ".avif", 2, 1);
}

static void cut_pictures_are_refused_as_without_a_sandbox(void **state)
{
    (void)state;
    struct err err;
    struct worker_host *host = NULL;
    if (worker_host_new(&real, &host, &err) != RC_OK)
        fail_msg("%s", err.msg);
    struct bytes whole = read_file(SOURCE_DIR "/tests/unit/decode_heif/media/grid.heic");
    for (size_t n = 0; n < whole.n; n += 1 + whole.n / 60)
        run_both(host, bytes_of(whole.p, n), "cut", false);
    free((void *)(uintptr_t)whole.p);
    expect_no_harm(host);
    worker_host_free(host);
}

/*
 * libheif throws for memory that it does not get, which would end the worker: whatever the limit,
 * a picture is hashed or refused in words.
 */
static void a_picture_over_the_memory_is_refused_in_words(void **state)
{
    (void)state;
    if (SANITIZED || access(BIG_PICTURE, R_OK) != 0)
        skip();
    unsigned refused = 0, hashed = 0;
    struct bytes big = read_file(BIG_PICTURE);
    for (uint64_t mebibytes = 160; mebibytes <= 320; mebibytes += 8) {
        static struct medium_hashes medium;
        struct worker_config config = real;
        struct worker_host *host = NULL;
        struct err err;
        config.memory = mebibytes << 20;
        if (worker_host_new(&config, &host, &err) != RC_OK)
            fail_msg("%s", err.msg);
        enum rc rc = medium_run(host, big.p, big.n, false, &medium, &err);
        if (rc != RC_OK && (rc != RC_LIMIT || strstr(err.msg, "memory") == NULL))
            fail_msg("%u MiB: %s (%s)", (unsigned)mebibytes, rc_name(rc), err.msg);
        hashed += rc == RC_OK;
        refused += rc != RC_OK;
        expect_no_harm(host);
        worker_host_free(host);
    }
    free((void *)(uintptr_t)big.p);
    print_message("refused at %u limits, hashed at %u\n", refused, hashed);
    assert_true(refused > 0 && hashed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(made_pictures_come_out_as_without_a_sandbox),
        CLEAN_TEST(collected_pictures_come_out_as_without_a_sandbox),
        CLEAN_TEST(cut_pictures_are_refused_as_without_a_sandbox),
        CLEAN_TEST(a_picture_over_the_memory_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
