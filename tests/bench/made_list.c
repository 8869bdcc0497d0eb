#include "tests/bench/made_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hashing/base/clock.h"
#include "hashing/ham.h"

enum { ADD_AT_ONCE = 65536, SCAN_HITS = 4096, HUGE_PAGE = 2 << 20 };

struct pdq_hash made_random(const void *ctx, uint64_t number)
{
    /* Any place of splitmix64's sequence can be gone to at once. */
    struct rnd r = {.state = *(const uint64_t *)ctx + 4 * number * 0x9E3779B97F4A7C15};
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(&r);
    return h;
}

struct pdq_hash made_flip(struct rnd *r, struct pdq_hash h, uint64_t bits)
{
    for (; bits > 0; bits--) {
        uint64_t bit = rnd_below(r, PDQ_BITS);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static struct pdq_hash *flat_new(size_t n)
{
    size_t size = (n * sizeof(struct pdq_hash) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    struct pdq_hash *flat = aligned_alloc(HUGE_PAGE, size);
    if (flat == NULL)
        bench_die("list", "no memory");
    (void)madvise(flat, size, MADV_HUGEPAGE);
    return flat;
}

/* Adds hashes [from, to) at once. */
static void add_some(struct made_list *list, struct index_item *items, size_t from, size_t to)
{
    struct err err;
    for (size_t k = from; k < to; k++) {
        struct pdq_hash hash = list->source(list->ctx, k);
        items[k - from] =
            (struct index_item){.hash = hash, .entry = k, .generation = k + 1, .place = -1};
        if (list->flat != NULL)
            list->flat[k] = hash;
    }
    bench_must(index_add(list->index, items, to - from, &err), &err);
}

void made_list_new(struct made_list *list, size_t n, made_source *source, const void *ctx,
                   unsigned wanted)
{
    SCOPED(mem_free) struct index_item *items = calloc(ADD_AT_ONCE, sizeof *items);
    struct err err;

    if (items == NULL)
        bench_die("list", "no memory");
    *list = (struct made_list){.n = n,
                               .flat = (wanted & MADE_FLAT) != 0 ? flat_new(n) : NULL,
                               .source = source,
                               .ctx = ctx};
    int64_t began = clock_mono_ns();
    bench_must(index_new(&list->index, &err), &err);
    index_keep_small(list->index, (wanted & MADE_SMALL) != 0);
    index_bulk(list->index, true);
    for (size_t from = 0; from < n; from += ADD_AT_ONCE)
        add_some(list, items, from, n - from < ADD_AT_ONCE ? n : from + ADD_AT_ONCE);
    index_bulk(list->index, false);
    index_settle(list->index);
    list->build_seconds = (double)(clock_mono_ns() - began) / 1e9;
}

void made_flat_new(struct made_list *list, size_t n, made_source *source, const void *ctx)
{
    *list = (struct made_list){.n = n, .flat = flat_new(n), .source = source, .ctx = ctx};
    for (size_t k = 0; k < n; k++)
        list->flat[k] = source(ctx, k);
}

void made_list_free(struct made_list *list)
{
    index_free(list->index);
    free(list->flat);
    *list = (struct made_list){0};
}

void made_queries(const struct made_list *list, struct rnd *r, struct pdq_hash *ret, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t seed = rnd_next(r);
        if (i % 2 == 0)
            ret[i] = made_random(&seed, 0);
        else
            ret[i] = made_flip(r, list->source(list->ctx, rnd_below(r, list->n)),
                               rnd_below(r, PDQ_THRESHOLD + 1));
    }
}

void made_rule(struct made_rule *ret, unsigned threshold, uint64_t since)
{
    ret->threshold[0] = (int16_t)threshold;
    ret->rule = (struct index_rule){.threshold = ret->threshold, .banks = 1, .since = since};
    ret->enough = UINT64_MAX;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* us, hits: of each query; both are sorted. */
static struct made_times summary(double *us, double *hits, size_t n)
{
    struct made_times t = {0};
    double sum = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        sum += us[i];
        found += hits[i];
    }
    qsort(us, n, sizeof *us, by_value);
    qsort(hits, n, sizeof *hits, by_value);
    t.p50 = us[n / 2];
    t.p99 = us[n - 1 - n / 100];
    t.mean = sum / (double)n;
    t.hits = (uint64_t)found;
    t.hits_p50 = hits[n / 2];
    t.hits_p99 = hits[n - 1 - n / 100];
    return t;
}

struct counted {
    uint64_t hits, enough;
};

static bool count_hit(void *ctx, const struct index_hit *hit)
{
    (void)hit;
    struct counted *counted = ctx;
    return ++counted->hits < counted->enough;
}

static void must_fit(size_t n)
{
    if (n == 0 || n > MADE_QUERIES_MAX)
        bench_die("queries", "none, or too many at once");
}

struct made_times made_search(const struct made_list *list, const struct pdq_hash *queries,
                              size_t n, const struct made_rule *rule)
{
    static double us[MADE_QUERIES_MAX], hits[MADE_QUERIES_MAX];
    must_fit(n);
    for (size_t i = 0; i < n; i++) {
        struct counted found = {.enough = rule->enough};
        int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
        index_search(list->index, &queries[i], 1, &rule->rule, count_hit, &found);
        us[i] = (double)(clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began) / 1e3;
        hits[i] = (double)found.hits;
    }
    return summary(us, hits, n);
}

struct made_times made_scan(const struct made_list *list, const struct pdq_hash *queries, size_t n,
                            unsigned threshold)
{
    static double us[MADE_QUERIES_MAX], hits[MADE_QUERIES_MAX];
    static struct ham_hit hit[SCAN_HITS];
    must_fit(n);
    for (size_t i = 0; i < n; i++) {
        uint64_t found = 0;
        int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
        for (size_t row = 0; row < list->n;) {
            size_t some = 0;
            row += ham_scan(&list->flat[row], list->n - row, &queries[i], 1, threshold, hit,
                            SCAN_HITS, &some);
            found += some;
        }
        us[i] = (double)(clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began) / 1e3;
        hits[i] = (double)found;
    }
    return summary(us, hits, n);
}

struct made_times made_batches(const struct made_list *list, const struct pdq_hash *queries,
                               size_t n, uint32_t batch, const struct made_rule *rule)
{
    struct made_times t = {0};
    struct counted found = {.enough = UINT64_MAX};
    int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < n; i += batch)
        index_search(list->index, &queries[i], n - i < batch ? (uint32_t)(n - i) : batch,
                     &rule->rule, count_hit, &found);
    t.hits = found.hits;
    t.mean = (double)(clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began) / 1e3 / (double)n;
    return t;
}

void made_must_agree(uint64_t index_hits, uint64_t scan_hits)
{
    char why[96];
    if (index_hits == scan_hits)
        return;
    snprintf(why, sizeof why, "found %llu hashes where a scan finds %llu",
             (unsigned long long)index_hits, (unsigned long long)scan_hits);
    bench_die("index", why);
}

const char *made_count(size_t n, char *text, size_t size)
{
    if (n >= MILLION && n % MILLION == 0)
        snprintf(text, size, "%zu M", n / MILLION);
    else if (n >= 1000 && n % 1000 == 0)
        snprintf(text, size, "%zu k", n / 1000);
    else
        snprintf(text, size, "%zu", n);
    return text;
}
