/* Lists in which everything is near everything: what a lookup notes of clips stays bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/clip_hits.h"

enum { HOSTILE = 6000, PLACES = 60 };

struct crowd {
    struct tally_bank bank;
    struct tally tally;
    struct clip_hits hits;
    struct clip *clip;
};

static void crowd_begin(struct crowd *crowd, unsigned query_percent, size_t room, size_t most)
{
    *crowd = (struct crowd){.bank.rule = {.action = ACTION_BLOCK,
                                          .threshold = 31,
                                          .bank_match_percent = 80,
                                          .query_match_percent = (uint8_t)query_percent,
                                          .match_run = 3}};
    crowd->clip = calloc(1, sizeof(*crowd->clip) + PLACES * sizeof(crowd->clip->signal[0]));
    crowd->clip->n = crowd->clip->pictures = PLACES;
    for (uint32_t i = 0; i < PLACES; i++)
        crowd->clip->signal[i] = (struct clip_signal){.ms = (int32_t)(1000 * i), .picture = i};
    tally_begin(&crowd->tally, &crowd->bank, 1);
    clip_hits_begin(&crowd->hits, &crowd->tally, query_percent > 0);
    crowd->hits.room = room;
    crowd->hits.memory.most = most;
}

static void crowd_end(struct crowd *crowd)
{
    clip_hits_end(&crowd->hits);
    assert_int_equal(crowd->hits.memory.used, 0);
    tally_end(&crowd->tally);
    free(crowd->clip);
}

/* Every `step`th place of every clip is near this frame. */
static bool all_are_near(struct crowd *crowd, int64_t ms, uint32_t step)
{
    const struct lookup_signal s = {.pdq = {{(uint64_t)ms, 1, 2, 3}}, .ms = ms};
    struct clip_hit hit = {.ms = ms, .distance = 9};
    if (!upload_frames_next(&crowd->hits.frames, &s, &hit.moment, &hit.picture))
        return false;
    for (uint64_t entry = 0; entry < HOSTILE; entry++)
        for (hit.place = 0; hit.place < PLACES; hit.place += step)
            if (!clip_hits_add(&crowd->hits, entry, 0, crowd->clip, &hit))
                return false;
    return clip_hits_settle(&crowd->hits);
}

static void clips_that_surely_match_need_no_memory(void **state)
{
    (void)state;
    struct crowd crowd;
    crowd_begin(&crowd, 0, 1 << 20, 2 << 20);
    for (int64_t ms = 0; ms < 200; ms += 40) {
        assert_true(all_are_near(&crowd, ms, 1));
        assert_int_equal(crowd.hits.verdict, VERDICT_BLOCK);
        assert_true(crowd.hits.memory.used < 1 << 20);
    }
    assert_true(clip_hits_tell(&crowd.hits));
    assert_int_equal(crowd.tally.total, (size_t)HOSTILE < (size_t)LOOKUP_TOTAL_MAX
                                            ? (size_t)HOSTILE
                                            : (size_t)LOOKUP_TOTAL_MAX);
    crowd_end(&crowd);
}

static void runs_that_surely_match_need_no_memory(void **state)
{
    (void)state;
    struct crowd crowd;
    crowd_begin(&crowd, 100, 1 << 20, 64 << 20); /* no percent is certain before the end */
    for (int64_t ms = 0; ms <= 2000; ms += 500)
        assert_true(all_are_near(&crowd, ms, 1));
    assert_int_equal(crowd.hits.verdict, VERDICT_BLOCK);
    assert_true(crowd.hits.memory.used < 1 << 20);
    crowd_end(&crowd);
}

static void what_cannot_be_kept_is_not_missed(void **state)
{
    (void)state;
    struct crowd crowd;
    crowd_begin(&crowd, 0, 1 << 20, 2 << 20);
    assert_false(all_are_near(&crowd, 0, 2)); /* half of each: no match, and no room */
    assert_int_equal(crowd.hits.memory.failed, RC_LIMIT);
    assert_false(clip_hits_tell(&crowd.hits) && crowd.hits.memory.failed == RC_OK);
    crowd_end(&crowd);

    crowd_begin(&crowd, 0, CLIP_ROOM, CLIP_MEMORY_MAX);
    for (int64_t ms = 0; ms < 4000; ms += 400) /* one span each, however long */
        assert_true(all_are_near(&crowd, ms, 2));
    assert_int_equal(crowd.hits.verdict, VERDICT_ALLOW);
    assert_true(crowd.hits.memory.used < CLIP_ROOM);
    crowd_end(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clips_that_surely_match_need_no_memory),
        cmocka_unit_test(runs_that_surely_match_need_no_memory),
        cmocka_unit_test(what_cannot_be_kept_is_not_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
