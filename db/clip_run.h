/*
 * The longest run of a clip's signals that an upload shows in order and in time.
 *
 * A run is consecutive places of the clip, each found at a moment of the upload, such that the
 * moments' times rise strictly and all differences (time in the upload minus time in the clip) lie
 * within RUN_WINDOW_MS of each other, which is half of it around one offset.
 *
 * Exact: found pairs are tried as the one of least difference; from it the run is followed to
 * later places by the earliest time that is allowed and to earlier places by the latest, which
 * leaves the most room for what comes after.  Pure functions.
 */
#ifndef DB_CLIP_RUN_H
#define DB_CLIP_RUN_H

#include "db/clips.h"

enum { RUN_WINDOW_MS = 1000 };

/* Moments first..last of the upload, whose times rise strictly, all show this place. */
struct run_span {
    uint32_t place, first, last;
};

struct clip_run {
    uint32_t length;  /* 0: no run of two or more */
    int64_t ms;       /* the first pair: time in the upload */
    int64_t entry_ms; /* and in the clip */
};

struct run_search {
    const struct clip *clip;
    const int64_t *ms;           /* time of each moment */
    const struct run_span *span; /* by place, then time; those of a place do not overlap */
    uint32_t spans;
    uint32_t *start; /* scratch, clip->n + 1 */
    uint32_t most;   /* a run so long is long enough: the search ends */
};

/* Replaces *best by a longer run, if there is one. */
void clip_run_search(const struct run_search *search, struct clip_run *best);

#endif
