/*
 * Measures: one search of an index of a million random hashes, for one query and for a batch of
 * eight.
 * Against: reading as many bytes as the hashes have (their sum, one thread: nobody who looks at
 * every hash is faster), and a plain loop over them with the processor's POPCNT.
 * And: bytes of memory for each hash, over the 32 that it has.
 *
 *     bench_index [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "db/index.h"
#include "hashing/base/scoped.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/bench.h"
#include "tests/support/rnd.h"

enum { HASHES = 1000000, QUERIES = 8, LINE = 64 };

typedef uint64_t lanes_t __attribute__((vector_size(LINE)));

union cache_line {
    struct pdq_hash hash[2];
    lanes_t lanes;
};

#if defined(__x86_64__)
#define WITH_POPCNT __attribute__((target("popcnt")))
#else
#define WITH_POPCNT
#endif

struct work {
    struct index *index;
    struct pdq_hash *hashes; /* the same ones, side by side */
    struct pdq_hash query[QUERIES];
    uint32_t n_queries;
    uint64_t found, sum; /* kept, so that no compiler leaves the work out */
};

static struct pdq_hash random_hash(struct rnd *r)
{
    return (struct pdq_hash){{rnd_next(r), rnd_next(r), rnd_next(r), rnd_next(r)}};
}

static bool count_hit(void *ctx, const struct index_hit *hit)
{
    (void)hit;
    ++*(uint64_t *)ctx;
    return true;
}

static void search(void *ctx)
{
    static const int16_t threshold[1] = {PDQ_THRESHOLD};
    const struct index_rule rule = {.threshold = threshold, .banks = 1};
    struct work *w = ctx;
    index_search(w->index, w->query, w->n_queries, &rule, count_hit, &w->found);
}

/* Four places at a time: a processor reads ahead better than along one line. */
static void read_all(void *ctx)
{
    enum { STREAMS = 4, LINES = HASHES / 2 / STREAMS };
    struct work *w = ctx;
    const union cache_line *line = (const void *)w->hashes;
    lanes_t a = {0}, b = {0}, c = {0}, d = {0};
    for (size_t i = 0; i < LINES; i++) {
        a += line[i].lanes;
        b += line[LINES + i].lanes;
        c += line[2 * LINES + i].lanes;
        d += line[3 * LINES + i].lanes;
    }
    a += b + c + d;
    for (size_t k = 0; k < sizeof a / sizeof a[0]; k++)
        w->sum += a[k];
}

WITH_POPCNT static void scan_plainly(void *ctx)
{
    struct work *w = ctx;
    for (uint32_t q = 0; q < w->n_queries; q++)
        for (size_t i = 0; i < HASHES; i++)
            w->found += pdq_distance(&w->hashes[i], &w->query[q]) <= PDQ_THRESHOLD;
}

static void fill(struct work *w)
{
    struct rnd r = {.state = 1};
    struct err err;
    SCOPED(mem_free) struct index_item *items = calloc(HASHES, sizeof *items);
    w->hashes = aligned_alloc(LINE, HASHES * sizeof *w->hashes);
    if (items == NULL || w->hashes == NULL)
        bench_die("index", "no memory");
    for (size_t i = 0; i < HASHES; i++) {
        w->hashes[i] = random_hash(&r);
        items[i] = (struct index_item){.hash = w->hashes[i], .entry = i, .place = -1};
    }
    for (size_t q = 0; q < QUERIES; q++)
        w->query[q] = random_hash(&r);
    bench_must(index_new(&w->index, &err), &err);
    bench_must(index_add(w->index, items, HASHES, &err), &err);
}

static void compare(struct work *w, uint32_t n_queries, void (*peer)(void *ctx),
                    const char *peer_is, const char *kernel, unsigned rounds)
{
    char row[64];
    snprintf(row, sizeof row, "search 1 M hashes, %u quer%s, %s", n_queries,
             n_queries == 1 ? "y" : "ies", kernel);
    w->n_queries = n_queries;
    const struct bench_pair pair = {.row = row,
                                    .peer_is = peer_is,
                                    .aim = "",
                                    .ours = search,
                                    .peer = peer,
                                    .ctx = w,
                                    .repeat = 5};
    bench_pair(&pair, rounds);
}

int main(int argc, char **argv)
{
    const char *disagreed;
    const char *kernel = ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    unsigned rounds = argc > 1 ? bench_number(argv[1], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;
    struct work w = {0};

    fill(&w);
    compare(&w, 1, read_all, "reading 32 MB", kernel, rounds);
    compare(&w, QUERIES, read_all, "reading 32 MB", kernel, rounds);
    compare(&w, 1, scan_plainly, "plain POPCNT loop", kernel, rounds);
    compare(&w, QUERIES, scan_plainly, "plain POPCNT loop", kernel, rounds);
    bench_figure("index memory for each hash", "the hash itself", "bytes",
                 (double)index_memory(w.index) / HASHES, PDQ_BYTES);
    if (w.found != 0)
        bench_die("index", "random hashes matched");
    index_free(w.index);
    free(w.hashes);
    return 0;
}
