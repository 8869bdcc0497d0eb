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
#include "tests/sandbox/both_ways.h"

/* 12 Mpx */
#define BIG_PICTURE SHARED_DATA "/hostile/src/vips-images/avif-orientation-6.avif"

static const struct both_ways ways = {.config = BOTH_WAYS_CONFIG(VIDEO_WORKER_PROGRAM),
                                      .decoders = video_decoders};

static enum rc run(struct worker_host *host, struct bytes in, const char *name, bool all)
{
    static struct medium_hashes boxed;
    struct err err;
    return run_both(&ways, host, in, name, all, &boxed, &err);
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
    if (worker_host_new(&ways.config, &host, &err) != RC_OK)
        fail_msg("%s", err.msg);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[4096];
        if (strstr(entry->d_name, part) == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct bytes in = read_file(path);
        hashed += run(host, in, entry->d_name, files++ % 2 == 0) == RC_OK;
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
    if (worker_host_new(&ways.config, &host, &err) != RC_OK)
        fail_msg("%s", err.msg);
    struct bytes whole = read_file(SOURCE_DIR "/tests/unit/decode_heif/media/grid.heic");
    for (size_t n = 0; n < whole.n; n += 1 + whole.n / 60)
        run(host, bytes_of(whole.p, n), "cut", false);
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
        struct worker_config config = ways.config;
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
