/*
 * From signals to a verdict: which banks match, how strictly, and the matches to tell.
 *
 * lookup_run() asks the block-list and policy_decide() judges; neither touches the store.  The
 * verdict is exact whatever the cap on reported matches.
 */
#ifndef DB_POLICY_H
#define DB_POLICY_H

#include "db/blocklist.h"

enum {
    MATCHES_MAX = 64, /* reported; the verdict counts all */
    LOOKUP_TOTAL_MAX = 16384
};

/* One hash of what is being checked. */
struct lookup_signal {
    enum signal_type type;
    struct pdq_hash pdq;          /* SIGNAL_PDQ */
    uint8_t digest[32];           /* others */
    enum orientation orientation; /* what was done to the upload to get this hash */
    enum look look;
    int64_t ms; /* -1 none */
};

struct match {
    uint32_t bank;
    uint64_t entry;
    enum signal_type type;
    enum orientation orientation;
    enum look look;
    uint16_t distance;
    int64_t ms, entry_ms;
};

/* Which banks are asked: NULL or a bitmap by bank number. */
struct bank_set {
    uint64_t bit[INDEX_BANKS_MAX / 64];
};
static inline void bank_set_add(struct bank_set *set, uint32_t bank)
{
    set->bit[bank / 64] |= 1ull << (bank % 64);
}
static inline bool bank_set_has(const struct bank_set *set, uint32_t bank)
{
    return (set->bit[bank / 64] >> (bank % 64) & 1) != 0;
}

/*
 * The matches of one medium: the best of each entry (least distance, then orientation order),
 * strictest bank first, then distance; at most MATCHES_MAX, and of each bank at least its best.
 */
struct lookup {
    uint64_t generation;  /* the list is at least this new */
    enum verdict verdict; /* over all matches, reported or not */
    uint64_t total;       /* entries that matched: exact up to LOOKUP_TOTAL_MAX, which then
                           * means "at least so many" */
    size_t n;
    struct match matches[MATCHES_MAX];
    struct bank_rule rules[MATCHES_MAX]; /* as they were applied, by match */
};

/*
 * Looks the signals of one medium up in the banks of `only` (NULL: all).  since: only what was
 * listed after that generation, 0 for all.  RC_NOMEM.
 */
MUST_CHECK enum rc lookup_run(const struct blocklist *list, const struct lookup_signal *signals,
                              size_t n, const struct bank_set *only, uint64_t since,
                              struct lookup *ret, struct err *err);

/* The strictest action wins; observe does not count. */
enum verdict policy_verdict(enum verdict so_far, enum action action);

#endif
