/*
 * Measures: files a second that bare workers hash together, each file once: as many threads as are
 * said take file after file of a list, read it into a sealed memfd and give that to a worker_host
 * of their own.  No state, no digests, no service: what a scan with as many jobs could reach if all
 * else cost nothing.
 *
 *     bench_files WORKER_PROGRAM LIST THREADS
 *
 * LIST: a path a line.  Prints {"rate": …}.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "hashing/base/clock.h"
#include "hashing/base/sealed.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_worker.h"

enum { THREADS_MAX = 256, FILES_MAX = 15000, PATH_SIZE = 4096 };

/* Shared by all threads. */
struct all {
    const struct worker_config *config;
    char *const *path;
    unsigned n;
    atomic_uint next;
    pthread_barrier_t ready;
};

static enum rc forget(void *ctx, const struct worker_frame *frame, bool *ret_enough,
                      struct err *err)
{
    (void)ctx, (void)frame, (void)ret_enough, (void)err;
    return RC_OK;
}

static void *run(void *arg)
{
    struct all *all = arg;
    SCOPED(worker_host_free) struct worker_host *host = NULL;
    const struct worker_sink sink = {.frame = forget};
    struct medium_found found;
    struct err err;
    unsigned i;

    bench_must(worker_host_new(all->config, &host, &err), &err);
    pthread_barrier_wait(&all->ready);
    while ((i = atomic_fetch_add(&all->next, 1)) < all->n) {
        SCOPED(fd_close) int fd = open(all->path[i], O_RDONLY | O_CLOEXEC);
        SCOPED(fd_close) int memfd = -1;
        uint64_t length;
        if (fd < 0)
            bench_die(all->path[i], "cannot be opened");
        bench_must(sealed_read(fd, UINT64_MAX, &memfd, &length, &err), &err);
        bench_must(worker_host_start(host, memfd, 0, length, true, &err), &err);
        bench_must(worker_host_wait(host, &sink, &found, &err), &err);
    }
    return NULL;
}

static unsigned read_list(const char *list, char **paths)
{
    char path[PATH_SIZE];
    unsigned n = 0;
    FILE *in = fopen(list, "re");

    if (in == NULL)
        bench_die(list, "cannot be opened");
    while (fgets(path, sizeof path, in) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        if (n == FILES_MAX || (paths[n++] = strdup(path)) == NULL)
            bench_die(list, "names too many files");
    }
    fclose(in);
    return n;
}

/* Files a second, all threads together. */
static double measure(struct all *all, unsigned threads)
{
    pthread_t thread[THREADS_MAX];

    pthread_barrier_init(&all->ready, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, run, all) != 0)
            bench_die("thread", "cannot be started");
    pthread_barrier_wait(&all->ready);
    int64_t began = clock_mono_ns();
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    return all->n / ((double)(clock_mono_ns() - began) / 1e9);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        bench_die("usage", "bench_files WORKER_PROGRAM LIST THREADS");
    const struct worker_config config = bench_worker_config(argv[1]);
    static char *paths[FILES_MAX];
    struct all all = {.config = &config, .path = paths, .n = read_list(argv[2], paths)};
    printf("{\"rate\": %.3f}\n", measure(&all, bench_number(argv[3], THREADS_MAX)));
    return 0;
}
