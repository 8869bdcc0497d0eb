/*
 * All contents of a state, shared out among threads: how match_again() goes through them.
 *
 * Each thread takes the next contents in their order, so that a rematch which is stopped goes on
 * where all of them were done.
 */
#ifndef TOOLS_SCAN_MATCH_SHARE_H
#define TOOLS_SCAN_MATCH_SHARE_H

#include "tools/scan/state.h"

enum { MATCH_SHARERS_MAX = 64, MATCH_SHARE = 64 /* contents that are taken at a time */ };

/* A part of the contents: those behind number `after` up to `last`.  Cleared by its giver. */
struct match_share {
    int64_t after, last;
    size_t n;
    struct state_asked asked[MATCH_SHARE];
};

/* One thread's work; every call is on that thread. */
struct match_sharer {
    void *own;
    /* Looks these up, or begins to. */
    enum rc (*take)(void *own, const struct match_share *share, struct err *err);
    /* The first content of those taken that is not answered yet; 0: all are. */
    int64_t (*waiting)(void *own);
    /* Nothing more comes: answers what is begun. */
    enum rc (*finish)(void *own, struct err *err);
};

/* Goes through the contents behind number `after`, by a thread for each of n sharers.  RC_OK: all
 * are answered, and the state says so.  The first failure of a sharer ends all. */
MUST_CHECK enum rc match_share(struct state *state, int64_t after,
                               const struct match_sharer *sharers, unsigned n, struct err *err);

#endif
