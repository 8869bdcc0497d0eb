/*
 * The index against a scan while its background merges: adds in small and large batches, removals
 * and returns of entries at any moment, both kinds of records, a bulk load in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/index.h"
#include "db/tail.h"
#include "tests/support/rnd.h"

enum { ENTRIES = 5 * TAIL_ROWS, QUERIES = 5, BANKS = 3 };

struct model {
    struct index *index;
    struct rnd rnd;
    struct pdq_hash query[QUERIES];
    struct pdq_hash hash[ENTRIES]; /* by entry: one item each, once it was added */
    uint64_t generation[ENTRIES];
    bool listed[ENTRIES];
    uint32_t n;
    uint64_t now;
};

static struct pdq_hash near_some_query(struct model *m)
{
    struct pdq_hash h = m->query[rnd_below(&m->rnd, QUERIES)];
    if (rnd_below(&m->rnd, 8) != 0)
        return (struct pdq_hash){
            {rnd_next(&m->rnd), rnd_next(&m->rnd), rnd_next(&m->rnd), rnd_next(&m->rnd)}};
    for (uint64_t flips = rnd_below(&m->rnd, 60); flips > 0; flips--) {
        uint64_t bit = rnd_below(&m->rnd, 256);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static struct index_item item_of(const struct model *m, uint32_t entry)
{
    return (struct index_item){.hash = m->hash[entry],
                               .entry = entry,
                               .generation = m->generation[entry],
                               .bank = entry % BANKS,
                               .place = entry % 7 == 0 ? (int32_t)entry : -1};
}

static void add(struct model *m, size_t n)
{
    SCOPED(mem_free) struct index_item *items = calloc(n, sizeof(*items));
    m->now++;
    for (size_t i = 0; i < n; i++) {
        uint32_t entry = m->n++;
        m->hash[entry] = near_some_query(m);
        m->generation[entry] = m->now;
        m->listed[entry] = true;
        items[i] = item_of(m, entry);
    }
    assert_int_equal(index_add(m->index, items, n, NULL), RC_OK);
}

static void toggle(struct model *m, uint32_t entry)
{
    if (m->listed[entry]) {
        assert_int_equal(index_remove(m->index, entry), 1);
        assert_int_equal(index_remove(m->index, entry), 0);
    } else {
        m->generation[entry] = ++m->now;
        const struct index_item item = item_of(m, entry);
        assert_int_equal(index_add(m->index, &item, 1, NULL), RC_OK);
    }
    m->listed[entry] = !m->listed[entry];
}

/* --- what a search finds --- */

struct found {
    const struct model *model;
    const struct index_rule *rule;
    uint8_t *seen; /* by entry, a bit for each query */
    size_t n;
};

static bool matches(const struct model *m, const struct index_rule *rule, uint32_t entry,
                    uint32_t query, unsigned *ret_distance)
{
    *ret_distance = pdq_distance(&m->hash[entry], &m->query[query]);
    return m->listed[entry] && (int)*ret_distance <= rule->threshold[entry % BANKS] &&
           (rule->since == 0 || m->generation[entry] > rule->since);
}

static bool check_hit(void *ctx, const struct index_hit *hit)
{
    struct found *found = ctx;
    unsigned distance = 0;
    assert_true(hit->entry < found->model->n && hit->query < QUERIES);
    uint32_t entry = (uint32_t)hit->entry;
    assert_true(matches(found->model, found->rule, entry, hit->query, &distance));
    assert_int_equal(hit->distance, distance);
    assert_int_equal(hit->bank, entry % BANKS);
    assert_int_equal(hit->place, entry % 7 == 0 ? (int32_t)entry : -1);
    assert_int_equal(found->seen[entry] >> hit->query & 1, 0);
    found->seen[entry] |= (uint8_t)(1u << hit->query);
    found->n++;
    return true;
}

static void compare(struct model *m)
{
    int16_t threshold[BANKS];
    for (int b = 0; b < BANKS; b++)
        threshold[b] = (int16_t)((int)rnd_below(&m->rnd, 66) - 1);
    const struct index_rule rule = {.threshold = threshold,
                                    .banks = BANKS,
                                    .since =
                                        rnd_below(&m->rnd, 2) * rnd_below(&m->rnd, m->now + 2)};
    SCOPED(mem_free) uint8_t *seen = calloc(m->n + 1, 1);
    struct found found = {.model = m, .rule = &rule, .seen = seen};
    size_t want = 0;
    unsigned distance;
    index_search(m->index, m->query, QUERIES, &rule, check_hit, &found);
    for (uint32_t entry = 0; entry < m->n; entry++)
        for (uint32_t q = 0; q < QUERIES; q++)
            want += matches(m, &rule, entry, q, &distance);
    assert_int_equal(found.n, want);
    assert_true(index_self_test(m->index));
}

static size_t listed(const struct model *m)
{
    size_t n = 0;
    for (uint32_t entry = 0; entry < m->n; entry++)
        n += m->listed[entry];
    return n;
}

static void one_step(struct model *m)
{
    size_t left = ENTRIES - m->n;
    switch (rnd_below(&m->rnd, 6)) {
    case 0: {
        size_t n = 1 + rnd_below(&m->rnd, 20000);
        add(m, n < left ? n : left);
        break;
    }
    case 1:
        add(m, left < 1000 ? left : 1000);
        break;
    case 2:
        index_keep_small(m->index, rnd_below(&m->rnd, 2) == 0);
        break;
    case 3:
        compare(m);
        break;
    default:
        for (uint64_t n = rnd_below(&m->rnd, 3000); n > 0 && m->n > 0; n--)
            toggle(m, (uint32_t)rnd_below(&m->rnd, m->n));
    }
}

static void a_merge_changes_nothing_that_is_found(void **state)
{
    (void)state;
    SCOPED(mem_free) struct model *m = calloc(1, sizeof(*m));
    m->rnd = rnd_from_environment();
    assert_int_equal(index_new(&m->index, NULL), RC_OK);
    for (int q = 0; q < QUERIES; q++)
        m->query[q] = (struct pdq_hash){
            {rnd_next(&m->rnd), rnd_next(&m->rnd), rnd_next(&m->rnd), rnd_next(&m->rnd)}};
    bool bulk = rnd_below(&m->rnd, 2) == 0;
    index_bulk(m->index, bulk);
    while (m->n < ENTRIES) {
        one_step(m);
        if (bulk && m->n > ENTRIES / 2)
            index_bulk(m->index, bulk = false);
    }
    compare(m);
    index_settle(m->index);
    for (int i = 0; i < 5; i++)
        compare(m);
    index_check(m->index);
    assert_int_equal(index_count(m->index), listed(m));
    /* What is left of a list that is nearly all revoked goes into small segments. */
    size_t before = index_memory(m->index);
    for (uint32_t entry = 0; entry < m->n; entry++)
        if (m->listed[entry] && entry % 50 != 0)
            toggle(m, entry);
    index_settle(m->index);
    compare(m);
    index_check(m->index);
    assert_true(index_memory(m->index) < before);
    index_free(m->index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merge_changes_nothing_that_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
