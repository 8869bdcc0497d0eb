/*
 * Measures: the search of one hash in an index of random ones, its median and its 99th percentile
 * over a thousand different queries a round (half near none, half a listed one with 0 to 31 bits
 * flipped); in calls of many queries; at other thresholds; of the newest hashes alone; and bytes
 * of memory for each hash.
 * Against: our own linear scan of the same hashes, 32 bytes each, side by side on huge pages, one
 * query at a time (its own peer is reading as many bytes); both must find the same.
 *
 *     bench_index [ROUNDS [HASHES…]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "hashing/base/clock.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/made_list.h"

enum {
    QUERIES = 1000,         /* of a round */
    SCANNED = 40 * MILLION, /* hashes that the peer looks at in a round */
    SCANS_MIN = 4,
    NEWEST = 1000,
    LARGE = 10 * MILLION, /* from which the aims count: a smaller list fits in the cache */
    SMALL_PLAN = 140,     /* bytes a hash */
    FAST_PLAN = 400,
    LINE = 64
};

struct bench {
    const char *kernel;
    unsigned rounds;
    bool small; /* the small plan, else the default */
    struct made_list list;
    char size[24];
    struct rnd rnd;
    struct pdq_hash query[QUERIES];
    uint64_t sum; /* kept, so that no compiler leaves the reading out */
};

static double bytes_each(const struct bench *b)
{
    return (double)index_memory(b->list.index) / (double)b->list.n;
}

/* The aim of a search at threshold 31 depends on the memory that it was bought with. */
static const char *aim(const struct bench *b)
{
    return b->list.n < LARGE ? "" : b->small ? ">= 80" : ">= 150";
}

static const char *plan(const struct bench *b)
{
    return b->small ? "small plan" : "fast plan";
}

static size_t scans(const struct bench *b)
{
    size_t n = SCANNED / b->list.n;
    return n < SCANS_MIN ? SCANS_MIN : n > QUERIES ? QUERIES : n;
}

/* The same first queries by index and scan, all of them by the index. */
static void round_at(struct bench *b, unsigned threshold, struct made_times *ret_ours,
                     struct made_times *ret_peer)
{
    struct made_rule rule;
    made_rule(&rule, threshold, 0);
    made_queries(&b->list, &b->rnd, b->query, QUERIES);
    *ret_peer = made_scan(&b->list, b->query, scans(b), threshold);
    struct made_times same = made_search(&b->list, b->query, scans(b), &rule);
    made_must_agree(same.hits, ret_peer->hits);
    *ret_ours = made_search(&b->list, b->query, QUERIES, &rule);
}

static void compare_single(struct bench *b)
{
    struct bench_samples p50 = {0}, p99 = {0};
    char row[96], peer[64], note[96];

    for (unsigned round = 0; round < b->rounds; round++) {
        struct made_times ours, scan;
        round_at(b, PDQ_THRESHOLD, &ours, &scan);
        bench_sample(&p50, ours.p50, scan.p50);
        bench_sample(&p99, ours.p99, ours.p50);
    }
    snprintf(row, sizeof row, "search %s random, %s, p50", b->size, plan(b));
    snprintf(peer, sizeof peer, "our linear scan, %s", b->kernel);
    snprintf(note, sizeof note, "%.0f bytes a hash, built in %.2f s", bytes_each(b),
             b->list.build_seconds);
    bench_print(&(struct bench_row){.row = row,
                                    .peer_is = peer,
                                    .unit = "us",
                                    .aim = aim(b),
                                    .note = note,
                                    .times_faster = true},
                &p50);
    snprintf(row, sizeof row, "search %s random, %s, p99", b->size, plan(b));
    bench_print(&(struct bench_row){.row = row, .peer_is = "its p50", .unit = "us"}, &p99);
}

static void compare_batch(struct bench *b, uint32_t batch)
{
    struct bench_samples samples = {0};
    struct made_rule rule;
    char row[96];

    made_rule(&rule, PDQ_THRESHOLD, 0);
    for (unsigned round = 0; round < b->rounds; round++) {
        made_queries(&b->list, &b->rnd, b->query, QUERIES);
        struct made_times many = made_batches(&b->list, b->query, QUERIES, batch, &rule);
        struct made_times one = made_batches(&b->list, b->query, QUERIES, 1, &rule);
        made_must_agree(many.hits, one.hits);
        bench_sample(&samples, many.mean, one.mean);
    }
    snprintf(row, sizeof row, "search %s random, %u in a call, each", b->size, batch);
    bench_print(
        &(struct bench_row){
            .row = row, .peer_is = "one in a call", .unit = "us", .times_faster = true},
        &samples);
}

static void compare_threshold(struct bench *b, unsigned threshold)
{
    struct bench_samples samples = {0};
    char row[96];

    for (unsigned round = 0; round < b->rounds; round++) {
        struct made_times ours, scan;
        round_at(b, threshold, &ours, &scan);
        bench_sample(&samples, ours.p50, scan.p50);
    }
    snprintf(row, sizeof row, "search %s random, threshold %u, p50", b->size, threshold);
    bench_print(
        &(struct bench_row){
            .row = row, .peer_is = "our linear scan", .unit = "us", .times_faster = true},
        &samples);
}

static void compare_newest(struct bench *b)
{
    struct bench_samples samples = {0};
    struct made_rule whole, newest;
    char row[96];

    made_rule(&whole, PDQ_THRESHOLD, 0);
    made_rule(&newest, PDQ_THRESHOLD, b->list.n - NEWEST);
    for (unsigned round = 0; round < b->rounds; round++) {
        made_queries(&b->list, &b->rnd, b->query, QUERIES);
        struct made_times all = made_search(&b->list, b->query, QUERIES, &whole);
        struct made_times some = made_search(&b->list, b->query, QUERIES, &newest);
        bench_sample(&samples, some.p50, all.p50);
    }
    snprintf(row, sizeof row, "search the newest %d of %s (since), p50", NEWEST, b->size);
    bench_print(&(struct bench_row){.row = row, .peer_is = "all", .unit = "us", .aim = "<= 1"},
                &samples);
}

typedef uint64_t lanes_t __attribute__((vector_size(LINE)));

/* Microseconds of reading them all.  Four places at a time: a processor reads ahead better than
 * along one line. */
static double read_all(struct bench *b)
{
    const lanes_t *line = (const void *)b->list.flat;
    size_t n = b->list.n / 2 / 4;
    lanes_t x = {0}, y = {0}, z = {0}, w = {0};
    int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < n; i++) {
        x += line[i];
        y += line[n + i];
        z += line[2 * n + i];
        w += line[3 * n + i];
    }
    int64_t spent = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began;
    x += y + z + w;
    for (size_t k = 0; k < sizeof x / sizeof x[0]; k++)
        b->sum += x[k];
    return (double)spent / 1e3;
}

/* Whether the peer is a worthy one. */
static void compare_scan(struct bench *b)
{
    struct bench_samples samples = {0};
    char row[96], peer[64];

    for (unsigned round = 0; round < b->rounds; round++) {
        made_queries(&b->list, &b->rnd, b->query, SCANS_MIN);
        double reading = read_all(b);
        bench_sample(&samples, made_scan(&b->list, b->query, SCANS_MIN, PDQ_THRESHOLD).p50,
                     reading);
    }
    snprintf(row, sizeof row, "our linear scan of %s, %s", b->size, b->kernel);
    snprintf(peer, sizeof peer, "reading %zu MB", b->list.n * PDQ_BYTES / MILLION);
    bench_print(&(struct bench_row){.row = row, .peer_is = peer, .unit = "us"}, &samples);
}

static void compare_memory(const struct bench *b)
{
    const struct bench_samples memory = {
        .n = 1, .ours = {bytes_each(b)}, .peer = {b->small ? SMALL_PLAN : FAST_PLAN}};
    char row[96];

    snprintf(row, sizeof row, "index memory of %s random, %s, a hash", b->size, plan(b));
    bench_print(
        &(struct bench_row){
            .row = row, .peer_is = "the most that it may take", .unit = "bytes", .aim = "<= 1"},
        &memory);
}

static void measure_plan(struct bench *b, size_t n, bool small)
{
    static const uint64_t seed = 1;

    b->small = small;
    b->rnd = (struct rnd){.state = n};
    made_list_new(&b->list, n, made_random, &seed, MADE_FLAT | (small ? MADE_SMALL : 0));
    compare_single(b);
    compare_memory(b);
}

static void measure(struct bench *b, size_t n)
{
    static const unsigned thresholds[] = {0, 15, PDQ_THRESHOLD, 47, 63};

    made_count(n, b->size, sizeof b->size);
    measure_plan(b, n, true);
    made_list_free(&b->list);
    measure_plan(b, n, false);
    compare_batch(b, ORIENTATIONS);
    compare_batch(b, QUERIES);
    if (n >= LARGE)
        compare_newest(b);
    else
        for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++)
            compare_threshold(b, thresholds[i]);
    compare_scan(b);
    made_list_free(&b->list);
}

int main(int argc, char **argv)
{
    static struct bench b;
    const char *disagreed;

    b.kernel = ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    b.rounds = argc > 1 ? bench_number(argv[1], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;
    if (argc > 2) {
        for (int i = 2; i < argc; i++)
            measure(&b, bench_number(argv[i], 100 * MILLION));
    } else {
        measure(&b, MILLION);
        measure(&b, 10 * MILLION);
    }
    return 0;
}
