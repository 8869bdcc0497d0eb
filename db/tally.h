/*
 * Millions of matches in, one bounded answer out: the best match of each bank, the best MATCHES_MAX
 * entries over all, how many entries matched, and the verdict.
 *
 * A hostile or clumsy list may match with every row, so memory is bounded whatever comes in and
 * a hit costs a few steps.  Used by one lookup on one thread.
 */
#ifndef DB_TALLY_H
#define DB_TALLY_H

#include "db/policy.h"

/* A bank as this lookup sees it: its rule is read once, at the start. */
struct tally_bank {
    struct bank_rule rule;
    bool asked;              /* what it holds is looked for */
    struct tally_bank *next; /* that matched, too */
    bool matched;
    struct match best;
};

enum { TALLY_BUCKETS = 128, TALLY_PATIENCE = 4 * LOOKUP_TOTAL_MAX };

struct tally {
    struct tally_bank *bank; /* borrowed, by bank number */
    uint32_t banks;
    struct tally_bank *matched; /* those that did; there may be thousands of others */
    enum verdict verdict;

    /* The best entries so far, each once, found by entry through the buckets. */
    struct match top[MATCHES_MAX];
    size_t n;
    size_t worst; /* one of the lowest rank, once all places are taken */
    int8_t bucket[TALLY_BUCKETS], next[MATCHES_MAX]; /* index into top, -1 ends */

    /* Entries that were counted: open addressing, entry plus one, 0 is empty. */
    uint64_t *counted;
    size_t counted_size, total;

    /* For tally_has_enough(). */
    uint32_t asked, met;    /* banks: looked for, and matched */
    enum verdict strictest; /* that any of the banks can give */
    size_t beyond;          /* matches that came when the count was full */
};

void tally_begin(struct tally *tally, struct tally_bank *banks, uint32_t n);
void tally_end(struct tally *tally);
/* Forgets all matches: begins anew with the same banks. */
void tally_again(struct tally *tally);
SCOPED_DEFINE(tally_end, struct tally *)

/* false: no memory.  The match's bank is below n. */
MUST_CHECK bool tally_add(struct tally *tally, const struct match *match);

/*
 * Whether further matches cannot change what counts: LOOKUP_TOTAL_MAX entries have matched, and
 * every bank that is asked did; or the verdict cannot become stricter and banks that did not match
 * yet were waited for long enough.
 */
static inline bool tally_has_enough(const struct tally *tally)
{
    return tally->total == LOOKUP_TOTAL_MAX &&
           (tally->met >= tally->asked ||
            (tally->verdict >= tally->strictest && tally->beyond >= TALLY_PATIENCE));
}

/* Writes verdict, total, n, matches and rules. */
void tally_report(struct tally *tally, struct lookup *ret);

#endif
