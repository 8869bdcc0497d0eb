/*
 * The roots of a scan, one after the other: folders, files, buckets, the names of a list.
 *
 * A PATH that cannot be looked at is told on standard error at once, and the others are gone
 * through all the same.  It gets no row in the state, and what the state knows of it stays: a disk
 * that is not mounted is not an empty one.
 */
#ifndef TOOLS_SCAN_ROOTS_H
#define TOOLS_SCAN_ROOTS_H

#include "tools/scan/progress.h"
#include "tools/scan/scan.h"

/* Borrows all it is given; unopened: counts PATHs that could not be looked at. */
struct roots {
    const struct scan_options *options;
    struct state *state;
    struct intake *intake;
    const struct progress *progress;
    const atomic_bool *stop;
    uint64_t unopened;
};

/* RC_BUSY when stopped; else what the state, the intake or a bucket's settings fail with. */
MUST_CHECK enum rc roots_walk(struct roots *roots, struct err *err);

#endif
