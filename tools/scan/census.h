/*
 * How many files the roots hold: counted by a thread beside the scan, so that it can be told how
 * long it will take.  It lists folders and opens no file.
 */
#ifndef TOOLS_SCAN_CENSUS_H
#define TOOLS_SCAN_CENSUS_H

#include <pthread.h>
#include <stdatomic.h>

#include "tools/scan/walk.h"

struct census {
    char *const *paths; /* n_paths folders and files */
    int n_paths;
    const struct walk_options *walk;
    bool (*counts)(void *ctx, struct bytes under); /* whether a file is one of the scan's */
    void *ctx;
    atomic_uint_least64_t *total; /* set when all are counted */

    /* the thread's own */
    pthread_t thread;
    atomic_bool stop;
    bool running;
    uint64_t files;
};

/* Without a thread nothing is counted, which is no failure. */
void census_start(struct census *census);
/* Harmless when it was not started. */
void census_end(struct census *census);

#endif
