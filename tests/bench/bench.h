/*
 * What the bench programs share: two things timed in turn, and their times as one line of JSON.
 *
 * A machine's mood changes within a second, so ours and the peer run A B A B …, and what counts
 * is the ratio of neighbours.  Times are processor time of the calling thread: other programs on
 * the machine then cost a run only what they take from its caches.  tests/bench/run makes medians
 * and the table of it.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

enum { BENCH_ROUNDS = 9, BENCH_ROUNDS_MAX = 1000 };

struct bench_pair {
    const char *row;     /* what is measured */
    const char *peer_is; /* against what */
    const char *aim;     /* of the ratio ours/peer, e.g. "<= 1.4"; "" = for information */
    void (*ours)(void *ctx);
    void (*peer)(void *ctx);
    void *ctx;
    unsigned repeat; /* runs of each in one sample, in turn */
};

/* Runs both once to warm up, then `rounds` samples; prints them in milliseconds a run. */
void bench_pair(const struct bench_pair *pair, unsigned rounds);

/* Prints a row that is a number and not a time. */
void bench_figure(const char *row, const char *peer_is, const char *unit, double ours, double peer);

/* For a bench that takes its samples itself. */
struct bench_samples {
    unsigned n;
    double ours[BENCH_ROUNDS_MAX], peer[BENCH_ROUNDS_MAX];
};
struct bench_row {
    const char *row, *peer_is, *unit;
    const char *aim;   /* NULL as "" */
    const char *note;  /* NULL: none */
    bool times_faster; /* the ratio is peer/ours, e.g. aim ">= 80" */
};
void bench_sample(struct bench_samples *samples, double ours, double peer);
void bench_print(const struct bench_row *row, const struct bench_samples *samples);

/* A bench that cannot measure says why and ends: half a table would be read as a whole one. */
_Noreturn void bench_die(const char *what, const char *why);
void bench_must(enum rc rc, const struct err *err);

/* Whole numbers of the command line, 1..max. */
unsigned bench_number(const char *text, unsigned max);

/* The whole file; freed by the caller. */
struct bytes bench_read_file(const char *path);

/* A sealed memfd with these bytes, as the service hands them to a worker. */
int bench_memfd(struct bytes data);

#endif
