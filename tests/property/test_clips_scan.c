/*
 * Clips against a slow and obvious reading of the rules in db/policy.h: for random clips with
 * equal frames, uneven and equal times; uploads that show parts of them turned, shifted, drifting,
 * shuffled, reversed, in pieces; is the same found, with the same numbers?
 */
#include "db/clip_run.h"
#include "tests/property/clips_scene.h"

enum {
    ROUNDS = 150,
    SIGNALS_MAX = 20000,
    FILLER = 1700, /* signals that hit nothing: a few of them fill a batch */
    WINDOW = 1000
};

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

/* Whether the run may begin there: its first picture is shown within the window of a run. */
static bool is_pair(const struct scene *scene, const struct fake_entry *entry,
                    const struct match *m)
{
    for (size_t f = 0; f < scene->frames; f++)
        for (size_t i = 0; i < entry->n; i++)
            if (llabs(scene->frame[f].ms - m->ms) <= RUN_WINDOW_MS &&
                entry->signals[i].ms == m->entry_ms &&
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
