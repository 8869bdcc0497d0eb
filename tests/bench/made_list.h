/*
 * A list of made hashes, in an index and, side by side, as the array that a scan reads; and the
 * times of searches in either.
 *
 * A hash is made from its number alone, so that a list too large to be held twice can be scanned
 * by making it again.  Times are processor time of the calling thread, as everywhere (bench.h).
 */
#ifndef TESTS_BENCH_MADE_LIST_H
#define TESTS_BENCH_MADE_LIST_H

#include "db/index.h"
#include "tests/bench/bench.h"
#include "tests/support/rnd.h"

enum { MILLION = 1000000 };

/* Where hashes come from; every call with the same number gives the same one. */
typedef struct pdq_hash made_source(const void *ctx, uint64_t number);

/* Random hashes; ctx: a uint64_t, the seed. */
made_source made_random;

/* A few bits of it flipped, one perhaps twice. */
struct pdq_hash made_flip(struct rnd *r, struct pdq_hash h, uint64_t bits);

struct made_list {
    struct index *index; /* entry and generation of hash k are k and k + 1; all in bank 0 */
    size_t n;
    struct pdq_hash *flat; /* the same ones on huge pages, NULL when not asked for */
    double build_seconds;  /* of the wall clock, until nothing was left to merge */
    made_source *source;
    const void *ctx;
};
/* What is wanted of a list, ored. */
enum {
    MADE_FLAT = 1, /* the array, too */
    MADE_SMALL = 2 /* the index's small plan: index_keep_small() */
};
void made_list_new(struct made_list *list, size_t n, made_source *source, const void *ctx,
                   unsigned wanted);
/* Without an index. */
void made_flat_new(struct made_list *list, size_t n, made_source *source, const void *ctx);
void made_list_free(struct made_list *list);

/* Half hashes that are near none, half a listed one with up to PDQ_THRESHOLD bits flipped. */
void made_queries(const struct made_list *list, struct rnd *r, struct pdq_hash *ret, size_t n);

/* What one search asks for in bank 0. */
struct made_rule {
    int16_t threshold[1];
    struct index_rule rule;
    uint64_t enough; /* hits of a query, after which it ends; UINT64_MAX at first */
};
void made_rule(struct made_rule *ret, unsigned threshold, uint64_t since);

struct made_times {
    double p50, p99, mean; /* microseconds a query */
    uint64_t hits;         /* of all queries */
    double hits_p50, hits_p99;
};
enum { MADE_QUERIES_MAX = 10000 };

/* Every query by itself, in the index and by the scan. */
struct made_times made_search(const struct made_list *list, const struct pdq_hash *queries,
                              size_t n, const struct made_rule *rule);
struct made_times made_scan(const struct made_list *list, const struct pdq_hash *queries, size_t n,
                            unsigned threshold);

/* In calls of `batch` queries; only mean and hits are of sense. */
struct made_times made_batches(const struct made_list *list, const struct pdq_hash *queries,
                               size_t n, uint32_t batch, const struct made_rule *rule);

/* Ends the bench when the index did not find what the scan found for the same queries. */
void made_must_agree(uint64_t index_hits, uint64_t scan_hits);

/* "10 M", "250 k", "1234" */
const char *made_count(size_t n, char *text, size_t size);

#endif
