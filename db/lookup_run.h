/*
 * The inside of a lookup, for db/lookup_many.c, which uses one run for many media and brings the
 * hits itself.  Internal to db/.
 */
#ifndef DB_LOOKUP_RUN_H
#define DB_LOOKUP_RUN_H

#include "db/clip_hits.h"
#include "db/policy.h"
#include "db/tally.h"

/* Where a hash of the batch comes from. */
struct asked {
    int64_t ms;
    uint32_t moment, picture;
    enum signal_type type;
    enum orientation orientation;
    enum look look;
};

struct lookup_run {
    const struct blocklist *list;
    uint64_t generation;
    struct index_rule rule;
    struct tally_bank *banks;
    int16_t *threshold; /* by bank */
    bool percents;      /* some bank that is asked has a query_match_percent */
    struct tally tally; /* pictures; at the end clips too */
    struct clip_hits clips;
    enum rc failed;

    /* The batch: hashes that are asked together. */
    struct pdq_hash *query;
    struct asked *asked;
    uint32_t n, room;
};

/* Forgets all but the banks' rules and the generation: ready for another medium. */
void lookup_run_again(struct lookup_run *run);

/*
 * An index_visit: a hit of a hash of the batch.  false: this hash needs no more, for the run has
 * failed or has enough (tally_has_enough()).
 */
bool lookup_run_hit(void *run, const struct index_hit *hit);

#endif
