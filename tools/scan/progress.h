/*
 * A thread that makes the state durable every second and, on a terminal, shows how far a scan is.
 */
#ifndef TOOLS_SCAN_PROGRESS_H
#define TOOLS_SCAN_PROGRESS_H

#include <pthread.h>

#include "tools/scan/match.h"
#include "tools/scan/pipeline.h"

struct progress {
    struct state *state;
    bool show;
    atomic_uint_least64_t seen;          /* files met, members of archives, too */
    atomic_uint_least64_t walked;        /* files met, without those */
    atomic_uint_least64_t total;         /* that will be walked, or asked again; 0: unknown */
    const struct pipeline_counts *files; /* NULL: a rematch */
    const struct match_counts *matches;

    /* the thread's own */
    pthread_t thread;
    atomic_bool end;
    int64_t began_ns;
};

MUST_CHECK enum rc progress_start(struct progress *progress, struct err *err);
/* A line for people, at once: what of the scan's arguments could not be done, and why. */
void progress_say(const struct progress *progress, const char *what, const struct err *why);
/* Ends the thread and takes the line away. */
void progress_end(struct progress *progress);

#endif
