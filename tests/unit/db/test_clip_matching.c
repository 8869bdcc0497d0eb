/* The rules of clips, one by one, each on both sides of its edge; and hostile lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/clip_hits.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#define FAKE_SIGNALS_MAX 100
#include "tests/unit/db/fake_store.h"

enum { SIGNALS_MAX = 4096 };

/* One bank, one list, one upload. */
struct scene {
    struct store *store;
    struct blocklist *list;
    struct lookup_signal signal[SIGNALS_MAX];
    size_t n;
    struct lookup got;
};

static struct scene *scene_new(unsigned bank_percent, unsigned query_percent, unsigned run)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    scene->store = fake_store();
    fake_bank(scene->store, ACTION_BLOCK, 31);
    scene->store->bank[0].bank_match_percent = bank_percent;
    scene->store->bank[0].query_match_percent = query_percent;
    scene->store->bank[0].match_run = run;
    return scene;
}

static void scene_free(struct scene *scene)
{
    blocklist_free(scene->list);
    fake_free(scene->store);
    free(scene);
}
SCOPED_DEFINE(scene_free, struct scene *)

/* What picture number n looks like: far from all others. */
static struct pdq_hash picture(uint64_t n)
{
    struct rnd rnd = {.state = n * 0x9E3779B97F4A7C15};
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(&rnd);
    return h;
}

static struct signal signal_of(uint64_t n, int64_t ms)
{
    struct signal s = {.type = SIGNAL_PDQ, .quality = 100, .ms = ms};
    struct pdq_hash h = picture(n);
    pdq_bytes(&h, s.value);
    return s;
}

/* Pictures first, first+1, … one each `step`. */
static uint64_t bank_clip(struct scene *scene, uint64_t first, size_t n, int64_t step)
{
    struct signal s[FAKE_SIGNALS_MAX];
    for (size_t i = 0; i < n; i++)
        s[i] = signal_of(first + i, (int64_t)i * step);
    return fake_entry(scene->store, 0, s, n);
}

static void show_turned(struct scene *scene, uint64_t n, int64_t ms, enum orientation o)
{
    assert_true(scene->n < SIGNALS_MAX);
    scene->signal[scene->n++] =
        (struct lookup_signal){.type = SIGNAL_PDQ, .pdq = picture(n), .orientation = o, .ms = ms};
}

static void show(struct scene *scene, uint64_t n, int64_t ms)
{
    show_turned(scene, n, ms, ORIENT_AS_IS);
}

static const struct match *look_up(struct scene *scene)
{
    struct err err;
    if (scene->list == NULL)
        assert_int_equal(blocklist_load(scene->store, &scene->list, &err), RC_OK);
    assert_int_equal(blocklist_follow(scene->list, NULL, &err), RC_OK);
    assert_int_equal(lookup_once(scene->list, scene->signal, scene->n, NULL, 0, &scene->got, &err),
                     RC_OK);
    assert_int_equal(scene->got.verdict, scene->got.n > 0 ? VERDICT_BLOCK : VERDICT_ALLOW);
    assert_int_equal(scene->got.total, scene->got.n);
    return scene->got.n > 0 ? &scene->got.matches[0] : NULL;
}

/* --- runs --- */

/* Frames of a film in which the clip begins at `at`, from one of its moments to another. */
static void play(struct scene *scene, int64_t at, int64_t from, int64_t to, int64_t frame_ms)
{
    for (int64_t ms = 0; ms < from; ms += 500)
        show(scene, 90000 + (uint64_t)ms, at - from + ms < 0 ? 0 : at - from + ms);
    for (int64_t c = from; c < to; c += frame_ms) {
        uint64_t n = (uint64_t)((c + 500) / 1000); /* a second's picture is seen around it */
        show(scene, n, at + c - from);
    }
    for (int64_t ms = 0; ms < 5000; ms += 500)
        show(scene, 95000 + (uint64_t)ms, at + to - from + ms);
}

static void five_seconds_of_a_clip_are_found_at_any_phase(void **state)
{
    (void)state;
    static const int64_t rates[] = {33, 40, 100};
    for (int64_t phase = 0; phase < 1000; phase += 83)
        for (size_t r = 0; r < 3; r++) {
            SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
            uint64_t entry = bank_clip(scene, 0, 60, 1000);
            int64_t from = 20000 + phase;
            play(scene, 30000 + 7 * phase, from, from + 5000, rates[r]);
            const struct match *m = look_up(scene);
            assert_non_null(m);
            assert_true(m->clip);
            assert_int_equal(m->entry, entry);
            assert_true(m->run >= 5 && m->run <= 7);
            assert_int_equal(m->clip_found, m->run);
            assert_int_equal(m->clip_of, 60);
            int64_t offset = 30000 + 7 * phase - from;
            assert_true(llabs(m->offset_ms - offset) <= 500);
            assert_int_equal(m->ms - m->entry_ms, m->offset_ms);
            assert_int_equal(m->distance, 0);
        }
}

static void show_at(struct scene *scene, const uint64_t *pictures, const int64_t *ms, size_t n)
{
    scene->n = 0;
    for (size_t i = 0; i < n; i++)
        show(scene, pictures[i], ms[i]);
}

static void only_order_and_pace_make_a_run(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    bank_clip(scene, 0, 20, 1000);
    static const uint64_t pictures[] = {4, 5, 6}, backwards[] = {6, 5, 4}, shuffled[] = {5, 4, 6},
                          gap[] = {4, 5, 7};
    static const int64_t even[] = {100, 1100, 2100}, slow[] = {100, 1600, 3100},
                         slower[] = {100, 1600, 3101}, fast[] = {100, 600, 1100},
                         faster[] = {100, 600, 1099}, equal[] = {100, 100, 1100},
                         untimed[] = {-1, -1, -1};
    show_at(scene, pictures, even, 3);
    assert_int_equal(look_up(scene)->run, 3);
    show_at(scene, pictures, even, 2);
    assert_null(look_up(scene));
    show_at(scene, backwards, even, 3);
    assert_null(look_up(scene));
    show_at(scene, shuffled, even, 3);
    assert_null(look_up(scene));
    show_at(scene, gap, even, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, slow, 3);
    assert_non_null(look_up(scene));
    show_at(scene, pictures, slower, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, fast, 3);
    assert_non_null(look_up(scene));
    show_at(scene, pictures, faster, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, equal, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, untimed, 3);
    assert_null(look_up(scene));
}

static void signals_of_one_time_need_frames_of_two(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(100, 0, 3);
    struct signal s[4] = {signal_of(1, 0), signal_of(2, 0), signal_of(3, 0), signal_of(4, 0)};
    fake_entry(scene->store, 0, s, 4);
    static const uint64_t pictures[] = {1, 2, 3};
    static const int64_t rising[] = {7, 8, 9}, equal[] = {7, 8, 8};
    show_at(scene, pictures, rising, 3);
    assert_int_equal(look_up(scene)->run, 3);
    show_at(scene, pictures, equal, 3);
    assert_null(look_up(scene));
}

/* What was one span while times rose must be seen frame by frame when one comes late. */
static void times_may_come_in_any_order(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(100, 100, 3);
    bank_clip(scene, 0, 4, 0);
    for (int64_t ms = 0; ms <= 950; ms += 50) {
        show(scene, 1, ms);
        if (ms == 550)
            show(scene, 0, ms);
        if (ms == 800)
            show(scene, 2, ms);
    }
    show(scene, 5000, 1900);
    show(scene, 1, 2000);
    show(scene, 5001, 2050);
    show(scene, 1, 500);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_int_equal(m->run, 3);
    assert_int_equal(m->ms, 550);

    scene->n = 0;
    for (int64_t i = 3; i-- > 0;) /* the last frame first */
        show(scene, (uint64_t)i, i);
    assert_int_equal(look_up(scene)->run, 3);
}

static void a_mirrored_copy_is_mirrored_throughout(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    bank_clip(scene, 0, 20, 1000);
    for (uint64_t i = 0; i < 4; i++) {
        show(scene, 1000 + i, (int64_t)i * 1000 + 50);
        show_turned(scene, 3 + i, (int64_t)i * 1000 + 50, ORIENT_FLIPY);
    }
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_int_equal(m->run, 4);
    assert_int_equal(m->orientation, ORIENT_FLIPY);
    assert_int_equal(m->ms, 50);
    assert_int_equal(m->entry_ms, 3000);

    scene->n = 0;
    for (uint64_t i = 0; i < 4; i++)
        show_turned(scene, 3 + i, (int64_t)i * 1000, i % 2 == 0 ? ORIENT_FLIPY : ORIENT_FLIPX);
    assert_null(look_up(scene));
}

static void any_look_counts_for_a_run(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    bank_clip(scene, 0, 20, 1000);
    for (uint64_t i = 0; i < 3; i++) {
        show(scene, 3 + i, (int64_t)i * 1000);
        scene->signal[i].look = (enum look)i;
    }
    assert_int_equal(look_up(scene)->run, 3);
}

static void a_run_of_none_is_switched_off(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 0);
    bank_clip(scene, 0, 10, 1000);
    for (uint64_t i = 0; i < 7; i++)
        show(scene, i, (int64_t)i * 1000);
    assert_null(look_up(scene));
    show(scene, 7, 7000);
    assert_int_equal(look_up(scene)->run, 0);
}

static void a_run_is_as_long_as_the_bank_says(void **state)
{
    (void)state;
    for (unsigned run = 2; run <= 100; run += 14) {
        SCOPED(scene_free) struct scene *scene = scene_new(100, 100, run);
        bank_clip(scene, 0, 100, 40);
        show(scene, 5000, 0);
        for (unsigned i = 0; i + 1 < run; i++)
            show(scene, i, 1000 + 40 * i);
        assert_null(look_up(scene));
        show(scene, run - 1, 1000 + 40 * (run - 1));
        assert_int_equal(look_up(scene)->run, run);
    }
}

/* --- percents --- */

static void the_percent_of_a_clip_has_an_edge(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 0);
    bank_clip(scene, 0, 100, 1000);
    for (uint64_t i = 0; i < 79; i++)
        show_turned(scene, (i * 37) % 100, -1, (enum orientation)(i % ORIENTATIONS));
    show(scene, 5000, -1);
    assert_null(look_up(scene));
    show(scene, (79 * 37) % 100, -1);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_int_equal(m->clip_found, 80);
    assert_int_equal(m->ms, -1);
    assert_int_equal(m->offset_ms, 0);
}

static void equal_frames_count_once(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(50, 50, 0);
    struct signal s[12];
    for (size_t i = 0; i < 12; i++) /* nine times picture 0, then 1, 2, 3 */
        s[i] = signal_of(i < 9 ? 0 : i - 8, (int64_t)i * 1000);
    fake_entry(scene->store, 0, s, 12);
    for (uint64_t i = 0; i < 10; i++)
        show(scene, 0, (int64_t)i);
    assert_null(look_up(scene)); /* one of four */
    show(scene, 2, 500);
    assert_int_equal(look_up(scene)->clip_found, 2);
    assert_int_equal(look_up(scene)->clip_of, 4);
    show(scene, 800, 600); /* two of four different frames */
    for (int64_t i = 0; i < 10; i++)
        show(scene, 801, 700 + i);
    assert_non_null(look_up(scene));
    show(scene, 802, 900); /* two of five */
    assert_null(look_up(scene));
}

static void a_clip_of_one_signal_matches_by_it(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    uint64_t entry = bank_clip(scene, 7, 1, 1000);
    show_turned(scene, 7, -1, ORIENT_ROT90);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_true(m->clip);
    assert_int_equal(m->entry, entry);
    assert_int_equal(m->orientation, ORIENT_ROT90);
    assert_int_equal(m->run, 0);
}

static void a_frame_that_meets_a_picture_is_a_match(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    struct signal s[5] = {signal_of(1, 0), signal_of(2, 1000), signal_of(3, 2000),
                          signal_of(4, -1)};
    s[4] = (struct signal){.type = SIGNAL_SHA256, .value = {9}, .quality = -1, .ms = -1};
    fake_entry(scene->store, 0, s, 5);
    show(scene, 1, 0);
    assert_null(look_up(scene));
    show(scene, 4, 700);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_false(m->clip);
    assert_int_equal(m->ms, 700);
    assert_int_equal(m->entry_ms, -1);
    scene->n = 0;
    scene->signal[scene->n++] =
        (struct lookup_signal){.type = SIGNAL_SHA256, .digest = {9}, .ms = -1};
    assert_int_equal(look_up(scene)->type, SIGNAL_SHA256);
}

static void a_flat_signal_is_no_part_of_a_clip(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    struct signal s[4] = {signal_of(1, 0), signal_of(2, 1000), signal_of(3, 2000),
                          signal_of(4, 3000)};
    s[1].quality = PDQ_MIN_QUALITY - 1;
    fake_entry(scene->store, 0, s, 4);
    static const uint64_t pictures[] = {1, 3, 4};
    static const int64_t ms[] = {0, 2000, 3000};
    show_at(scene, pictures, ms, 3);
    const struct match *m = look_up(scene);
    assert_int_equal(m->clip_of, 3);
    assert_int_equal(m->run, 3);
}

/* --- the run of a lookup --- */

static void a_clip_comes_and_goes_with_its_entry(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    assert_null(look_up(scene));
    for (uint64_t i = 0; i < 5; i++)
        show(scene, i, (int64_t)i * 1000);
    uint64_t entry = bank_clip(scene, 0, 60, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look_up(scene)->run, 5);
        fake_entry_set(scene->store, entry, false);
        assert_null(look_up(scene));
        fake_entry_set(scene->store, entry, true);
    }
    uint64_t before = scene->store->generation - 1;
    assert_non_null(look_up(scene));
    assert_int_equal(
        lookup_once(scene->list, scene->signal, scene->n, NULL, before, &scene->got, NULL), RC_OK);
    assert_int_equal(scene->got.n, 1);
    assert_int_equal(
        lookup_once(scene->list, scene->signal, scene->n, NULL, before + 1, &scene->got, NULL),
        RC_OK);
    assert_int_equal(scene->got.n, 0);
}

static void fill_batch(struct lookup_run *run, int64_t ms)
{
    struct lookup_signal nothing = {.type = SIGNAL_PDQ, .orientation = ORIENT_ROT90, .ms = ms};
    struct err err;
    for (uint64_t i = 0; i < LOOKUP_BATCH; i++) {
        nothing.pdq = picture(1000000 + i);
        assert_int_equal(lookup_ask(run, &nothing, 1, &err), RC_OK);
    }
}

static void the_verdict_so_far_is_certain(void **state)
{
    (void)state;
    for (unsigned query_percent = 0; query_percent <= 50; query_percent += 50) {
        SCOPED(scene_free) struct scene *scene = scene_new(100, query_percent, 3);
        bank_clip(scene, 0, 2, 1000); /* by percent */
        look_up(scene);
        SCOPED(lookup_free) struct lookup_run *run = NULL;
        assert_int_equal(lookup_open(scene->list, NULL, 0, &run, NULL), RC_OK);
        show(scene, 0, 0);
        show(scene, 1, 1);
        assert_int_equal(lookup_ask(run, scene->signal, 2, NULL), RC_OK);
        fill_batch(run, 1);
        assert_int_equal(lookup_verdict_so_far(run),
                         query_percent == 0 ? VERDICT_BLOCK : VERDICT_ALLOW);
        assert_int_equal(lookup_report(run, &scene->got, NULL), RC_OK);
        assert_int_equal(scene->got.verdict, VERDICT_BLOCK);
    }
    SCOPED(scene_free) struct scene *scene = scene_new(100, 50, 3);
    bank_clip(scene, 0, 5, 1000); /* by a run, over three batches */
    look_up(scene);
    SCOPED(lookup_free) struct lookup_run *run = NULL;
    assert_int_equal(lookup_open(scene->list, NULL, 0, &run, NULL), RC_OK);
    for (uint64_t i = 0; i < 3; i++) {
        show(scene, i, (int64_t)i * 1000);
        assert_int_equal(lookup_ask(run, &scene->signal[i], 1, NULL), RC_OK);
        fill_batch(run, (int64_t)i * 1000);
        assert_int_equal(lookup_verdict_so_far(run), i == 2 ? VERDICT_BLOCK : VERDICT_ALLOW);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 10, 3);
    for (uint64_t i = 0; i < 20; i++)
        bank_clip(scene, i * 3, 60, 1000);
    for (uint64_t i = 0; i < 300; i++)
        show_turned(scene, i * 7 % 60, (int64_t)i * 40, (enum orientation)(i % 3));
    assert_non_null(look_up(scene));
    for (unsigned nth = 1;; nth++) {
        struct lookup got = {.total = 4711};
        struct err err;
        oom_arm(nth);
        enum rc rc = lookup_once(scene->list, scene->signal, scene->n, NULL, 0, &got, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 100);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_int_equal(got.total, 4711);
    }
}

static void a_failure_stays(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    look_up(scene);
    SCOPED(lookup_free) struct lookup_run *run = NULL;
    show(scene, 1, 0);
    assert_int_equal(lookup_open(scene->list, NULL, 0, &run, NULL), RC_OK);
    oom_arm(1);
    assert_int_equal(lookup_ask(run, scene->signal, 1, NULL), RC_NOMEM);
    assert_true(oom_disarm());
    assert_int_equal(lookup_ask(run, scene->signal, 1, NULL), RC_NOMEM);
    assert_int_equal(lookup_report(run, &scene->got, NULL), RC_NOMEM);
}

/* --- lists in which everything is near everything --- */

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
    const struct lookup_signal s = {.pdq = picture((uint64_t)ms), .ms = ms};
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
    assert_int_equal(crowd.tally.total, HOSTILE);
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

/* The same through the front door: thousands of clips, all of one picture and its neighbours. */
static void a_hostile_list_gets_its_verdict(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    for (int i = 0; i < 500; i++) {
        struct signal s[20];
        for (size_t k = 0; k < 20; k++) {
            s[k] = signal_of(1, (int64_t)k * 1000);
            s[k].value[0] ^= (uint8_t)k;
        }
        fake_entry(scene->store, 0, s, 20);
    }
    struct err err;
    assert_int_equal(blocklist_load(scene->store, &scene->list, &err), RC_OK);
    for (int64_t ms = 0; ms < 8000; ms += 40)
        show(scene, 1, ms);
    assert_int_equal(lookup_once(scene->list, scene->signal, scene->n, NULL, 0, &scene->got, &err),
                     RC_OK);
    assert_int_equal(scene->got.verdict, VERDICT_BLOCK);
    assert_int_equal(scene->got.total, 500);
    assert_int_equal(scene->got.n, MATCHES_MAX);
    assert_int_equal(scene->got.matches[0].clip_found, 20);
    assert_int_equal(scene->got.matches[0].run, 9); /* eight seconds, and half a one on each side */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_seconds_of_a_clip_are_found_at_any_phase),
        cmocka_unit_test(only_order_and_pace_make_a_run),
        cmocka_unit_test(signals_of_one_time_need_frames_of_two),
        cmocka_unit_test(times_may_come_in_any_order),
        cmocka_unit_test(a_mirrored_copy_is_mirrored_throughout),
        cmocka_unit_test(any_look_counts_for_a_run),
        cmocka_unit_test(a_run_of_none_is_switched_off),
        cmocka_unit_test(a_run_is_as_long_as_the_bank_says),
        cmocka_unit_test(the_percent_of_a_clip_has_an_edge),
        cmocka_unit_test(equal_frames_count_once),
        cmocka_unit_test(a_clip_of_one_signal_matches_by_it),
        cmocka_unit_test(a_frame_that_meets_a_picture_is_a_match),
        cmocka_unit_test(a_flat_signal_is_no_part_of_a_clip),
        cmocka_unit_test(a_clip_comes_and_goes_with_its_entry),
        cmocka_unit_test(the_verdict_so_far_is_certain),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(clips_that_surely_match_need_no_memory),
        cmocka_unit_test(runs_that_surely_match_need_no_memory),
        cmocka_unit_test(what_cannot_be_kept_is_not_missed),
        cmocka_unit_test(a_hostile_list_gets_its_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
