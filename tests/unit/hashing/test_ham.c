#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/ham.h"
#include "tests/support/rnd.h"

enum { ROWS = 500, ALL_HITS = ROWS * HAM_QUERIES, CAP = ALL_HITS + 2 * HAM_QUERIES };

static struct rnd rnd;
static struct pdq_hash rows[ROWS];
static struct pdq_hash queries[HAM_QUERIES];

static const char *const kernels[] = {"plain", "avx2", "avx512", "neon"};
enum { KERNELS = sizeof(kernels) / sizeof(kernels[0]) };

static struct pdq_hash any_hash(void)
{
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(&rnd);
    return h;
}

static struct pdq_hash near(struct pdq_hash h, uint64_t flips)
{
    while (flips-- > 0) {
        uint64_t bit = rnd_below(&rnd, PDQ_BITS);
        h.w[bit / 64] ^= (uint64_t)1 << (bit % 64);
    }
    return h;
}

/* Half of the rows near some query, a few equal to one. */
static void fill(void)
{
    for (int q = 0; q < HAM_QUERIES; q++)
        queries[q] = any_hash();
    for (int r = 0; r < ROWS; r++)
        rows[r] = rnd_below(&rnd, 2)
                      ? any_hash()
                      : near(queries[rnd_below(&rnd, HAM_QUERIES)], rnd_below(&rnd, 60));
}

static unsigned bit_by_bit(const struct pdq_hash *a, const struct pdq_hash *b)
{
    unsigned d = 0;
    for (int k = 0; k < PDQ_BITS; k++)
        d += (a->w[k / 64] >> (k % 64) & 1) != (b->w[k / 64] >> (k % 64) & 1);
    return d;
}

static size_t scan_naively(size_t n, unsigned n_queries, unsigned radius, struct ham_hit *hits)
{
    size_t found = 0;
    for (size_t r = 0; r < n; r++) {
        for (unsigned q = 0; q < n_queries; q++) {
            unsigned d = bit_by_bit(&rows[r], &queries[q]);
            if (d <= radius)
                hits[found++] = (struct ham_hit){(uint32_t)r, (uint16_t)q, (uint16_t)d};
        }
    }
    return found;
}

static unsigned any_radius(void)
{
    static const unsigned radii[] = {0, 1, 31, 31, 31, 63, 128, 256};
    return radii[rnd_below(&rnd, sizeof(radii) / sizeof(radii[0]))];
}

static void finds_what_a_naive_scan_finds(void **state)
{
    (void)state;
    static struct ham_hit expected[CAP];
    static struct ham_hit hits[CAP];

    for (int round = 0; round < 60; round++) {
        fill();
        size_t n = rnd_below(&rnd, ROWS + 1);
        unsigned n_queries = (unsigned)rnd_below(&rnd, HAM_QUERIES + 1);
        unsigned radius = any_radius();
        size_t n_expected = scan_naively(n, n_queries, radius, expected);
        for (int k = 0; k < KERNELS; k++) {
            size_t n_hits = 12345;
            if (!ham_use(kernels[k]))
                continue;
            assert_int_equal(ham_scan(rows, n, queries, n_queries, radius, hits, CAP, &n_hits), n);
            assert_int_equal(n_hits, n_expected);
            assert_memory_equal(hits, expected, n_hits * sizeof(hits[0]));
        }
    }
}

/* Whatever the room, scanning on from where it stopped finds everything once. */
static void stops_and_goes_on(void **state)
{
    (void)state;
    static struct ham_hit expected[CAP];
    static struct ham_hit hits[CAP];

    for (int round = 0; round < 200; round++) {
        fill();
        unsigned radius = any_radius();
        size_t cap = 2 * HAM_QUERIES + rnd_below(&rnd, 40);
        size_t n_expected = scan_naively(ROWS, HAM_QUERIES, radius, expected);
        if (!ham_use(kernels[round % KERNELS]))
            continue;
        size_t all = 0;
        for (size_t at = 0; at < ROWS;) {
            size_t n_hits;
            size_t stopped = ham_scan(rows + at, ROWS - at, queries, HAM_QUERIES, radius,
                                      hits + all, cap, &n_hits);
            assert_true(n_hits <= cap);
            assert_true(stopped == ROWS - at || n_hits >= cap - HAM_QUERIES);
            assert_true(stopped > 0);
            for (size_t i = 0; i < n_hits; i++)
                hits[all + i].row += (uint32_t)at;
            all += n_hits;
            at += stopped;
        }
        assert_int_equal(all, n_expected);
        assert_memory_equal(hits, expected, all * sizeof(hits[0]));
    }
}

static void flip(struct pdq_hash *h, unsigned bit)
{
    h->w[bit % PDQ_BITS / 64] ^= (uint64_t)1 << (bit % 64);
}

/* One of nine rows is exactly 31 away, the others 32, wherever the differing bits stand. */
static void counts_the_radius_in(void **state)
{
    (void)state;
    struct ham_hit hits[2 * HAM_QUERIES];
    struct pdq_hash row[9];
    size_t n_hits;

    for (unsigned i = 0; i < KERNELS * PDQ_BITS; i++) {
        unsigned shift = i % PDQ_BITS;
        struct pdq_hash query = any_hash();
        if (!ham_use(kernels[i / PDQ_BITS]))
            continue;
        for (unsigned r = 0; r < 9; r++) {
            row[r] = query;
            for (unsigned k = 0; k < PDQ_THRESHOLD + (r != shift % 9); k++)
                flip(&row[r], shift + k);
        }
        ham_scan(row, 9, &query, 1, PDQ_THRESHOLD, hits, 2 * HAM_QUERIES, &n_hits);
        assert_int_equal(n_hits, 1);
        assert_int_equal(hits[0].row, shift % 9);
        assert_int_equal(hits[0].distance, PDQ_THRESHOLD);
        ham_scan(row, 9, &query, 1, PDQ_THRESHOLD - 1, hits, 2 * HAM_QUERIES, &n_hits);
        assert_int_equal(n_hits, 0);
    }
}

static void chooses_a_kernel_that_agrees(void **state)
{
    (void)state;
    const char *disagreed = "unset";
    const char *name = ham_self_test(&disagreed);

    assert_null(disagreed);
    assert_true(ham_use(name));
    assert_true(ham_use("plain"));
    assert_false(ham_use("abacus"));
}

int main(void)
{
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_naive_scan_finds),
        cmocka_unit_test(stops_and_goes_on),
        cmocka_unit_test(counts_the_radius_in),
        cmocka_unit_test(chooses_a_kernel_that_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
