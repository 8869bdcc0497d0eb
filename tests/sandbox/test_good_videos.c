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
#include "tests/sandbox/both_ways.h"

static const struct both_ways ways = {.config = BOTH_WAYS_CONFIG(VIDEO_WORKER_PROGRAM),
                                      .decoders = video_decoders};

static enum rc run(struct worker_host *host, struct bytes in, const char *name)
{
    static struct medium_hashes boxed;
    struct err err;
    return run_both(&ways, host, in, name, true, &boxed, &err);
}

static struct bytes read_clip(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_file(path);
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
    struct worker_host *host = new_host(&ways.config);
    for (int i = 0; i < n; i++) {
        struct bytes clip = read_clip(SOURCE_DIR "/tests/golden/video", names[i]->d_name);
        hashed += run(host, clip, names[i]->d_name) == RC_OK;
        for (size_t part = 1; part <= 4; part++)
            assert_int_not_equal(run(host, bytes_of(clip.p, clip.n * part / 5), names[i]->d_name),
                                 RC_OK);
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
    unsigned seen = 0, files = 0, hashed = 0;
    FILE *manifest = fopen(SHARED_DATA "/hostile/manifest.csv", "re");
    if (manifest == NULL) {
        print_message("skipped: no ../shared/data\n");
        skip();
    }
    struct worker_host *host = new_host(&ways.config);
    while (fgets(line, sizeof line, manifest) != NULL) {
        if (sscanf(line, "%255[^,],%*[^,],%*[^,],%31[^,],%31[^,]", name, expect, format) != 3)
            continue;
        if (strcmp(format, "mp4") != 0 && strcmp(format, "webm") != 0)
            continue;
        if (seen++ % EVERY != 0)
            continue;
        struct bytes clip = read_clip(SHARED_DATA "/hostile", name);
        hashed += run(host, clip, name) == RC_OK;
        files++;
        free((void *)(uintptr_t)clip.p);
    }
    fclose(manifest);
    expect_no_harm(host);
    worker_host_free(host);
    print_message("%u files, %u hashed\n", files, hashed);
    assert_true(files > 150 / EVERY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(clips_come_out_as_without_a_sandbox),
        CLEAN_TEST(collected_videos_come_out_as_without_a_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
