#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/policy.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#include "tests/unit/db/fake_store.h"

static void the_strictest_action_wins(void **state)
{
    (void)state;
    static const struct {
        enum verdict so_far;
        enum action action;
        enum verdict want;
    } cases[] = {
        {VERDICT_ALLOW, ACTION_OBSERVE, VERDICT_ALLOW},
        {VERDICT_ALLOW, ACTION_REVIEW, VERDICT_REVIEW},
        {VERDICT_ALLOW, ACTION_BLOCK, VERDICT_BLOCK},
        {VERDICT_REVIEW, ACTION_OBSERVE, VERDICT_REVIEW},
        {VERDICT_REVIEW, ACTION_REVIEW, VERDICT_REVIEW},
        {VERDICT_REVIEW, ACTION_BLOCK, VERDICT_BLOCK},
        {VERDICT_BLOCK, ACTION_OBSERVE, VERDICT_BLOCK},
        {VERDICT_BLOCK, ACTION_REVIEW, VERDICT_BLOCK},
        {VERDICT_BLOCK, ACTION_BLOCK, VERDICT_BLOCK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(policy_verdict(cases[i].so_far, cases[i].action), cases[i].want);
}

/* --- the list that is asked, and the slow and obvious answer --- */

enum { CENTRES = 3, SIGNALS_MAX = 16 };

struct scene {
    struct store *store;
    struct blocklist *list;
    struct lookup_signal signals[SIGNALS_MAX];
    size_t n;
};

static void scene_end(struct scene *scene)
{
    blocklist_free(scene->list);
    fake_free(scene->store);
}
SCOPED_DEFINE(scene_end, struct scene *)

static struct pdq_hash near_centre(struct rnd *rnd)
{
    uint64_t centre = rnd_below(rnd, CENTRES);
    struct pdq_hash h = {{centre * 0x123456789ABCDEF, ~centre, centre << 40, centre}};
    for (uint64_t flips = rnd_below(rnd, 30); flips > 0; flips--) {
        uint64_t bit = rnd_below(rnd, 256);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static struct signal random_signal(struct rnd *rnd)
{
    struct signal s = {.type = SIGNAL_PDQ, .quality = -1, .ms = -1};
    if (rnd_below(rnd, 4) > 0) {
        struct pdq_hash h = near_centre(rnd);
        pdq_bytes(&h, s.value);
        return s;
    }
    s.type = (enum signal_type)(1 + rnd_below(rnd, SIGNAL_TYPES - 1));
    s.ms = -1;
    memset(s.value, (int)rnd_below(rnd, 5), signal_size(s.type));
    return s;
}

static void scene_begin(struct scene *scene, struct rnd *rnd, unsigned banks, unsigned entries)
{
    *scene = (struct scene){.store = fake_store(), .n = 1 + rnd_below(rnd, SIGNALS_MAX)};
    for (unsigned i = 0; i < banks; i++)
        fake_bank(scene->store, (enum action)rnd_below(rnd, ACTIONS), (unsigned)rnd_below(rnd, 40));
    for (unsigned i = 0; i < entries; i++) {
        struct signal s[3];
        size_t n = 1 + rnd_below(rnd, 3);
        for (size_t k = 0; k < n; k++)
            s[k] = random_signal(rnd);
        fake_entry(scene->store, (uint32_t)rnd_below(rnd, banks), s, n);
        if (rnd_below(rnd, 5) == 0)
            fake_entry_set(scene->store, i, false);
    }
    for (size_t i = 0; i < scene->n; i++) {
        struct signal s = random_signal(rnd);
        struct lookup_signal *q = &scene->signals[i];
        *q = (struct lookup_signal){.type = s.type, .ms = (int64_t)rnd_below(rnd, 1000) - 1};
        memcpy(q->digest, s.value, sizeof(q->digest));
        if (s.type == SIGNAL_PDQ) {
            q->pdq = pdq_from_bytes(s.value);
            q->orientation = (enum orientation)rnd_below(rnd, ORIENTATIONS);
            q->look = (enum look)rnd_below(rnd, LOOKS);
        }
    }
    assert_int_equal(blocklist_load(scene->store, &scene->list, NULL), RC_OK);
}

/* The order of the best hit of an entry, as one number: least is best. */
static uint64_t hit_key(const struct match *m)
{
    return (uint64_t)m->distance << 32 | (uint64_t)m->orientation << 16 | (uint64_t)m->look;
}

/* What a match is worth: least is strictest. */
static uint64_t rank_of(enum action action, unsigned distance)
{
    return (uint64_t)(ACTIONS - action) << 32 | distance;
}

struct naive {
    bool matched[FAKE_ENTRIES];
    uint64_t key[FAKE_ENTRIES]; /* the best hit of each entry */
    enum verdict verdict;
    uint64_t total;
    uint64_t rank[FAKE_ENTRIES]; /* that should be told, sorted */
    size_t n;
};

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void naive_hit(struct naive *naive, uint64_t entry, const struct match *m)
{
    if (!naive->matched[entry] || hit_key(m) < naive->key[entry])
        naive->key[entry] = hit_key(m);
    naive->matched[entry] = true;
}

static void naive_entry(struct naive *naive, const struct scene *scene, uint64_t number)
{
    const struct fake_entry *entry = &scene->store->entry[number];
    unsigned threshold = scene->store->bank[entry->bank].threshold;
    for (size_t i = 0; i < entry->n; i++)
        for (size_t q = 0; q < scene->n; q++) {
            const struct lookup_signal *ask = &scene->signals[q];
            struct match m = {.orientation = ask->orientation, .look = ask->look};
            if (ask->type != entry->signals[i].type)
                continue;
            if (ask->type == SIGNAL_PDQ) {
                struct pdq_hash h = pdq_from_bytes(entry->signals[i].value);
                m.distance = (uint16_t)pdq_distance(&h, &ask->pdq);
                if (m.distance <= threshold)
                    naive_hit(naive, number, &m);
            } else if (memcmp(ask->digest, entry->signals[i].value, 32) == 0) {
                naive_hit(naive, number, &m);
            }
        }
}

/* The best of each bank, as far as there is room, then the best of the rest. */
static void naive_ranks(struct naive *naive, const struct scene *scene)
{
    uint64_t rest[FAKE_ENTRIES], bests[FAKE_BANKS];
    size_t n_rest = 0, n_bests = 0;
    for (uint32_t b = 0; b < scene->store->banks; b++) {
        int64_t best = -1;
        for (uint64_t e = 0; e < scene->store->entries; e++) {
            if (!naive->matched[e] || scene->store->entry[e].bank != b)
                continue;
            uint64_t rank = rank_of(scene->store->bank[b].action, (unsigned)(naive->key[e] >> 32));
            rest[n_rest++] = rank;
            if (best < 0 || rank < bests[n_bests])
                bests[n_bests] = rank;
            best = 0;
        }
        if (best < 0)
            continue;
        for (size_t i = n_rest; i-- > 0;)
            if (rest[i] == bests[n_bests]) {
                rest[i] = rest[--n_rest];
                break;
            }
        n_bests++;
    }
    qsort(bests, n_bests, sizeof(bests[0]), by_number);
    qsort(rest, n_rest, sizeof(rest[0]), by_number);
    for (size_t i = 0; i < n_bests && naive->n < MATCHES_MAX; i++)
        naive->rank[naive->n++] = bests[i];
    for (size_t i = 0; i < n_rest && naive->n < MATCHES_MAX; i++)
        naive->rank[naive->n++] = rest[i];
    qsort(naive->rank, naive->n, sizeof(naive->rank[0]), by_number);
}

static void naive_run(struct naive *naive, const struct scene *scene, const struct bank_set *only,
                      uint64_t since)
{
    *naive = (struct naive){.verdict = VERDICT_ALLOW};
    for (uint64_t e = 0; e < scene->store->entries; e++) {
        const struct fake_entry *entry = &scene->store->entry[e];
        if (!entry->active || entry->generation <= since ||
            (only != NULL && !bank_set_has(only, entry->bank)))
            continue;
        naive_entry(naive, scene, e);
        if (!naive->matched[e])
            continue;
        naive->total++;
        naive->verdict = policy_verdict(naive->verdict, scene->store->bank[entry->bank].action);
    }
    naive_ranks(naive, scene);
}

static void check_lookup(const struct scene *scene, const struct bank_set *only, uint64_t since)
{
    SCOPED(mem_free) struct naive *naive = calloc(1, sizeof(*naive));
    SCOPED(mem_free) struct lookup *got = calloc(1, sizeof(*got));
    naive_run(naive, scene, only, since);
    assert_int_equal(lookup_once(scene->list, scene->signals, scene->n, only, since, got, NULL),
                     RC_OK);
    assert_int_equal(got->verdict, naive->verdict);
    assert_int_equal(got->total, naive->total);
    assert_int_equal(got->n, naive->n);
    assert_int_equal(got->generation, scene->store->generation);
    for (size_t i = 0; i < got->n; i++) {
        const struct match *m = &got->matches[i];
        const struct bank *bank = &scene->store->bank[m->bank];
        assert_true(naive->matched[m->entry]);
        assert_int_equal(hit_key(m), naive->key[m->entry]);
        assert_int_equal(m->bank, scene->store->entry[m->entry].bank);
        assert_string_equal(got->rules[i].name, bank->name);
        assert_int_equal(got->rules[i].action, bank->action);
        assert_int_equal(got->rules[i].threshold, bank->threshold);
        assert_int_equal(rank_of(bank->action, m->distance), naive->rank[i]);
        for (size_t k = 0; k < i; k++)
            assert_true(got->matches[k].entry != m->entry);
    }
}

static void finds_what_a_scan_finds(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    for (int round = 0; round < 60; round++) {
        static const unsigned banks[] = {1, 3, 20, 100};
        SCOPED(scene_end) struct scene *scene = &(struct scene){0};
        scene_begin(scene, &rnd, banks[round % 4], (unsigned)rnd_below(&rnd, 500));
        check_lookup(scene, NULL, 0);
        check_lookup(scene, NULL, rnd_below(&rnd, scene->store->generation + 1));
        struct bank_set only = {{0}};
        check_lookup(scene, &only, 0);
        for (unsigned i = 0; i < banks[round % 4]; i++)
            if (rnd_below(&rnd, 2) == 0)
                bank_set_add(&only, i);
        check_lookup(scene, &only, 0);
    }
}

static void a_match_tells_how_it_was_met(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    fake_bank(store, ACTION_BLOCK, 31);
    struct signal s = {.type = SIGNAL_PDQ, .quality = 100, .ms = -1};
    uint64_t entry = fake_entry(store, 0, &s, 1);
    SCOPED(blocklist_free) struct blocklist *list = NULL;
    assert_int_equal(blocklist_load(store, &list, NULL), RC_OK);

    const struct lookup_signal signals[] = {
        {.type = SIGNAL_PDQ, .pdq = {{7}}, .orientation = ORIENT_ROT90, .ms = 1},
        {.type = SIGNAL_PDQ, .pdq = {{1}}, .orientation = ORIENT_FLIPX, .ms = 2},
        {.type = SIGNAL_PDQ, .pdq = {{2}}, .orientation = ORIENT_ROT180, .look = 1, .ms = 3},
        {.type = SIGNAL_PDQ, .pdq = {{4}}, .orientation = ORIENT_ROT180, .look = 2, .ms = 4},
    };
    struct lookup got;
    assert_int_equal(lookup_once(list, signals, 4, NULL, 0, &got, NULL), RC_OK);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.total, 1);
    assert_int_equal(got.matches[0].entry, entry);
    assert_int_equal(got.matches[0].distance, 1);
    assert_int_equal(got.matches[0].orientation, ORIENT_ROT180);
    assert_int_equal(got.matches[0].look, LOOK_ON_WHITE);
    assert_int_equal(got.matches[0].ms, 3);
    assert_int_equal(got.matches[0].entry_ms, -1);
    assert_false(got.matches[0].clip);

    fake_bank_set(store, 0, ACTION_OBSERVE, 31);
    assert_int_equal(blocklist_follow(list, NULL, NULL), RC_OK);
    assert_int_equal(lookup_once(list, signals, 4, NULL, 0, &got, NULL), RC_OK);
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_int_equal(got.n, 1);
    assert_int_equal(lookup_once(list, NULL, 0, NULL, 0, &got, NULL), RC_OK);
    assert_int_equal(got.n, 0);
}

/* More hashes than one batch of the index takes; the only match is of the last. */
static void long_clips_are_asked_whole(void **state)
{
    (void)state;
    enum { LONG = 2 * INDEX_QUERIES_MAX + 3 };
    SCOPED(fake_free) struct store *store = fake_store();
    fake_bank(store, ACTION_BLOCK, 0);
    struct signal s = {.type = SIGNAL_PDQ, .quality = 100, .ms = -1};
    fake_entry(store, 0, &s, 1);
    SCOPED(blocklist_free) struct blocklist *list = NULL;
    assert_int_equal(blocklist_load(store, &list, NULL), RC_OK);
    SCOPED(mem_free) struct lookup_signal *signals = calloc(LONG, sizeof(*signals));
    for (int i = 0; i < LONG; i++)
        signals[i] = (struct lookup_signal){
            .type = SIGNAL_PDQ, .pdq = {{(uint64_t)(LONG - 1 - i)}}, .ms = i};
    struct lookup got;
    assert_int_equal(lookup_once(list, signals, LONG, NULL, 0, &got, NULL), RC_OK);
    assert_int_equal(got.verdict, VERDICT_BLOCK);
    assert_int_equal(got.matches[0].ms, LONG - 1);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(scene_end) struct scene *scene = &(struct scene){0};
    scene_begin(scene, &rnd, 3, 400);
    for (unsigned nth = 1;; nth++) {
        struct lookup got = {.total = 4711};
        struct err err;
        oom_arm(nth);
        enum rc rc = lookup_once(scene->list, scene->signals, scene->n, NULL, 0, &got, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 4);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_int_equal(got.total, 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strictest_action_wins),
        cmocka_unit_test(finds_what_a_scan_finds),
        cmocka_unit_test(a_match_tells_how_it_was_met),
        cmocka_unit_test(long_clips_are_asked_whole),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
