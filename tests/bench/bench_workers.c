/*
 * Measures: media a second that bare workers hash together: each thread has one worker_host and
 * gives it the same sealed memfd again and again.  No HTTP, no list: what the service with as many
 * workers could reach if all else cost nothing.
 *
 *     bench_workers WORKER_PROGRAM FILE THREADS MILLISECONDS
 *
 * prints {"rate": …}.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "hashing/base/clock.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_worker.h"

enum { THREADS_MAX = 256, WARM_UP = 5 };

struct lane {
    pthread_t thread;
    const struct worker_config *config;
    int medium;
    uint64_t length;
    pthread_barrier_t *warm;
    const atomic_bool *over;
    unsigned done;
};

static enum rc forget(void *ctx, const struct worker_frame *frame, bool *ret_enough,
                      struct err *err)
{
    (void)ctx, (void)frame, (void)ret_enough, (void)err;
    return RC_OK;
}

static void hash_once(struct worker_host *host, const struct lane *lane)
{
    const struct worker_sink sink = {.frame = forget};
    struct medium_found found;
    struct err err;
    bench_must(worker_host_start(host, lane->medium, 0, lane->length, true, &err), &err);
    bench_must(worker_host_wait(host, &sink, &found, &err), &err);
}

static void *run_lane(void *arg)
{
    struct lane *lane = arg;
    SCOPED(worker_host_free) struct worker_host *host = NULL;
    struct err err;

    bench_must(worker_host_new(lane->config, &host, &err), &err);
    for (int i = 0; i < WARM_UP; i++)
        hash_once(host, lane);
    pthread_barrier_wait(lane->warm);
    for (; !atomic_load(lane->over); lane->done++)
        hash_once(host, lane);
    return NULL;
}

/* Media a second, all lanes together. */
static double measure(struct lane *lanes, unsigned n, pthread_barrier_t *warm, atomic_bool *over,
                      unsigned ms)
{
    unsigned done = 0;
    for (unsigned i = 0; i < n; i++)
        if (pthread_create(&lanes[i].thread, NULL, run_lane, &lanes[i]) != 0)
            bench_die("thread", "cannot be started");
    pthread_barrier_wait(warm);
    int64_t began = clock_mono_ns();
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
    atomic_store(over, true);
    for (unsigned i = 0; i < n; i++) {
        pthread_join(lanes[i].thread, NULL);
        done += lanes[i].done;
    }
    return done / ((double)(clock_mono_ns() - began) / 1e9);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        bench_die("usage", "bench_workers WORKER_PROGRAM FILE THREADS MILLISECONDS");
    const struct worker_config config = bench_worker_config(argv[1]);
    struct bytes medium = bench_read_file(argv[2]);
    unsigned threads = bench_number(argv[3], THREADS_MAX);
    pthread_barrier_t warm;
    atomic_bool over = false;
    static struct lane lanes[THREADS_MAX];

    pthread_barrier_init(&warm, NULL, threads + 1);
    int fd = bench_memfd(medium);
    for (unsigned i = 0; i < threads; i++)
        lanes[i] = (struct lane){
            .config = &config, .medium = fd, .length = medium.n, .warm = &warm, .over = &over};
    double rate = measure(lanes, threads, &warm, &over, bench_number(argv[4], 600000));
    printf("{\"rate\": %.3f}\n", rate);
    free((void *)medium.p);
    return 0;
}
