/*
 * Measures: the search of one hash in a list of real ones with clusters: every listed hash is one
 * of the given base hashes (of photographs and frames of clips) with 0 to 100 bits flipped, and so
 * is every query.
 * A search ends when so many entries have matched as a lookup counts.
 * Against: the median of the same search among as many random hashes, in the same run; and our
 * linear scan; a search to the end must find what that finds.
 *
 *     bench_index_real BASES [ROUNDS [HASHES]]       BASES: a file, 64 hex digits a line
 */
#include <stdio.h>
#include <stdlib.h>

#include "db/policy.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/made_list.h"

enum { BASES_MAX = 100000, FLIPS_MAX = 100, QUERIES = 1000, SCANS = 4 };

struct bases {
    size_t n;
    struct pdq_hash hash[BASES_MAX];
};

static void bases_read(struct bases *bases, const char *path)
{
    struct bytes text = bench_read_file(path);
    for (size_t at = 0; at + PDQ_HEX < text.n; at += PDQ_HEX + 1) {
        if (bases->n == BASES_MAX ||
            !pdq_parse_hex((const char *)text.p + at, PDQ_HEX, &bases->hash[bases->n++]))
            bench_die(path, "is no list of hashes");
    }
    free((void *)text.p);
    if (bases->n == 0)
        bench_die(path, "holds no hash");
}

static struct pdq_hash near_base(const struct bases *bases, struct rnd *r)
{
    const struct pdq_hash *base = &bases->hash[rnd_below(r, bases->n)];
    return made_flip(r, *base, rnd_below(r, FLIPS_MAX + 1));
}

static struct pdq_hash clustered(const void *ctx, uint64_t number)
{
    const uint64_t seed = 2;
    struct rnd r = {.state = made_random(&seed, number).w[0]};
    return near_base(ctx, &r);
}

struct bench {
    struct bases bases;
    struct made_list random, real;
    struct rnd rnd;
    struct pdq_hash query[QUERIES];
    struct bench_samples p50, p99, scan;
    double hits_p50, hits_p99;
};

static void run_round(struct bench *b)
{
    struct made_rule rule;
    made_rule(&rule, PDQ_THRESHOLD, 0);
    made_queries(&b->random, &b->rnd, b->query, QUERIES);
    struct made_times random = made_search(&b->random, b->query, QUERIES, &rule);

    for (size_t i = 0; i < QUERIES; i++)
        b->query[i] = near_base(&b->bases, &b->rnd);
    struct made_times scan = made_scan(&b->real, b->query, SCANS, PDQ_THRESHOLD);
    made_must_agree(made_search(&b->real, b->query, SCANS, &rule).hits, scan.hits);
    rule.enough = LOOKUP_TOTAL_MAX;
    struct made_times real = made_search(&b->real, b->query, QUERIES, &rule);
    bench_sample(&b->p50, real.p50, random.p50);
    bench_sample(&b->p99, real.p99, random.p50);
    bench_sample(&b->scan, real.p50, scan.p50);
    b->hits_p50 = real.hits_p50;
    b->hits_p99 = real.hits_p99;
}

static void print(const struct bench *b)
{
    char size[24], p50[96], p99[96], note[160];
    made_count(b->real.n, size, sizeof size);
    snprintf(p50, sizeof p50, "search %s real hashes in clusters, p50", size);
    snprintf(p99, sizeof p99, "search %s real hashes in clusters, p99", size);
    snprintf(note, sizeof note,
             "%zu base hashes; hits of a query: p50 %.0f, p99 %.0f; %.0f bytes a hash", b->bases.n,
             b->hits_p50, b->hits_p99, (double)index_memory(b->real.index) / (double)b->real.n);
    struct bench_row row = {
        .row = p50, .peer_is = "p50 of as many random ones", .unit = "us", .aim = "<= 2"};
    row.note = note;
    bench_print(&row, &b->p50);
    row.row = p99;
    row.aim = "<= 20";
    row.note = NULL;
    bench_print(&row, &b->p99);
    bench_print(
        &(struct bench_row){
            .row = p50, .peer_is = "our linear scan", .unit = "us", .times_faster = true},
        &b->scan);
}

int main(int argc, char **argv)
{
    static struct bench b = {.rnd = {.state = 3}};
    static const uint64_t seed = 1;
    const char *disagreed;

    if (argc < 2)
        bench_die("usage", "bench_index_real BASES [ROUNDS [HASHES]]");
    unsigned rounds = argc > 2 ? bench_number(argv[2], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;
    size_t n = argc > 3 ? bench_number(argv[3], 100 * MILLION) : 10 * MILLION;
    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    bases_read(&b.bases, argv[1]);
    made_list_new(&b.random, n, made_random, &seed, 0);
    made_list_new(&b.real, n, clustered, &b.bases, MADE_FLAT);
    for (unsigned round = 0; round < rounds; round++)
        run_round(&b);
    print(&b);
    made_list_free(&b.random);
    made_list_free(&b.real);
    return 0;
}
