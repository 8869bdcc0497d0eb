/*
 * Do real clips hash as their authors' vPDQ hashed them, and does every odd, corrupt and protected
 * file get the answer that it must?
 */
#include "tests/unit/decode_video/clips.h"

#include <unistd.h>

static struct clip_outcome outcome;

/* What the clip's authors may differ from us: another FFmpeg, and colours made in between. */
static const struct agreement {
    const char *name;
    double mean;
    unsigned most;
} clips[] = {
    {"chair-22-sd-grey-bar", 2, 10}, {"chair-22-with-small-logo-bar", 2, 10},
    {"chair-orig-22-sd-bar", 2, 10}, {"pattern-hd-no-bar", 2, 10},
    {"pattern-sd-grey-bar", 2, 10},  {"test-padded-dimensions", 2, 10},
    {"doorknob-hd-no-bar", 5, 22}, /* dark: half of its frames are below quality 50 */
};

struct sums {
    unsigned frames, compared, distance, most, quality;
};

static void compare(const struct clip_frame *frame, const char *line, struct sums *sums)
{
    unsigned number, quality;
    char hex[PDQ_HEX + 1];
    double seconds;
    struct pdq_hash want;
    assert_int_equal(sscanf(line, "%u,%u,%64[0-9a-f],%lf", &number, &quality, hex, &seconds), 4);
    assert_int_equal(number, sums->frames);
    assert_true(pdq_parse_hex(hex, PDQ_HEX, &want));
    double late = seconds - (double)frame->place.ms / 1000;
    assert_true(late > -0.02 && late < 0.02);
    unsigned off = (unsigned)abs((int)quality - (int)frame->hash.quality);
    sums->quality = off > sums->quality ? off : sums->quality;
    if (quality < PDQ_MIN_QUALITY)
        return;
    unsigned distance = pdq_distance(&frame->hash.hash[ORIENT_AS_IS], &want);
    sums->compared++;
    sums->distance += distance;
    sums->most = distance > sums->most ? distance : sums->most;
}

static void real_clips_hash_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        char path[512], line[256];
        struct sums sums = {0};
        snprintf(path, sizeof path, SHARED_DATA "/video/%s.mp4", clips[i].name);
        SCOPED(clip_free) struct bytes clip = clip_read(path);
        clip_decode_as(clip, ample, false, &outcome);
        assert_int_equal(outcome.rc, RC_OK);
        snprintf(path, sizeof path, SHARED_DATA "/video/%s.authors.txt", clips[i].name);
        FILE *authors = fopen(path, "re");
        assert_non_null(authors);
        while (fgets(line, sizeof line, authors) != NULL && line[0] != '\n') {
            assert_true(sums.frames < outcome.n);
            compare(&outcome.frame[sums.frames], line, &sums);
            sums.frames++;
        }
        fclose(authors);
        double mean = (double)sums.distance / sums.compared;
        print_message("%s: %u frames, %u of quality, mean %.2f, most %u, quality off by %u\n",
                      clips[i].name, sums.frames, sums.compared, mean, sums.most, sums.quality);
        assert_int_equal(sums.frames, outcome.n);
        assert_true(mean <= clips[i].mean);
        assert_true(sums.most <= clips[i].most);
        assert_in_range(sums.quality, 0, 1);
    }
}

static bool is_video(const char *name, const char *format)
{
    static const char *const ends[] = {".mp4", ".webm", ".mkv", ".mov", ".avi"};
    const char *dot = strrchr(name, '.');
    if (strcmp(format, "mp4") == 0 || strcmp(format, "webm") == 0)
        return true;
    for (size_t i = 0; dot != NULL && i < sizeof ends / sizeof *ends; i++)
        if (strcmp(dot, ends[i]) == 0)
            return true;
    return false;
}

enum answer { ANSWER_HASH, ANSWER_REFUSED, ANSWERS };

static void expect_answer(const char *name, const char *expect, unsigned frames)
{
    if (outcome.rc != RC_OK && strcmp(expect, "hash") == 0)
        fail_msg("%s: %s", name, outcome.err.msg);
    if (outcome.rc == RC_OK && strcmp(expect, "4xx") == 0)
        fail_msg("%s was hashed", name);
    if (outcome.rc == RC_OK && outcome.info.frames < frames)
        fail_msg("%s: %u pictures, where another program finds %u", name, outcome.info.frames,
                 frames);
}

static void collected_videos_get_their_answer(void **state)
{
    (void)state;
    char line[4096], name[256], expect[32], format[32];
    unsigned counts[3][ANSWERS] = {{0}}, frames;
    struct decode_limits limits = ample;
    limits.max_frames = 1000;
    FILE *manifest = fopen(SHARED_DATA "/hostile/manifest.csv", "re");
    assert_non_null(manifest);
    while (fgets(line, sizeof line, manifest) != NULL) {
        char path[512];
        if (sscanf(line, "%255[^,],%*[^,],%*[^,],%31[^,],%31[^,],%*u,%*u,%*u,%*[^,],%*u,%u", name,
                   expect, format, &frames) != 4 ||
            !is_video(name, format))
            continue;
        snprintf(path, sizeof path, SHARED_DATA "/hostile/%s", name);
        SCOPED(clip_free) struct bytes clip = clip_read(path);
        clip_decode_as(clip, limits, false, &outcome);
        expect_answer(name, expect, frames);
        int kind = strcmp(expect, "hash") == 0 ? 0 : strcmp(expect, "4xx") == 0 ? 1 : 2;
        counts[kind][outcome.rc == RC_OK ? ANSWER_HASH : ANSWER_REFUSED]++;
    }
    fclose(manifest);
    print_message("must be hashed: %u; must be refused: %u; either: %u hashed, %u refused\n",
                  counts[0][ANSWER_HASH], counts[1][ANSWER_REFUSED], counts[2][ANSWER_HASH],
                  counts[2][ANSWER_REFUSED]);
    assert_true(counts[0][ANSWER_HASH] > 25 && counts[1][ANSWER_REFUSED] > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clips_hash_as_published),
        cmocka_unit_test(collected_videos_get_their_answer),
    };
    if (access(SHARED_DATA "/video", R_OK) != 0) {
        printf("skipped: no ../shared/data\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
