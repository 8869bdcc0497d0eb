#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/index.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

static struct pdq_hash random_hash(struct rnd *rnd)
{
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(rnd);
    return h;
}

static struct pdq_hash flip(struct pdq_hash h, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        h.w[i / 64] ^= 1ull << (i % 64);
    return h;
}

struct hits {
    size_t n, stop_after;
    struct index_hit last;
    uint64_t entries; /* sum */
};

static bool collect(void *ctx, const struct index_hit *hit)
{
    struct hits *hits = ctx;
    hits->n++;
    hits->last = *hit;
    hits->entries += hit->entry;
    return hits->n != hits->stop_after;
}

/* No more once there are so many. */
static bool stop_at(void *ctx, const struct index_hit *hit)
{
    struct hits *hits = ctx;
    collect(ctx, hit);
    return hits->n < hits->stop_after;
}

static struct hits search(const struct index *index, const struct pdq_hash *h, int threshold)
{
    int16_t t = (int16_t)threshold;
    const struct index_rule rule = {.threshold = &t, .banks = 1};
    struct hits hits = {0};
    index_search(index, h, 1, &rule, collect, &hits);
    return hits;
}

static struct index *new_index(void)
{
    struct index *index = NULL;
    assert_int_equal(index_new(&index, NULL), RC_OK);
    return index;
}

static void add(struct index *index, struct pdq_hash hash, uint64_t entry)
{
    const struct index_item item = {.hash = hash, .entry = entry, .generation = entry, .place = -1};
    assert_int_equal(index_add(index, &item, 1, NULL), RC_OK);
}

static void one_single_entry_is_found(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(index_free) struct index *index = new_index();
    struct pdq_hash h = random_hash(&rnd);
    assert_int_equal(search(index, &h, 256).n, 0);
    assert_int_equal(index_count(index), 0);
    assert_true(index_self_test(index));

    add(index, h, 7);
    assert_int_equal(index_count(index), 1);
    for (unsigned d = 0; d < 64; d++) {
        struct pdq_hash q = flip(h, (unsigned)rnd_below(&rnd, 256 - 64), d);
        assert_int_equal(search(index, &q, (int)d).n, 1);
        assert_int_equal(search(index, &q, (int)d).last.distance, d);
        assert_int_equal(search(index, &q, (int)d - 1).n, 0);
    }
    index_check(index);
}

static void a_removed_entry_is_gone_and_may_come_back(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(index_free) struct index *index = new_index();
    struct pdq_hash h = random_hash(&rnd);
    assert_int_equal(index_remove(index, 1), 0);
    for (unsigned i = 0; i < 1000; i++) {
        add(index, h, 1);
        add(index, h, 1); /* adjacent rows of one entry, from two batches */
        add(index, h, 2);
        assert_int_equal(search(index, &h, 0).n, 3);
        assert_int_equal(index_remove(index, 1), 2);
        assert_int_equal(index_remove(index, 1), 0);
        assert_int_equal(search(index, &h, 0).n, 1);
        assert_int_equal(search(index, &h, 0).last.entry, 2);
        assert_int_equal(index_remove(index, 2), 1);
        assert_int_equal(index_count(index), 0);
    }
    index_check(index);
    assert_true(index_self_test(index));
}

static void removal_finds_scattered_rows(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(index_free) struct index *index = new_index();
    struct index_item items[300];
    for (size_t i = 0; i < 300; i++)
        items[i] = (struct index_item){.hash = random_hash(&rnd), .entry = i % 3, .place = (int)i};
    assert_int_equal(index_add(index, items, 300, NULL), RC_OK);
    index_check(index);
    assert_int_equal(index_remove(index, 1), 100);
    index_check(index);
    for (size_t i = 0; i < 300; i++) {
        struct hits hits = search(index, &items[i].hash, 0);
        assert_int_equal(hits.n, i % 3 == 1 ? 0 : 1);
        if (hits.n == 1)
            assert_int_equal(hits.last.place, i);
    }
}

static void a_bank_is_searched_as_its_rule_says(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(index_free) struct index *index = new_index();
    struct pdq_hash h = random_hash(&rnd);
    struct index_item items[4];
    for (uint32_t bank = 0; bank < 4; bank++)
        items[bank] = (struct index_item){.hash = flip(h, 0, 10),
                                          .entry = bank,
                                          .generation = 5 + bank,
                                          .bank = bank,
                                          .place = -1};
    items[3].bank = INDEX_BANKS_MAX - 1;
    assert_int_equal(index_add(index, items, 4, NULL), RC_OK);

    const int16_t threshold[] = {10, 9, -1};
    struct index_rule rule = {.threshold = threshold, .banks = 3};
    struct hits hits = {0};
    index_search(index, &h, 1, &rule, collect, &hits);
    assert_int_equal(hits.n, 1);
    assert_int_equal(hits.last.bank, 0);

    rule.since = 4;
    index_search(index, &h, 1, &rule, collect, &hits);
    assert_int_equal(hits.n, 2);
    rule.since = 5;
    index_search(index, &h, 1, &rule, collect, &hits);
    assert_int_equal(hits.n, 2);
    rule = (struct index_rule){.threshold = threshold, .banks = 0};
    index_search(index, &h, 1, &rule, collect, &hits);
    assert_int_equal(hits.n, 2);

    int16_t all[INDEX_BANKS_MAX];
    for (unsigned i = 0; i < INDEX_BANKS_MAX; i++)
        all[i] = 256;
    rule = (struct index_rule){.threshold = all, .banks = INDEX_BANKS_MAX};
    hits = (struct hits){0};
    index_search(index, &h, 1, &rule, collect, &hits);
    assert_int_equal(hits.n, 4); /* and not the canary */
}

/* More hits than any buffer inside holds, over several chunks. */
static void every_row_may_match(void **state)
{
    (void)state;
    enum { BATCH = 1000, BATCHES = 140, QUERIES = 11 };
    struct rnd rnd = rnd_from_environment();
    SCOPED(index_free) struct index *index = new_index();
    SCOPED(mem_free) struct index_item *items = calloc(BATCH, sizeof(*items));
    struct pdq_hash h = random_hash(&rnd);
    for (uint64_t b = 0; b < BATCHES; b++) {
        for (uint64_t i = 0; i < BATCH; i++)
            items[i] = (struct index_item){.hash = h, .entry = b * BATCH + i, .generation = 1};
        assert_int_equal(index_add(index, items, BATCH, NULL), RC_OK);
    }
    struct pdq_hash queries[QUERIES];
    for (int i = 0; i < QUERIES; i++)
        queries[i] = h;
    const int16_t threshold = 0;
    const struct index_rule rule = {.threshold = &threshold, .banks = 1};
    struct hits hits = {0};
    index_search(index, queries, QUERIES, &rule, collect, &hits);
    const uint64_t n = (uint64_t)BATCH * BATCHES;
    assert_int_equal(hits.n, n * QUERIES);
    assert_int_equal(hits.entries, n * (n - 1) / 2 * QUERIES);

    /* It is the query that has enough: the other ten are told of one hit each. */
    hits = (struct hits){.stop_after = 1234};
    index_search(index, queries, QUERIES, &rule, stop_at, &hits);
    assert_int_equal(hits.n, 1234 + QUERIES - 1);
    /* Equal hashes are stored once. */
    index_settle(index);
    assert_true(index_memory(index) < n * 32 + (16 << 20));
    index_check(index);
}

/* Whoever stops the service does not wait for a merge, and nothing of it is left behind. */
static void an_index_may_go_while_it_merges(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    struct rnd rnd = rnd_from_environment();
    SCOPED(mem_free) struct index_item *items = calloc(ROWS, sizeof(*items));
    for (int round = 0; round < 3; round++) {
        SCOPED(index_free) struct index *index = new_index();
        for (uint64_t i = 0; i < ROWS; i++)
            items[i] = (struct index_item){.hash = random_hash(&rnd), .entry = i, .place = -1};
        assert_int_equal(index_add(index, items, ROWS, NULL), RC_OK);
        if (round == 2)
            index_settle(index);
        assert_int_equal(search(index, &items[round].hash, 0).n, 1);
    }
}

static void an_empty_batch_is_harmless(void **state)
{
    (void)state;
    SCOPED(index_free) struct index *index = new_index();
    struct pdq_hash h = {{0}};
    const int16_t threshold = 256;
    const struct index_rule rule = {.threshold = &threshold, .banks = 1};
    struct hits hits = {0};
    assert_int_equal(index_add(index, NULL, 0, NULL), RC_OK);
    index_search(index, &h, 0, &rule, collect, &hits);
    assert_int_equal(hits.n, 0);
    index_free(NULL);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    struct index_item items[700];
    for (size_t i = 0; i < 700; i++)
        items[i] = (struct index_item){.hash = random_hash(&rnd), .entry = i};
    for (unsigned nth = 1;; nth++) {
        SCOPED(index_free) struct index *index = NULL;
        struct err err;
        oom_arm(nth);
        enum rc rc = index_new(&index, &err);
        if (rc == RC_OK)
            rc = index_add(index, items, 700, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 3);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        if (index == NULL)
            continue;
        assert_int_equal(index_count(index), 0);
        assert_int_equal(search(index, &items[0].hash, 0).n, 0);
        assert_int_equal(index_add(index, items, 700, &err), RC_OK);
        assert_int_equal(index_count(index), 700);
        index_check(index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_single_entry_is_found),
        cmocka_unit_test(a_removed_entry_is_gone_and_may_come_back),
        cmocka_unit_test(removal_finds_scattered_rows),
        cmocka_unit_test(a_bank_is_searched_as_its_rule_says),
        cmocka_unit_test(every_row_may_match),
        cmocka_unit_test(an_index_may_go_while_it_merges),
        cmocka_unit_test(an_empty_batch_is_harmless),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
