/*
 * Serves measurements of an index to the benches in Python, which time their peers in turn with
 * it: an index of random hashes, and queries of which half are near none and half near one.
 *
 *     bench_index_served HASHES [FOLDER]
 *
 * FOLDER: where `hashes` and `queries` are written, 32 bytes each, for the peer.  Then for each
 * line on standard input one line of JSON:
 *
 *     single FROM COUNT   of these queries, one at a time: {"p50": microseconds, "hits": …}
 *     rate THREADS MS     of random hashes, 1,000 in a call: {"rate": hashes a second, all threads}
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "hashing/base/clock.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/made_list.h"

enum { BATCH = 1000, THREADS_MAX = 64 };

static const uint64_t seed = 1;
static struct pdq_hash query[MADE_QUERIES_MAX];

static void write_hashes(const char *folder, const char *name, const struct pdq_hash *hashes,
                         size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(hashes, sizeof *hashes, n, file) != n || fclose(file) != 0)
        bench_die(path, "cannot be written");
}

static void answer_single(const struct made_list *list, unsigned from, unsigned count)
{
    struct made_rule rule;
    made_rule(&rule, PDQ_THRESHOLD, 0);
    if (from > MADE_QUERIES_MAX || count > MADE_QUERIES_MAX - from)
        bench_die("single", "so many queries there are not");
    struct made_times t = made_search(list, &query[from], count, &rule);
    printf("{\"p50\": %.4f, \"hits\": %llu}\n", t.p50, (unsigned long long)t.hits);
}

struct lane {
    pthread_t thread;
    const struct made_list *list;
    uint64_t seed;
    const atomic_bool *over;
    uint64_t done;
};

static void *run_lane(void *arg)
{
    struct lane *lane = arg;
    struct pdq_hash *some = calloc(BATCH, sizeof *some);
    struct made_rule rule;

    if (some == NULL)
        bench_die("rate", "no memory");
    made_rule(&rule, PDQ_THRESHOLD, 0);
    for (uint64_t number = 0; !atomic_load(lane->over); number += BATCH, lane->done += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++)
            some[i] = made_random(&lane->seed, number + i);
        (void)made_batches(lane->list, some, BATCH, BATCH, &rule);
    }
    free(some);
    return NULL;
}

static void answer_rate(const struct made_list *list, unsigned threads, unsigned ms)
{
    static struct lane lane[THREADS_MAX];
    atomic_bool over = false;
    uint64_t done = 0;

    if (threads > THREADS_MAX)
        bench_die("rate", "too many threads");
    int64_t began = clock_mono_ns();
    for (unsigned i = 0; i < threads; i++) {
        lane[i] = (struct lane){.list = list, .seed = 100 + i, .over = &over};
        if (pthread_create(&lane[i].thread, NULL, run_lane, &lane[i]) != 0)
            bench_die("thread", "cannot be started");
    }
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
    atomic_store(&over, true);
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(lane[i].thread, NULL);
        done += lane[i].done;
    }
    printf("{\"rate\": %.1f}\n", (double)done * 1e9 / (double)(clock_mono_ns() - began));
}

static void answer(const struct made_list *list, const char *line)
{
    unsigned a, b;
    if (sscanf(line, "single %u %u", &a, &b) == 2)
        answer_single(list, a, b);
    else if (sscanf(line, "rate %u %u", &a, &b) == 2)
        answer_rate(list, a, b);
    else
        bench_die(line, "is no command");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct made_list list;
    struct rnd r = {.state = 8};
    const char *disagreed;
    char line[128];

    if (argc < 2)
        bench_die("usage", "bench_index_served HASHES [FOLDER]");
    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    made_list_new(&list, bench_number(argv[1], 100 * MILLION), made_random, &seed,
                  argc > 2 ? MADE_FLAT : 0);
    made_queries(&list, &r, query, MADE_QUERIES_MAX);
    if (argc > 2) {
        write_hashes(argv[2], "hashes", list.flat, list.n);
        write_hashes(argv[2], "queries", query, MADE_QUERIES_MAX);
    }
    while (fgets(line, sizeof line, stdin) != NULL)
        answer(&list, line);
    made_list_free(&list);
    return 0;
}
