/*
 * What the block-list remembers of each entry by its number: the id, for readers, and whether its
 * signals are in memory, for the writer.  Numbers are dense, so this is an array in chunks that
 * never move, 16.25 bytes an entry; an id is written once, before the entry's first hash is
 * published.
 */
#ifndef DB_ENTRY_IDS_H
#define DB_ENTRY_IDS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "db/snapshot.h"
#include "hashing/base/err.h"
#include "hashing/base/ulid.h"

enum { ENTRY_IDS_CHUNK = 65536, ENTRY_IDS_CHUNKS = 16384 };

struct entry_ids_chunk {
    struct ulid id[ENTRY_IDS_CHUNK];
    /* Bitmaps, the writer's. */
    uint64_t known[ENTRY_IDS_CHUNK / 64];  /* the id is written */
    uint64_t listed[ENTRY_IDS_CHUNK / 64]; /* its signals are in index and digests */
};

struct entry_ids {
    _Atomic(struct entry_ids_chunk *) chunk[ENTRY_IDS_CHUNKS];
    uint64_t end, listed; /* the writer's: no number is so high; how many are listed */
};

/* A zeroed struct entry_ids is empty and ready. */
void entry_ids_clear(struct entry_ids *ids);

/* Writer.  RC_STORE for a number beyond what there is room for. */
MUST_CHECK enum rc entry_ids_learn(struct entry_ids *ids, uint64_t number, const struct ulid *id,
                                   struct err *err);
bool entry_ids_listed(const struct entry_ids *ids, uint64_t number);
/* Moves *number up to the first one from there on that is listed; false when there is none. */
bool entry_ids_next_listed(const struct entry_ids *ids, uint64_t *number);
/* The number has been learnt. */
void entry_ids_set_listed(struct entry_ids *ids, uint64_t number, bool listed);

/* Any thread, with a number from a hit; zero for one that was never learnt. */
struct ulid entry_ids_get(const struct entry_ids *ids, uint64_t number);

/* --- the snapshot (entry_ids_snapshot.c) --- */

/* Which entries were listed at one moment. */
struct entry_ids_frozen {
    const struct entry_ids *ids;
    uint64_t end;
    uint64_t *listed; /* bitmap by number, owned */
};

/* Writer.  RC_NOMEM. */
MUST_CHECK enum rc entry_ids_freeze(const struct entry_ids *ids, struct entry_ids_frozen *ret,
                                    struct err *err);
void entry_ids_frozen_clear(struct entry_ids_frozen *frozen);
static inline bool entry_ids_frozen_listed(const struct entry_ids_frozen *frozen, uint64_t number)
{
    return number < frozen->end && (frozen->listed[number / 64] >> (number % 64) & 1) != 0;
}

/* The ids of the listed ones.  Any thread, while the ids live. */
MUST_CHECK enum rc entry_ids_frozen_write(const struct entry_ids_frozen *frozen,
                                          struct snapshot_out *out, struct err *err);

/* Fills empty ids.  After a failure they are only good for entry_ids_clear(). */
MUST_CHECK enum rc entry_ids_restore(struct entry_ids *ids, struct snapshot_in *in,
                                     struct err *err);

#endif
