/*
 * A segment searched by chunks against all of its items looked at one by one: random, crowded,
 * equal and hostile lists, every threshold up to the widest that chunks are used for, narrow and
 * wide records, every kernel, removals, `since`, and visitors who have enough.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/segment.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

enum { ITEMS = 1500, BANKS = 5, QUERIES = 9, GENERATIONS = 60 };

enum list_kind { RANDOM, CROWDED, EQUAL, ON_THE_EDGE, FEW_CHUNKS, LIST_KINDS };

struct list {
    struct pdq_hash hash[ITEMS];
    struct slot_item item[ITEMS];
    bool removed[ITEMS];
    struct pdq_hash query[QUERIES];
};

static struct pdq_hash random_hash(struct rnd *rnd)
{
    return (struct pdq_hash){{rnd_next(rnd), rnd_next(rnd), rnd_next(rnd), rnd_next(rnd)}};
}

static struct pdq_hash flip(struct rnd *rnd, struct pdq_hash h, uint64_t n)
{
    for (; n > 0; n--) {
        uint64_t bit = rnd_below(rnd, 256);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static struct pdq_hash hash_of_kind(struct rnd *rnd, enum list_kind kind, const struct list *list)
{
    const struct pdq_hash *query = &list->query[rnd_below(rnd, QUERIES)];
    struct pdq_hash h = *query;
    switch (kind) {
    case CROWDED:
        return flip(rnd, list->query[0], rnd_below(rnd, 80));
    case EQUAL:
        return flip(rnd, list->query[rnd_below(rnd, 2)], rnd_below(rnd, 2));
    case ON_THE_EDGE:
        return flip(rnd, h, rnd_below(rnd, 70));
    case FEW_CHUNKS: /* all that differs lies side by side */
        h.w[rnd_below(rnd, 4)] ^= rnd_next(rnd) >> rnd_below(rnd, 64);
        return h;
    default:
        return random_hash(rnd);
    }
}

static void fill(struct rnd *rnd, enum list_kind kind, struct list *list)
{
    for (int q = 0; q < QUERIES; q++)
        list->query[q] = random_hash(rnd);
    bool places = rnd_below(rnd, 2) == 0;
    for (size_t i = 0; i < ITEMS; i++) {
        list->hash[i] = hash_of_kind(rnd, kind, list);
        list->item[i] = (struct slot_item){.generation = 1000 + rnd_below(rnd, GENERATIONS),
                                           .entry = (uint32_t)rnd_below(rnd, 800),
                                           .place = places ? (int32_t)rnd_below(rnd, 9) - 1 : -1,
                                           .bank = (uint16_t)rnd_below(rnd, BANKS)};
        list->removed[i] = false;
    }
    list->item[ITEMS / 2].entry = UINT32_MAX - 1;
}

/* Hits as numbers that can be sorted; the item is told by all that a hit holds. */
struct hits {
    uint64_t key[ITEMS * QUERIES][2];
    size_t n;
};

static void note(struct hits *hits, const struct index_hit *hit)
{
    assert_true(hits->n < ITEMS * QUERIES);
    hits->key[hits->n][0] = (uint64_t)hit->query << 48 | (uint64_t)hit->distance << 32 | hit->bank;
    hits->key[hits->n++][1] = hit->entry << 32 | (uint32_t)hit->place;
}

static bool collect(void *ctx, const struct index_hit *hit)
{
    note(ctx, hit);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static void look_at_each(const struct list *list, const struct index_rule *rule, struct hits *hits)
{
    hits->n = 0;
    for (uint32_t q = 0; q < QUERIES; q++)
        for (size_t i = 0; i < ITEMS; i++) {
            const struct slot_item *item = &list->item[i];
            unsigned d = pdq_distance(&list->hash[i], &list->query[q]);
            if (list->removed[i] || item->bank >= rule->banks ||
                (int)d > rule->threshold[item->bank] ||
                (rule->since != 0 && item->generation <= rule->since))
                continue;
            const struct index_hit hit = {.query = q,
                                          .bank = item->bank,
                                          .entry = item->entry,
                                          .place = item->place,
                                          .distance = (uint16_t)d};
            note(hits, &hit);
        }
}

typedef void segment_search_function(const struct segment *segment, struct index_asking *asking);

static void compare(const struct segment *segment, const struct list *list,
                    const struct index_rule *rule, unsigned radius, segment_search_function *search)
{
    static struct hits got, want;
    struct index_asking asking = {.queries = list->query,
                                  .n = QUERIES,
                                  .rule = rule,
                                  .radius = radius,
                                  .visit = collect,
                                  .ctx = &got};
    got.n = 0;
    search(segment, &asking);
    look_at_each(list, rule, &want);
    assert_int_equal(got.n, want.n);
    qsort(got.key, got.n, sizeof(got.key[0]), by_key);
    qsort(want.key, want.n, sizeof(want.key[0]), by_key);
    assert_memory_equal(got.key, want.key, want.n * sizeof(want.key[0]));
}

static void compare_thresholds(const struct segment *segment, const struct list *list,
                               struct rnd *rnd)
{
    for (unsigned radius = 0; radius <= CHUNK_THRESHOLD_MAX; radius++) {
        int16_t threshold[BANKS];
        for (int b = 0; b < BANKS; b++)
            threshold[b] = (int16_t)((int)rnd_below(rnd, radius + 2) - 1);
        threshold[rnd_below(rnd, BANKS)] = (int16_t)radius;
        struct index_rule rule = {.threshold = threshold,
                                  .banks = BANKS - (uint32_t)rnd_below(rnd, 2)};
        compare(segment, list, &rule, radius, segment_search_chunks);
        if (radius % 4 == 0)
            compare(segment, list, &rule, radius, segment_search);
        rule.since = 995 + rnd_below(rnd, GENERATIONS + 10);
        compare(segment, list, &rule, radius,
                radius % 4 == 1   ? segment_search_chunks
                : radius % 4 == 2 ? segment_search
                                  : segment_search_fresh);
    }
}

static void remove_some(struct segment *segment, struct list *list, struct rnd *rnd)
{
    for (int round = 0; round < 100; round++) {
        uint32_t entry = (uint32_t)rnd_below(rnd, 810);
        size_t gone = 0;
        for (size_t i = 0; i < ITEMS; i++)
            if (list->item[i].entry == entry && !list->removed[i]) {
                list->removed[i] = true;
                gone++;
            }
        assert_int_equal(segment_remove(segment, entry), gone);
    }
}

static void use_a_kernel(struct rnd *rnd)
{
    static const char *const kernels[] = {"plain", "avx2", "avx512", "neon"};
    const char *kernel = kernels[rnd_below(rnd, 4)];
    ham_use(kernel);
    sift_use(kernel);
}

static void finds_what_looking_at_each_finds(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(mem_free) struct list *list = calloc(1, sizeof(*list));
    for (int round = 0; round < 2 * LIST_KINDS; round++) {
        SCOPED(segment_release) struct segment *segment = NULL;
        use_a_kernel(&rnd);
        fill(&rnd, (enum list_kind)(round / 2), list);
        const struct segment_source source = {.n = ITEMS, .hash = list->hash, .item = list->item};
        assert_int_equal(segment_build(&source, round % 2 == 0, &segment, NULL), RC_OK);
        assert_null(segment_broken(segment));
        assert_int_equal(atomic_load(&segment->live), ITEMS);
        compare_thresholds(segment, list, &rnd);
        remove_some(segment, list, &rnd);
        assert_null(segment_broken(segment));
        compare_thresholds(segment, list, &rnd);
    }
}

/* --- many near-equal hashes --- */

enum { HOSTILE = 60000 };

struct counted {
    size_t n, enough;
    uint64_t entries;
};

static bool count(void *ctx, const struct index_hit *hit)
{
    struct counted *counted = ctx;
    counted->entries += hit->entry;
    return ++counted->n < counted->enough;
}

/* So many pass that the search gives up on chunks in the middle: nothing missed, nothing twice. */
static void a_hostile_list_is_searched_exactly(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(mem_free) struct pdq_hash *hash = malloc(HOSTILE * sizeof(*hash));
    SCOPED(mem_free) struct slot_item *item = calloc(HOSTILE, sizeof(*item));
    struct pdq_hash query = random_hash(&rnd);
    uint64_t entries = 0;
    size_t near = 0;
    for (uint32_t i = 0; i < HOSTILE; i++) {
        hash[i] = flip(&rnd, query, rnd_below(&rnd, 40));
        item[i] = (struct slot_item){.entry = i, .place = -1};
        if (pdq_distance(&hash[i], &query) <= PDQ_THRESHOLD) {
            near++;
            entries += i;
        }
    }
    const struct segment_source source = {.n = HOSTILE, .hash = hash, .item = item};
    const int16_t threshold = PDQ_THRESHOLD;
    const struct index_rule rule = {.threshold = &threshold, .banks = 1};
    for (int wide = 0; wide < 2; wide++) {
        SCOPED(segment_release) struct segment *segment = NULL;
        assert_int_equal(segment_build(&source, wide != 0, &segment, NULL), RC_OK);
        for (size_t enough = SIZE_MAX; enough > 0; enough = enough == SIZE_MAX ? 777 : 0) {
            struct counted counted = {.enough = enough};
            struct index_asking asking = {.queries = &query,
                                          .n = 1,
                                          .rule = &rule,
                                          .radius = PDQ_THRESHOLD,
                                          .visit = count,
                                          .ctx = &counted};
            segment_search_chunks(segment, &asking);
            assert_int_equal(counted.n, enough < near ? enough : near);
            if (enough > near)
                assert_int_equal(counted.entries, entries);
        }
    }
}

/* Generations further apart than a segment can tell: the old ones count as newer, never the other
 * way round. */
static void generations_far_apart_err_on_the_safe_side(void **state)
{
    (void)state;
    SCOPED(segment_release) struct segment *segment = NULL;
    const struct pdq_hash hash[2] = {{{1}}, {{2}}};
    const struct slot_item item[2] = {{.generation = 1, .entry = 1, .place = -1},
                                      {.generation = UINT64_C(1) << 40, .entry = 2, .place = -1}};
    const struct segment_source source = {.n = 2, .hash = hash, .item = item};
    assert_int_equal(segment_build(&source, true, &segment, NULL), RC_OK);
    assert_null(segment_broken(segment));
    const struct slot_item old = segment_item(segment, 0), new = segment_item(segment, 1);
    assert_true(old.generation > 1 && old.generation < new.generation);
    assert_true(new.generation == UINT64_C(1) << 40);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct pdq_hash hash[40];
    struct slot_item item[40];
    for (uint32_t i = 0; i < 40; i++) {
        hash[i] = (struct pdq_hash){{i % 20}};
        item[i] = (struct slot_item){.entry = 40 - i, .place = -1};
    }
    const struct segment_source source = {.n = 40, .hash = hash, .item = item};
    for (unsigned nth = 1;; nth++) {
        SCOPED(segment_release) struct segment *segment = NULL;
        struct err err;
        oom_arm(nth);
        enum rc rc = segment_build(&source, true, &segment, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 5);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(segment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_looking_at_each_finds),
        cmocka_unit_test(a_hostile_list_is_searched_exactly),
        cmocka_unit_test(generations_far_apart_err_on_the_safe_side),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
