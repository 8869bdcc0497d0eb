/*
 * Do the decoders stay whole, and their promises kept, when clips are flipped, cut and spliced?
 * MUTATIONS says how many; TEST_SEED repeats a run.
 */
#include "tests/unit/decode_video/clips.h"

#include <dirent.h>

#include "tests/support/rnd.h"

enum { MUTATIONS = 1500, CLIPS_MAX = 64 };

static struct bytes clips[CLIPS_MAX];
static size_t n_clips;
static struct clip_outcome outcome;

static int is_clip(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_clips(void)
{
    struct dirent **names;
    int n = scandir(SOURCE_DIR "/tests/golden/video", &names, is_clip, alphasort);
    for (int i = 0; i < n; i++) {
        if (n_clips < CLIPS_MAX)
            clips[n_clips++] = clip_golden(names[i]->d_name);
        free(names[i]);
    }
    free(names);
    assert_true(n_clips > 30);
}

static size_t below(struct rnd *rnd, size_t n)
{
    return n == 0 ? 0 : (size_t)rnd_below(rnd, n);
}

/* Few flips get deep into a codec; most of the containers' words stand at the ends of a file. */
static void flip(struct rnd *rnd, uint8_t *p, size_t n)
{
    size_t near = n < 1200 ? n : 1200;
    size_t flips = 1 + below(rnd, 8);
    for (size_t i = 0; i < flips && n > 0; i++) {
        size_t at = below(rnd, 3) == 0 ? below(rnd, n) : below(rnd, near);
        if (below(rnd, 2) == 0)
            at = n - 1 - at;
        p[at] ^= (uint8_t)(1u << below(rnd, 8));
    }
}

static struct bytes mutate(struct rnd *rnd)
{
    const struct bytes *clip = &clips[below(rnd, n_clips)], *from = &clips[below(rnd, n_clips)];
    uint8_t *p = malloc(clip->n);
    assert_non_null(p);
    memcpy(p, clip->p, clip->n);
    size_t n = clip->n, at, length;
    switch (below(rnd, 4)) {
    case 0: /* cut */
        n = 1 + below(rnd, n);
        break;
    case 1: /* splice */
        at = below(rnd, n);
        length = below(rnd, n - at < from->n ? n - at : from->n);
        memcpy(p + at, from->p + below(rnd, from->n - length), length);
        break;
    default:
        flip(rnd, p, n);
    }
    uint8_t *exact = realloc(p, n); /* no byte behind it is ours */
    assert_non_null(exact);
    return bytes_of(exact, n);
}

static void mutated_clips_are_hashed_or_refused(void **state)
{
    (void)state;
    const char *text = getenv("MUTATIONS");
    long n = text != NULL ? strtol(text, NULL, 10) : MUTATIONS;
    unsigned counts[RC_COUNT] = {0};
    struct rnd rnd = rnd_from_environment();
    struct decode_limits limits = ample;
    limits.max_pixels = 1 << 20;
    limits.max_work = 1 << 24;
    limits.max_frames = 200;
    for (long i = 0; i < n; i++) {
        SCOPED(clip_free) struct bytes clip = mutate(&rnd);
        limits.preview_after_ms = i % 2;
        clip_decode_as(clip, limits, false, &outcome);
        counts[outcome.rc]++;
    }
    /* FFmpeg says "no memory" to sizes that no memory has; the worker makes it a limit. */
    unsigned limited = counts[RC_LIMIT] + counts[RC_NOMEM];
    print_message("%ld: %u hashed, %u undecodable, %u no media, %u over a limit\n", n,
                  counts[RC_OK], counts[RC_UNDECODABLE], counts[RC_NOT_MEDIA], limited);
    assert_int_equal(counts[RC_OK] + counts[RC_UNDECODABLE] + counts[RC_NOT_MEDIA] + limited, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mutated_clips_are_hashed_or_refused)};
    read_clips();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < n_clips; i++)
        clip_free(&clips[i]);
    return failed;
}
