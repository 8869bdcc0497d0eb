/*
 * Measures: an index of 100 million random hashes: how long it takes to build, what it holds for
 * each, and the search of one hash.
 * Against: making the same hashes once, 140 bytes, and one millisecond.
 * And: that all that 1,000 probes find is what one pass over the same hashes, made again, finds.
 *
 *     bench_index_huge [HASHES]
 */
#include <stdio.h>
#include <stdlib.h>

#include "hashing/base/clock.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/made_list.h"

enum { PROBES = 1000, BLOCK = 8192, HITS = 4096, SMALL_PLAN = 140 };

static const uint64_t seed = 1;

/* What was found, whatever the order: how many, and a sum over which of them. */
struct found {
    uint64_t n, sum;
};

static void found_add(struct found *found, uint64_t query, uint64_t number, unsigned distance)
{
    struct rnd r = {.state = number * PROBES + query};
    r.state ^= (uint64_t)distance << 56;
    found->n++;
    found->sum += rnd_next(&r);
}

struct asked {
    struct found *found;
    uint64_t query;
};

static bool take(void *ctx, const struct index_hit *hit)
{
    const struct asked *asked = ctx;
    found_add(asked->found, asked->query, hit->entry, hit->distance);
    return true;
}

static struct found search_all(const struct made_list *list, const struct pdq_hash *probe)
{
    struct found found = {0};
    struct made_rule rule;
    made_rule(&rule, PDQ_THRESHOLD, 0);
    for (uint64_t i = 0; i < PROBES; i++) {
        struct asked asked = {&found, i};
        index_search(list->index, &probe[i], 1, &rule.rule, take, &asked);
    }
    return found;
}

/* All probes over one block of hashes, which begins with number `first`. */
static void scan_block(const struct pdq_hash *block, size_t n, uint64_t first,
                       const struct pdq_hash *probe, struct found *found)
{
    static struct ham_hit hit[HITS];
    for (unsigned q = 0; q < PROBES; q += HAM_QUERIES)
        for (size_t row = 0; row < n;) {
            size_t some = 0, from = row;
            unsigned queries = PROBES - q < HAM_QUERIES ? PROBES - q : HAM_QUERIES;
            row +=
                ham_scan(&block[row], n - row, &probe[q], queries, PDQ_THRESHOLD, hit, HITS, &some);
            for (size_t i = 0; i < some; i++)
                found_add(found, q + hit[i].query, first + from + hit[i].row, hit[i].distance);
        }
}

static struct found scan_all(size_t n, const struct pdq_hash *probe)
{
    static struct pdq_hash block[BLOCK];
    struct found found = {0};
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t some = n - first < BLOCK ? n - first : BLOCK;
        for (size_t i = 0; i < some; i++)
            block[i] = made_random(&seed, first + i);
        scan_block(block, some, first, probe, &found);
    }
    return found;
}

static double make_all(size_t n)
{
    volatile uint64_t sum = 0;
    int64_t began = clock_mono_ns();
    for (size_t i = 0; i < n; i++)
        sum = sum + made_random(&seed, i).w[3];
    return (double)(clock_mono_ns() - began) / 1e9;
}

static void print(const char *what, const char *size, const char *peer_is, const char *unit,
                  const char *aim, double ours, double peer, const char *note)
{
    const struct bench_samples samples = {.n = 1, .ours = {ours}, .peer = {peer}};
    char row[96];
    snprintf(row, sizeof row, "%s %s random%s", what, size, unit[0] == 'm' ? ", p50" : "");
    bench_print(
        &(struct bench_row){.row = row, .peer_is = peer_is, .unit = unit, .aim = aim, .note = note},
        &samples);
}

int main(int argc, char **argv)
{
    static struct pdq_hash probe[PROBES];
    size_t n = argc > 1 ? bench_number(argv[1], 1000 * MILLION) : 100 * MILLION;
    struct rnd r = {.state = 6};
    struct made_list list;
    struct made_rule rule;
    const char *disagreed;
    char size[24], note[160];

    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    made_count(n, size, sizeof size);
    made_list_new(&list, n, made_random, &seed, MADE_SMALL);
    made_rule(&rule, PDQ_THRESHOLD, 0);
    made_queries(&list, &r, probe, PROBES);
    struct made_times times = made_search(&list, probe, PROBES, &rule);
    struct found ours = search_all(&list, probe), scan = scan_all(n, probe);
    if (ours.n != scan.n || ours.sum != scan.sum)
        bench_die("index", "did not find what the scan found");
    snprintf(note, sizeof note, "p99 %.2f ms; %d probes found the %llu that a scan finds",
             times.p99 / 1e3, PROBES, (unsigned long long)scan.n);
    print("build an index of", size, "making the hashes", "s", "", list.build_seconds, make_all(n),
          NULL);
    print("index memory of", size, "the small plan's", "bytes", "<= 1",
          (double)index_memory(list.index) / (double)n, SMALL_PLAN, NULL);
    print("search", size, "1 ms", "ms", "<= 1", times.p50 / 1e3, 1, note);
    made_list_free(&list);
    return 0;
}
