#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hashing/base/clock.h"
#include "hashing/base/scoped.h"
#include "hashing/base/text.h"

static int64_t time_of(void (*run)(void *ctx), void *ctx)
{
    int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    run(ctx);
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began;
}

static void print_samples(const char *name, const double *values, unsigned n)
{
    printf("\"%s\": [", name);
    for (unsigned i = 0; i < n; i++)
        printf("%s%.6g", i > 0 ? ", " : "", values[i]);
    putchar(']');
}

void bench_sample(struct bench_samples *samples, double ours, double peer)
{
    if (samples->n == BENCH_ROUNDS_MAX)
        bench_die("samples", "too many");
    samples->ours[samples->n] = ours;
    samples->peer[samples->n++] = peer;
}

void bench_print(const struct bench_row *row, const struct bench_samples *samples)
{
    printf("{\"row\": \"%s\", \"peer_is\": \"%s\", \"unit\": \"%s\", \"aim\": \"%s\", ", row->row,
           row->peer_is, row->unit, row->aim == NULL ? "" : row->aim);
    if (row->note != NULL)
        printf("\"note\": \"%s\", ", row->note);
    if (row->times_faster)
        fputs("\"times_faster\": true, ", stdout);
    print_samples("ours", samples->ours, samples->n);
    fputs(", ", stdout);
    print_samples("peer", samples->peer, samples->n);
    puts("}");
    fflush(stdout);
}

void bench_pair(const struct bench_pair *pair, unsigned rounds)
{
    struct bench_samples samples = {0};

    pair->ours(pair->ctx);
    pair->peer(pair->ctx);
    for (unsigned round = 0; round < rounds; round++) {
        int64_t ours = 0, peer = 0;
        for (unsigned i = 0; i < pair->repeat; i++) {
            ours += time_of(pair->ours, pair->ctx);
            peer += time_of(pair->peer, pair->ctx);
        }
        bench_sample(&samples, (double)ours / 1e6 / pair->repeat,
                     (double)peer / 1e6 / pair->repeat);
    }
    bench_print(
        &(struct bench_row){
            .row = pair->row, .peer_is = pair->peer_is, .unit = "ms", .aim = pair->aim},
        &samples);
}

void bench_figure(const char *row, const char *peer_is, const char *unit, double ours, double peer)
{
    const struct bench_samples samples = {.n = 1, .ours = {ours}, .peer = {peer}};
    bench_print(&(struct bench_row){.row = row, .peer_is = peer_is, .unit = unit}, &samples);
}

void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(2);
}

void bench_must(enum rc rc, const struct err *err)
{
    if (rc != RC_OK)
        bench_die(err->at, err->msg);
}

unsigned bench_number(const char *text, unsigned max)
{
    int64_t n;
    if (!text_number(text, 1, max, &n))
        bench_die(text, "is not such a number");
    return (unsigned)n;
}

struct bytes bench_read_file(const char *path)
{
    struct stat st;
    SCOPED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        bench_die(path, strerrordesc_np(errno));
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size + 1);
    if (data == NULL || read(fd, data, size) != (ssize_t)size)
        bench_die(path, "cannot be read whole");
    return bytes_of(data, size);
}

int bench_memfd(struct bytes data)
{
    int fd = memfd_create("medium", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, data.p, data.n) != (ssize_t)data.n ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0)
        bench_die("memfd", strerrordesc_np(errno));
    return fd;
}
