/* The small parts of matching clips: tables of clips, frames of an upload, counted memory, runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/clip_run.h"
#include "db/upload_frames.h"
#include "tests/support/oom.h"

/* --- tables --- */

static struct clip_frame frame(uint64_t hash, int32_t ms)
{
    return (struct clip_frame){.hash = {{hash, 1, 2, 3}}, .ms = ms};
}

static void drop_clips_scoped(struct clips **clips)
{
    clips_clear(*clips);
    free(*clips);
}

static void a_clip_is_put_in_order_of_time(void **state)
{
    (void)state;
    SCOPED(drop_clips) struct clips *clips = calloc(1, sizeof(*clips));
    struct clip_frame f[] = {frame(7, 900), frame(5, 0),   frame(7, 100),
                             frame(9, 100), frame(5, 500), frame(1, 100)};
    assert_null(clips_get(clips, 3));
    assert_int_equal(clips_learn(clips, 3, f, 6, NULL), RC_OK);
    const struct clip *clip = clips_get(clips, 3);
    assert_non_null(clip);
    assert_null(clips_get(clips, 2));
    assert_int_equal(clip->n, 6);
    assert_int_equal(clip->pictures, 4);
    static const uint64_t hashes[] = {5, 7, 9, 1, 5, 7}; /* of one time: as they came */
    static const int32_t ms[] = {0, 100, 100, 100, 500, 900};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(f[i].hash.w[0], hashes[i]);
        assert_int_equal(clip->signal[i].ms, ms[i]);
        assert_true(clip->signal[i].picture < 4);
        for (int k = 0; k < i; k++)
            assert_int_equal(clip->signal[i].picture == clip->signal[k].picture,
                             hashes[i] == hashes[k]);
    }
}

static void a_clip_is_learnt_once(void **state)
{
    (void)state;
    SCOPED(drop_clips) struct clips *clips = calloc(1, sizeof(*clips));
    struct clip_frame f[] = {frame(2, 20), frame(1, 10)};
    assert_int_equal(clips_learn(clips, CLIPS_CHUNK * 2 + 1, f, 2, NULL), RC_OK);
    const struct clip *clip = clips_get(clips, CLIPS_CHUNK * 2 + 1);
    size_t memory = clips->memory;
    struct clip_frame again[] = {frame(2, 20), frame(1, 10)};
    assert_int_equal(clips_learn(clips, CLIPS_CHUNK * 2 + 1, again, 2, NULL), RC_OK);
    assert_int_equal(again[0].hash.w[0], 1); /* in order all the same */
    assert_ptr_equal(clips_get(clips, CLIPS_CHUNK * 2 + 1), clip);
    assert_int_equal(clips->memory, memory);
    assert_int_equal(memory, 2 * 8 + 8);
    assert_int_equal(clips_learn(clips, 4, NULL, 0, NULL), RC_OK);
    assert_null(clips_get(clips, 4));
    struct err err;
    uint64_t beyond = (uint64_t)CLIPS_CHUNK * CLIPS_CHUNKS;
    assert_int_equal(clips_learn(clips, beyond, f, 2, &err), RC_STORE);
    assert_null(clips_get(clips, beyond));
}

static void learning_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        SCOPED(drop_clips) struct clips *clips = calloc(1, sizeof(*clips));
        struct clip_frame f[] = {frame(2, 20), frame(1, 10)};
        struct err err;
        oom_arm(nth);
        enum rc rc = clips_learn(clips, 1, f, 2, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 3);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(clips_get(clips, 1));
        assert_int_equal(clips_learn(clips, 1, f, 2, NULL), RC_OK);
    }
}

/* --- memory --- */

static void memory_is_counted_and_limited(void **state)
{
    (void)state;
    struct clip_memory memory = {.most = 100};
    char *p = clip_memory_grow(&memory, NULL, 0, 40);
    assert_non_null(p);
    p[39] = 1;
    p = clip_memory_grow(&memory, p, 40, 100);
    assert_non_null(p);
    assert_int_equal(p[39], 1);
    assert_int_equal(p[99], 0);
    assert_int_equal(memory.used, 100);
    assert_null(clip_memory_grow(&memory, NULL, 0, 1));
    assert_int_equal(memory.failed, RC_LIMIT);
    clip_memory_free(&memory, p, 100);
    assert_int_equal(memory.used, 0);
    assert_null(clip_memory_grow(&memory, NULL, 0, 1)); /* the failure stays */
    clip_memory_free(&memory, NULL, 5);
    assert_int_equal(memory.used, 0);

    memory = (struct clip_memory){.most = 100};
    oom_arm(1);
    p = clip_memory_grow(&memory, NULL, 0, 1);
    assert_true(oom_disarm());
    assert_null(p);
    assert_int_equal(memory.failed, RC_NOMEM);
}

/* --- the upload's frames --- */

struct told {
    uint64_t hash;
    enum orientation orientation;
    enum look look;
    int64_t ms;
    uint32_t moment, picture;
};

static void check_frames(const struct told *told, size_t n, uint32_t pictures, bool unordered)
{
    struct clip_memory memory = {.most = 1 << 20};
    struct upload_frames frames;
    upload_frames_begin(&frames, &memory, true);
    for (size_t i = 0; i < n; i++) {
        const struct lookup_signal s = {.pdq = {{told[i].hash}},
                                        .orientation = told[i].orientation,
                                        .look = told[i].look,
                                        .ms = told[i].ms};
        uint32_t moment, picture;
        assert_true(upload_frames_next(&frames, &s, &moment, &picture));
        assert_int_equal(moment, told[i].moment);
        assert_int_equal(picture, told[i].picture);
    }
    assert_int_equal(frames.pictures, pictures);
    assert_int_equal(frames.unordered, unordered);
    upload_frames_end(&frames);
    assert_int_equal(memory.used, 0);
}

static void frames_are_told_apart(void **state)
{
    (void)state;
    static const struct told video[] = {
        {1, ORIENT_AS_IS, LOOK_PLAIN, 0, 0, 0},     {9, ORIENT_ROT90, LOOK_PLAIN, 0, 0, 0},
        {2, ORIENT_AS_IS, LOOK_ON_WHITE, 0, 0, 0},  {8, ORIENT_ROT90, LOOK_ON_WHITE, 0, 0, 0},
        {3, ORIENT_AS_IS, LOOK_PLAIN, 33, 1, 1},    {1, ORIENT_AS_IS, LOOK_PLAIN, 67, 2, 0},
        {7, ORIENT_FLIPX, LOOK_PLAIN, 67, 2, 0},    {4, ORIENT_AS_IS, LOOK_PLAIN, 67, 2, 2},
        {5, ORIENT_AS_IS, LOOK_ON_WHITE, 99, 3, 3},
    };
    check_frames(video, sizeof(video) / sizeof(video[0]), 4, false);
    static const struct told stills[] = {
        {1, ORIENT_AS_IS, LOOK_PLAIN, -1, MOMENT_NONE, 0},
        {2, ORIENT_AS_IS, LOOK_PLAIN, -1, MOMENT_NONE, 1},
        {3, ORIENT_AS_IS, LOOK_ON_BLACK, -1, MOMENT_NONE, 1},
        {1, ORIENT_AS_IS, LOOK_PLAIN, -1, MOMENT_NONE, 0},
    };
    check_frames(stills, 4, 2, false);
    static const struct told back[] = {{1, ORIENT_AS_IS, LOOK_PLAIN, 10, 0, 0},
                                       {1, ORIENT_AS_IS, LOOK_PLAIN, 5, 1, 0},
                                       {1, ORIENT_AS_IS, LOOK_PLAIN, -1, MOMENT_NONE, 0},
                                       {1, ORIENT_AS_IS, LOOK_PLAIN, 5, 1, 0}};
    check_frames(back, 4, 1, true);
    static const struct told turned[] = {{6, ORIENT_ROT180, LOOK_PLAIN, 0, 0, 0}};
    check_frames(turned, 1, 1, false);
}

static bool a_thousand_frames(struct upload_frames *frames)
{
    for (uint64_t i = 0; i < 1000; i++) {
        const struct lookup_signal s = {.pdq = {{i % 700}}, .ms = (int64_t)i};
        uint32_t moment, picture;
        if (!upload_frames_next(frames, &s, &moment, &picture))
            return false;
        if (moment != i || picture != i % 700)
            fail_msg("frame %llu is moment %u, picture %u", (unsigned long long)i, moment, picture);
    }
    return true;
}

static void frames_survive_every_failed_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct clip_memory memory = {.most = 1 << 20};
        struct upload_frames frames;
        upload_frames_begin(&frames, &memory, true);
        oom_arm(nth);
        bool all = a_thousand_frames(&frames);
        bool failed = oom_disarm();
        upload_frames_end(&frames);
        assert_int_equal(all, !failed);
        assert_int_equal(memory.used, 0);
        assert_int_equal(memory.failed, failed ? RC_NOMEM : RC_OK);
        if (!failed) {
            assert_true(nth > 10);
            return;
        }
    }
}

/* --- runs --- */

enum { PLACES = 5 };

/* The clip has a signal each second; span[] is told by hand. */
static struct clip_run search(const int64_t *ms, const struct run_span *span, uint32_t n,
                              uint32_t most)
{
    SCOPED(mem_free)
    struct clip *clip = calloc(1, sizeof(*clip) + PLACES * sizeof(clip->signal[0]));
    uint32_t start[PLACES + 1];
    clip->n = clip->pictures = PLACES;
    for (int i = 0; i < PLACES; i++)
        clip->signal[i].ms = 1000 * i;
    const struct run_search s = {
        .clip = clip, .ms = ms, .span = span, .spans = n, .start = start, .most = most};
    struct clip_run best = {0};
    clip_run_search(&s, &best);
    return best;
}

static void a_run_is_in_order_and_in_time(void **state)
{
    (void)state;
    static const int64_t ms[] = {5000, 6000, 7500, 7501, 8000, 9000};
    static const struct run_span straight[] = {{1, 0, 0}, {2, 1, 1}, {3, 2, 3}, {4, 4, 4}};
    struct clip_run run = search(ms, straight, 4, 100);
    assert_int_equal(run.length, 4);
    assert_int_equal(run.ms, 5000);
    assert_int_equal(run.entry_ms, 1000);
    assert_int_equal(search(ms, straight, 4, 2).length, 2);
    static const struct run_span gap[] = {{0, 0, 0}, {2, 2, 2}, {3, 4, 4}};
    run = search(ms, gap, 3, 100);
    assert_int_equal(run.length, 2);
    assert_int_equal(run.entry_ms, 2000);
    static const struct run_span backwards[] = {{1, 5, 5}, {2, 1, 1}, {3, 0, 0}};
    assert_int_equal(search(ms, backwards, 3, 100).length, 0);
    static const struct run_span alone[] = {{4, 0, 5}};
    assert_int_equal(search(ms, alone, 1, 100).length, 0);
    assert_int_equal(search(ms, NULL, 0, 100).length, 0);
}

static void half_a_second_is_the_edge(void **state)
{
    (void)state;
    static const int64_t within[] = {1000, 2500, 4000}, beyond[] = {1000, 2500, 4001};
    static const struct run_span spans[] = {{1, 0, 0}, {2, 1, 1}, {3, 2, 2}};
    assert_int_equal(search(within, spans, 3, 100).length, 3);
    assert_int_equal(search(beyond, spans, 3, 100).length, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clip_is_put_in_order_of_time),
        cmocka_unit_test(a_clip_is_learnt_once),
        cmocka_unit_test(learning_survives_every_failed_allocation),
        cmocka_unit_test(memory_is_counted_and_limited),
        cmocka_unit_test(frames_are_told_apart),
        cmocka_unit_test(frames_survive_every_failed_allocation),
        cmocka_unit_test(a_run_is_in_order_and_in_time),
        cmocka_unit_test(half_a_second_is_the_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
