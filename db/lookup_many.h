/*
 * Many media in one go, each judged for itself: what lookup_once() finds of each, for much less.
 *
 * A search waits for memory most of its time, and hashes that are asked together wait together; a
 * medium of one picture has too few of them.  So the hashes of many media make a batch, and each
 * hit goes to the lookup of its medium.
 */
#ifndef DB_LOOKUP_MANY_H
#define DB_LOOKUP_MANY_H

#include "db/policy.h"

struct lookup_medium {
    const struct lookup_signal *signals; /* borrowed; all of its signals */
    size_t n;
};

/* Called for each medium in order, when *ret of lookup_many() holds what was found of it. */
typedef enum rc lookup_tell(void *ctx, size_t medium, struct err *err);

/*
 * Looks n media up as lookup_once() would look up each, all under the rules and the generation of
 * the beginning.  Memory does not grow with n.  Ends with the first failure, of a lookup or of
 * tell, which is returned.
 */
MUST_CHECK enum rc lookup_many(const struct blocklist *list, const struct lookup_medium *media,
                               size_t n, const struct bank_set *only, uint64_t since,
                               struct lookup *ret, lookup_tell *tell, void *ctx, struct err *err);

#endif
