/*
 * Which listed PDQ hashes are near these ones?
 *
 * Exact: every listed hash within its bank's threshold, none beyond.  One writer at a time adds
 * and removes; any number of threads search meanwhile without a lock and never wait: a batch is
 * published by one atomic store, a removal is one atomic mark.  An item is found by every search
 * that begins after index_add() returned, and by none that begins after index_remove() returned.
 *
 * The newest items are scanned; older ones lie in segments that are searched by chunks of the hash
 * (db/chunk_plan.h, db/segment.h), which a thread of the index's own makes and merges in the
 * background.
 */
#ifndef DB_INDEX_H
#define DB_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "hashing/pdq.h"

enum { INDEX_BANKS_MAX = 4096, INDEX_QUERIES_MAX = 4096 };

struct index_item {
    struct pdq_hash hash;
    uint64_t entry;      /* the block-list's number of the entry, < UINT32_MAX */
    uint64_t generation; /* when it was listed */
    uint32_t bank;       /* < INDEX_BANKS_MAX */
    int32_t place;       /* which of its clip's signals it is (db/clips.h), -1: of none */
};

struct index_hit {
    uint32_t query; /* which of the hashes asked for */
    uint32_t bank;
    uint64_t entry;
    int32_t place;
    uint16_t distance;
};

/* What counts as a match. */
struct index_rule {
    const int16_t *threshold; /* by bank: distance <= threshold matches; -1: bank is not searched */
    uint32_t banks;           /* length of threshold[]; banks beyond are not searched */
    uint64_t since;           /* only items of a later generation; 0 = all */
};

/* Called for each hit, in no promised order; false: no more hits of this query. */
typedef bool index_visit(void *ctx, const struct index_hit *hit);

struct index;

MUST_CHECK enum rc index_new(struct index **ret, struct err *err);
void index_free(struct index *index);
SCOPED_DEFINE(index_free, struct index *)

/* Adds all n or, on RC_NOMEM, none.  Writer. */
MUST_CHECK enum rc index_add(struct index *index, const struct index_item *items, size_t n,
                             struct err *err);

/* Removes every item of the entry; returns how many.  Writer. */
size_t index_remove(struct index *index, uint64_t entry);

/* Any thread.  Up to INDEX_QUERIES_MAX hashes in one batch.  Cannot fail. */
void index_search(const struct index *index, const struct pdq_hash *queries, uint32_t n,
                  const struct index_rule *rule, index_visit *visit, void *ctx);

/*
 * While on, adds are gathered and segments are made only as large as they can be: for loading a
 * list.  Searches stay exact and are slow.  Writer.
 */
void index_bulk(struct index *index, bool on);

/*
 * Segments that are made from now on take fewer bytes a hash (122, not 154) and longer for queries
 * that meet many similar pictures.  Writer.
 */
void index_keep_small(struct index *index, bool small);

/* Waits until the background has nothing to do.  Any thread. */
void index_settle(struct index *index);

/* Live items, and bytes held.  Any thread. */
size_t index_count(const struct index *index);
size_t index_memory(const struct index *index);

/*
 * The items as they are at one moment, to be written while the index goes on changing.  Freezing is
 * the writer's, quick, and may fail with RC_NOMEM; writing and freeing are any thread's.
 */
struct index_frozen;
struct snapshot_out;
struct snapshot_in;
MUST_CHECK enum rc index_freeze(struct index *index, struct index_frozen **ret, struct err *err);
MUST_CHECK enum rc index_frozen_write(const struct index_frozen *frozen, struct snapshot_out *out,
                                      struct err *err);
void index_frozen_free(struct index_frozen *frozen);
SCOPED_DEFINE(index_frozen_free, struct index_frozen *)

/*
 * An index from what index_frozen_write() wrote.  RC_STORE for a file that is not believed:
 * whatever the bytes are, no bank, entry or place of a hit is out of its type's range (an entry is
 * below 2^30; whether a clip has the place is the caller's to check), and memory stays whole.
 */
MUST_CHECK enum rc index_restore(struct snapshot_in *in, struct index **ret, struct err *err);

/*
 * Whether a search finds the canary: a hash that every index holds for itself, in a bank beyond
 * all others, so that no rule reaches it and index_count() leaves it out.  Cheap.  Any thread.
 */
bool index_self_test(const struct index *index);

/* Verifies the structure's invariants; aborts with a message when one is broken.  Tests. */
void index_check(const struct index *index);

#endif
