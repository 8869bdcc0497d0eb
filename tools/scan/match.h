/*
 * Signals of a state against the service: what a scan asks `/v1/match`, and what was answered.
 *
 * Each orientation of a medium is asked as a medium of its own, so that an answer tells the
 * orientation, and clips are judged as a check judges them: by frames of one orientation.  A clip
 * of more frames than one request takes is asked in windows that overlap by half.
 *
 * 429 and 503 are waited for as long as Retry-After says, and so is a service that was reached
 * before; nothing is lost by either.
 */
#ifndef TOOLS_SCAN_MATCH_H
#define TOOLS_SCAN_MATCH_H

#include <stdatomic.h>

#include "tools/client.h"
#include "tools/scan/offline.h"
#include "tools/scan/state.h"

struct match_counts {
    atomic_uint_least64_t asked;   /* contents that were answered */
    atomic_uint_least64_t matched; /* of those */
    atomic_bool waiting;           /* for the service */
    atomic_bool reached;           /* it has answered before */
};

struct match_config {
    struct client *client;         /* for match_*(); others like it are made */
    const struct offline *offline; /* lists to ask instead of the service; NULL: none */
    unsigned jobs;                 /* threads of match_again() */
    struct state *state;
    uint64_t max_rate;       /* signals a second; 0: any */
    const atomic_bool *stop; /* then RC_BUSY */
    struct match_counts *counts;
};

/*
 * Asks for every content that no generation has answered, as they come, until *finished and none
 * is left.  RC_BUSY when stopped; what the service says when it refuses to answer at all.
 */
MUST_CHECK enum rc match_follow(const struct match_config *config, const atomic_bool *finished,
                                struct err *err);

/*
 * Asks for every content again, going on where the last one with the same `since` was stopped.
 * since: only against what was listed after that generation, but never so that a content misses
 * something: one that was answered by an older generation is asked from that one on.  Then hits are
 * added; -1: against the whole list, and hits are what is answered now.
 */
MUST_CHECK enum rc match_again(const struct match_config *config, int64_t since, struct err *err);

#endif
