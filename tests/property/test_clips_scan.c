/*
 * Clips against a slow and obvious reading of the rules in db/policy.h: for random clips with
 * equal frames, uneven and equal times; uploads that show parts of them turned, shifted, drifting,
 * shuffled, reversed, in pieces; is the same found, with the same numbers?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/policy.h"
#include "tests/support/rnd.h"
#define FAKE_SIGNALS_MAX 24
#include "tests/unit/db/fake_store.h"

enum {
    ROUNDS = 150,
    CLIPS = 12,
    BANKS = 4,
    FRAMES = 40,
    PER_FRAME = 5,
    SIGNALS_MAX = 20000,
    FILLER = 1700, /* signals that hit nothing: a few of them fill a batch */
    POOL = 10,
    WINDOW = 1000
};

struct frame {
    int64_t ms;
    size_t n;
    struct lookup_signal signal[PER_FRAME]; /* as-is first */
    bool filler;
};

struct scene {
    struct store *store;
    struct blocklist *list;
    struct pdq_hash pool[POOL];
    struct frame frame[FRAMES];
    size_t frames;
};

static void scene_end(struct scene *scene)
{
    blocklist_free(scene->list);
    if (scene->store != NULL)
        fake_free(scene->store);
}
SCOPED_DEFINE(scene_end, struct scene *)

/* --- making scenes --- */

static struct pdq_hash random_hash(struct rnd *rnd)
{
    return (struct pdq_hash){{rnd_next(rnd), rnd_next(rnd), rnd_next(rnd), rnd_next(rnd)}};
}

static struct pdq_hash near(struct rnd *rnd, struct pdq_hash h, uint64_t flips)
{
    for (; flips > 0; flips--) {
        uint64_t bit = rnd_below(rnd, 256);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static void make_clip(struct scene *scene, struct rnd *rnd)
{
    static const int64_t steps[] = {0, 33, 250, 1000, 1000, 1500};
    struct signal s[FAKE_SIGNALS_MAX];
    size_t n = 1 + rnd_below(rnd, rnd_below(rnd, 2) == 0 ? 6 : FAKE_SIGNALS_MAX);
    bool steady = rnd_below(rnd, 2) == 0;
    int64_t ms = (int64_t)rnd_below(rnd, 3) * 500, step = steps[rnd_below(rnd, 6)];
    for (size_t i = 0; i < n; i++) {
        struct pdq_hash h = scene->pool[rnd_below(rnd, POOL)];
        if (rnd_below(rnd, 3) == 0)
            h = near(rnd, h, rnd_below(rnd, 12));
        s[i] = (struct signal){.type = SIGNAL_PDQ, .quality = 100, .ms = ms};
        if (rnd_below(rnd, 20) == 0)
            s[i].ms = -1; /* a picture as well */
        if (rnd_below(rnd, 20) == 0)
            s[i].quality = PDQ_MIN_QUALITY - 1; /* never listed */
        pdq_bytes(&h, s[i].value);
        ms += steady ? step : steps[rnd_below(rnd, 6)];
    }
    for (size_t i = 0; i < n && rnd_below(rnd, 8) == 0; i++) { /* told in any order */
        size_t k = rnd_below(rnd, n);
        struct signal t = s[i];
        s[i] = s[k];
        s[k] = t;
    }
    fake_entry(scene->store, (uint32_t)rnd_below(rnd, BANKS), s, n);
}

static void make_list(struct scene *scene, struct rnd *rnd)
{
    static const unsigned percents[] = {1, 50, 79, 80, 100}, shown[] = {0, 0, 0, 20, 80, 100},
                          runs[] = {0, 2, 3, 3, 5, 100};
    scene->store = fake_store();
    for (size_t i = 0; i < POOL; i++)
        scene->pool[i] = random_hash(rnd);
    for (int i = 0; i < BANKS; i++) {
        fake_bank(scene->store, (enum action)rnd_below(rnd, ACTIONS), 31);
        struct bank *bank = &scene->store->bank[i];
        bank->bank_match_percent = percents[rnd_below(rnd, 5)];
        bank->query_match_percent = shown[rnd_below(rnd, 6)];
        bank->match_run = runs[rnd_below(rnd, 6)];
    }
    for (int i = 0; i < CLIPS; i++)
        make_clip(scene, rnd);
    assert_int_equal(blocklist_load(scene->store, &scene->list, NULL), RC_OK);
}

/* A frame that shows this hash in one of its orientations and looks. */
static void make_frame(struct scene *scene, struct rnd *rnd, const struct pdq_hash *shown,
                       int64_t ms)
{
    struct frame *f = &scene->frame[scene->frames++];
    enum orientation o = (enum orientation)rnd_below(rnd, 3);
    *f = (struct frame){.ms = ms, .n = 1 + rnd_below(rnd, PER_FRAME)};
    bool look = f->n == PER_FRAME;
    for (size_t i = 0; i < f->n; i++) {
        struct lookup_signal *s = &f->signal[i];
        *s = (struct lookup_signal){.type = SIGNAL_PDQ,
                                    .pdq = scene->pool[rnd_below(rnd, POOL)],
                                    .orientation = (enum orientation)(i % (PER_FRAME - 1)),
                                    .look = i == PER_FRAME - 1 ? LOOK_ON_WHITE : LOOK_PLAIN,
                                    .ms = ms};
        if (rnd_below(rnd, 2) == 0)
            s->pdq = random_hash(rnd);
        if (s->orientation == o || (look && i == PER_FRAME - 1))
            s->pdq = *shown;
    }
    f->filler = rnd_below(rnd, 12) == 0;
}

static int by_ms(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;
    return (x->ms > y->ms) - (x->ms < y->ms);
}

/* Shows a clip with some offset, jitter, drift, gaps; sorted by time or not. */
static void show_clip(struct scene *scene, struct rnd *rnd, const struct fake_entry *entry)
{
    int64_t offset = (int64_t)rnd_below(rnd, 20000), jitter = (int64_t)rnd_below(rnd, 1400) + 1,
            drift = (int64_t)rnd_below(rnd, 3) * 150;
    bool backwards = rnd_below(rnd, 6) == 0, still = rnd_below(rnd, 12) == 0;
    size_t first = rnd_below(rnd, 3) == 0 ? rnd_below(rnd, entry->n) : 0;
    for (size_t i = first; i < entry->n && scene->frames < FRAMES; i++) {
        const struct signal *s = &entry->signals[backwards ? entry->n - 1 - i : i];
        struct pdq_hash h = pdq_from_bytes(s->value);
        int64_t ms = entry->signals[i].ms + offset + (int64_t)i * drift;
        ms += (int64_t)rnd_below(rnd, (uint64_t)jitter) - jitter / 2;
        h = near(rnd, h, rnd_below(rnd, 3) == 0 ? rnd_below(rnd, 40) : 0);
        if (rnd_below(rnd, 8) > 0)
            make_frame(scene, rnd, &h, still ? -1 : ms < 0 ? 0 : ms);
        if (rnd_below(rnd, 6) == 0 && scene->frames < FRAMES && scene->frames > 0) {
            scene->frame[scene->frames] = scene->frame[scene->frames - 1]; /* shown twice */
            scene->frames++;
        }
    }
}

/* Plays a clip: several frames one after the other show each of its signals. */
static void play_clip(struct scene *scene, struct rnd *rnd, const struct fake_entry *entry)
{
    static const int64_t steps[] = {20, 33, 100, 300, 1100};
    int64_t ms = (int64_t)rnd_below(rnd, 3000), step = steps[rnd_below(rnd, 5)];
    uint64_t frames = 1 + rnd_below(rnd, 6);
    for (size_t i = rnd_below(rnd, entry->n); i < entry->n; i++) {
        struct pdq_hash h = pdq_from_bytes(entry->signals[i].value);
        for (uint64_t k = 0; k < frames && scene->frames < FRAMES; k++) {
            make_frame(scene, rnd, &h, ms);
            if (rnd_below(rnd, 3) > 0) /* shown as it is, so that it stays the same picture */
                scene->frame[scene->frames - 1].signal[0].pdq = h;
            ms += step + (int64_t)rnd_below(rnd, 5);
        }
    }
}

static void make_upload(struct scene *scene, struct rnd *rnd)
{
    scene->frames = 0;
    while (scene->frames < 1 + FRAMES / 2) {
        const struct fake_entry *entry = &scene->store->entry[rnd_below(rnd, CLIPS)];
        if (rnd_below(rnd, 2) == 0)
            play_clip(scene, rnd, entry);
        else
            show_clip(scene, rnd, entry);
        struct pdq_hash h = random_hash(rnd);
        if (scene->frames < FRAMES)
            make_frame(scene, rnd, &h, (int64_t)rnd_below(rnd, 20000));
        if (rnd_below(rnd, 3) == 0)
            break;
    }
    if (rnd_below(rnd, 4) > 0)
        qsort(scene->frame, scene->frames, sizeof(scene->frame[0]), by_ms);
    for (size_t f = 0; f < scene->frames; f++) /* a frame shown twice moves with its time */
        for (size_t i = 0; i < scene->frame[f].n; i++)
            scene->frame[f].signal[i].ms = scene->frame[f].ms;
}

/* --- the slow and obvious answer --- */

struct answer {
    bool clip_matches, picture_matches;
    uint32_t found, of, run;
    int64_t first_ms, first_entry_ms;
    unsigned distance;
};

/* The signals of the entry that are listed and timed, in order of time. */
static size_t timed(const struct fake_entry *entry, struct signal *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < entry->n; i++) {
        if (entry->signals[i].ms < 0 || entry->signals[i].quality < PDQ_MIN_QUALITY)
            continue;
        size_t at = n++;
        for (; at > 0 && ret[at - 1].ms > entry->signals[i].ms; at--)
            ret[at] = ret[at - 1];
        ret[at] = entry->signals[i];
    }
    return n;
}

static unsigned distance(const struct signal *s, const struct lookup_signal *q)
{
    struct pdq_hash h = pdq_from_bytes(s->value);
    return pdq_distance(&h, &q->pdq);
}

static bool frame_shows(const struct frame *f, const struct signal *s)
{
    for (size_t i = 0; i < f->n; i++)
        if (distance(s, &f->signal[i]) <= 31)
            return true;
    return false;
}

static bool frame_shows_turned(const struct frame *f, const struct signal *s, enum orientation o)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->signal[i].orientation == o && distance(s, &f->signal[i]) <= 31)
            return true;
    return false;
}

static uint32_t distinct_found(const struct scene *scene, const struct signal *s, size_t n,
                               uint32_t *ret_of)
{
    uint32_t found = 0, of = 0;
    for (size_t i = 0; i < n; i++) {
        bool before = false, shown = false;
        for (size_t k = 0; k < i; k++)
            before = before || memcmp(s[k].value, s[i].value, 32) == 0;
        for (size_t f = 0; f < scene->frames; f++)
            shown = shown || frame_shows(&scene->frame[f], &s[i]);
        of += !before;
        found += !before && shown;
    }
    *ret_of = of;
    return found;
}

/* Of the upload's frames with different as-is hashes, whether enough show some of the clip. */
static bool enough_shown(const struct scene *scene, const struct signal *s, size_t n,
                         unsigned percent)
{
    uint32_t shown = 0, of = 0;
    for (size_t f = 0; f < scene->frames; f++) {
        bool before = false, any = false;
        for (size_t g = 0; g < scene->frames; g++) {
            if (!pdq_equal(&scene->frame[g].signal[0].pdq, &scene->frame[f].signal[0].pdq))
                continue;
            before = before || g < f;
            for (size_t i = 0; i < n; i++)
                any = any || frame_shows(&scene->frame[g], &s[i]);
        }
        of += !before;
        shown += !before && any;
    }
    return shown * 100 >= of * percent;
}

/* The longest run in one orientation whose differences are in [least, least + WINDOW]. */
static uint32_t longest_from(const struct scene *scene, const struct signal *s, size_t n,
                             enum orientation o, int64_t least)
{
    uint32_t length[FAKE_SIGNALS_MAX][FRAMES] = {{0}}, best = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f < scene->frames; f++) {
            const struct frame *frame = &scene->frame[f];
            int64_t difference = frame->ms - s[i].ms;
            if (frame->ms < 0 || difference < least || difference > least + WINDOW ||
                !frame_shows_turned(frame, &s[i], o))
                continue;
            length[i][f] = 1;
            for (size_t g = 0; i > 0 && g < scene->frames; g++)
                if (length[i - 1][g] >= length[i][f] && scene->frame[g].ms < frame->ms)
                    length[i][f] = length[i - 1][g] + 1;
            best = length[i][f] > best ? length[i][f] : best;
        }
    return best;
}

static uint32_t longest_run(const struct scene *scene, const struct signal *s, size_t n)
{
    uint32_t best = 0;
    for (int o = 0; o < ORIENTATIONS; o++)
        for (size_t i = 0; i < n; i++)
            for (size_t f = 0; f < scene->frames; f++) {
                if (!frame_shows_turned(&scene->frame[f], &s[i], (enum orientation)o))
                    continue;
                uint32_t run =
                    longest_from(scene, s, n, (enum orientation)o, scene->frame[f].ms - s[i].ms);
                best = run > best ? run : best;
            }
    return best >= 2 ? best : 0;
}

static void find_pairs(const struct scene *scene, const struct signal *s, size_t n,
                       struct answer *a)
{
    a->first_ms = a->first_entry_ms = INT64_MAX;
    a->distance = 256;
    for (size_t f = 0; f < scene->frames; f++)
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < scene->frame[f].n; k++) {
                unsigned d = distance(&s[i], &scene->frame[f].signal[k]);
                int64_t ms = scene->frame[f].ms;
                if (d > 31)
                    continue;
                a->distance = d < a->distance ? d : a->distance;
                if (ms < a->first_ms || (ms == a->first_ms && s[i].ms < a->first_entry_ms)) {
                    a->first_ms = ms;
                    a->first_entry_ms = s[i].ms;
                }
            }
}

static struct answer judge(const struct scene *scene, const struct fake_entry *entry)
{
    const struct bank *bank = &scene->store->bank[entry->bank];
    struct signal s[FAKE_SIGNALS_MAX];
    struct answer a = {.distance = 0};
    size_t n = timed(entry, s);
    for (size_t i = 0; i < entry->n; i++)
        for (size_t f = 0; f < scene->frames; f++)
            if (entry->signals[i].ms < 0 && entry->signals[i].quality >= PDQ_MIN_QUALITY &&
                frame_shows(&scene->frame[f], &entry->signals[i]))
                a.picture_matches = true;
    if (n == 0)
        return a;
    a.found = distinct_found(scene, s, n, &a.of);
    find_pairs(scene, s, n, &a);
    if (bank->match_run > 0 && n >= bank->match_run)
        a.run = longest_run(scene, s, n);
    bool by_run = bank->match_run > 0 && a.run >= bank->match_run;
    bool by_percent = a.found * 100 >= a.of * bank->bank_match_percent &&
                      enough_shown(scene, s, n, bank->query_match_percent);
    a.clip_matches = by_run || by_percent;
    return a;
}

/* --- the comparison --- */

static size_t all_signals(const struct scene *scene, struct rnd *rnd, struct lookup_signal *ret)
{
    size_t n = 0;
    for (size_t f = 0; f < scene->frames; f++) {
        const struct frame *frame = &scene->frame[f];
        for (size_t i = 0; i < frame->n; i++)
            ret[n++] = frame->signal[i];
        for (int i = 0; frame->filler && n < SIGNALS_MAX - FILLER && i < FILLER; i++)
            ret[n++] = (struct lookup_signal){.type = SIGNAL_PDQ,
                                              .pdq = random_hash(rnd),
                                              .orientation = ORIENT_FLIPMINUS1,
                                              .ms = frame->ms};
    }
    return n;
}

/* Asks in pieces; what is certain only grows and is never beyond the end. */
static void ask_in_pieces(const struct scene *scene, struct rnd *rnd, struct lookup *got)
{
    SCOPED(mem_free) struct lookup_signal *signals = calloc(SIGNALS_MAX, sizeof(*signals));
    SCOPED(lookup_free) struct lookup_run *run = NULL;
    size_t n = all_signals(scene, rnd, signals);
    enum verdict so_far = VERDICT_ALLOW;
    struct err err;
    assert_int_equal(lookup_open(scene->list, NULL, 0, &run, &err), RC_OK);
    for (size_t at = 0, piece; at < n; at += piece) {
        piece = 1 + rnd_below(rnd, rnd_below(rnd, 2) == 0 ? 10 : 5000);
        piece = piece < n - at ? piece : n - at;
        assert_int_equal(lookup_ask(run, signals + at, piece, &err), RC_OK);
        assert_true(lookup_verdict_so_far(run) >= so_far);
        so_far = lookup_verdict_so_far(run);
    }
    assert_int_equal(lookup_report(run, got, &err), RC_OK);
    assert_true(got->verdict >= so_far);
}

static bool is_pair(const struct scene *scene, const struct fake_entry *entry,
                    const struct match *m)
{
    for (size_t f = 0; f < scene->frames; f++)
        for (size_t i = 0; i < entry->n; i++)
            if (scene->frame[f].ms == m->ms && entry->signals[i].ms == m->entry_ms &&
                frame_shows_turned(&scene->frame[f], &entry->signals[i], m->orientation))
                return true;
    return false;
}

static void compare_clip(const struct scene *scene, const struct match *m, const struct answer *a)
{
    assert_true(a->clip_matches);
    assert_int_equal(m->clip_found, a->found);
    assert_int_equal(m->clip_of, a->of);
    assert_int_equal(m->run, a->run);
    assert_int_equal(m->distance, a->distance);
    if (a->run > 0) {
        assert_true(is_pair(scene, &scene->store->entry[m->entry], m));
    } else {
        assert_int_equal(m->ms, a->first_ms);
        assert_int_equal(m->entry_ms, a->first_entry_ms);
    }
    assert_int_equal(m->offset_ms, m->ms < 0 ? 0 : m->ms - m->entry_ms);
}

struct counts {
    unsigned matched, by_run, near_run, looked;
};

static void compare(const struct scene *scene, const struct lookup *got, struct counts *counts)
{
    enum verdict verdict = VERDICT_ALLOW;
    uint64_t total = 0;
    for (uint64_t e = 0; e < CLIPS; e++) {
        const struct fake_entry *entry = &scene->store->entry[e];
        const struct bank *bank = &scene->store->bank[entry->bank];
        struct answer a = judge(scene, entry);
        bool told = false;
        for (size_t i = 0; i < got->n; i++)
            if (got->matches[i].entry == e) {
                told = true;
                if (got->matches[i].clip)
                    compare_clip(scene, &got->matches[i], &a);
                else
                    assert_true(a.picture_matches);
            }
        assert_int_equal(told, a.clip_matches || a.picture_matches);
        counts->looked++;
        counts->matched += a.clip_matches;
        counts->by_run += bank->match_run > 0 && a.run >= bank->match_run;
        counts->near_run += a.run + 1 == bank->match_run;
        if (!told)
            continue;
        total++;
        verdict = policy_verdict(verdict, bank->action);
    }
    assert_int_equal(got->total, total);
    assert_int_equal(got->n, total);
    assert_int_equal(got->verdict, verdict);
}

static void finds_what_the_rules_say(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(mem_free) struct scene *scene = calloc(1, sizeof(*scene));
    SCOPED(mem_free) struct lookup *got = calloc(1, sizeof(*got));
    struct counts counts = {0};
    for (int round = 0; round < ROUNDS; round++) {
        SCOPED(scene_end) struct scene *scoped = scene;
        *scoped = (struct scene){0};
        make_list(scoped, &rnd);
        for (int upload = 0; upload < 3; upload++) {
            make_upload(scoped, &rnd);
            ask_in_pieces(scoped, &rnd, got);
            compare(scoped, got, &counts);
        }
    }
    print_message("%u clips asked, %u matched, %u by a run, %u one short of a run\n", counts.looked,
                  counts.matched, counts.by_run, counts.near_run);
    /* Both sides of each rule were seen. */
    assert_true(counts.by_run > 20 && counts.near_run > 20);
    assert_true(counts.matched > counts.by_run && counts.matched < counts.looked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_what_the_rules_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
