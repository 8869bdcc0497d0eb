/*
 * What the block-list remembers of each entry by its number: the id, for readers, and whether its
 * signals are in memory, for the writer.  Numbers are dense, so this is an array in chunks that
 * never move; an id is written once, before the entry's first hash is published.
 */
#ifndef DB_ENTRY_IDS_H
#define DB_ENTRY_IDS_H

#include <stdatomic.h>

#include "hashing/base/err.h"
#include "hashing/base/ulid.h"

enum { ENTRY_IDS_CHUNK = 65536, ENTRY_IDS_CHUNKS = 16384 };

struct entry_ids_chunk {
    struct ulid id[ENTRY_IDS_CHUNK];
    uint8_t known[ENTRY_IDS_CHUNK];  /* the id is written */
    uint8_t listed[ENTRY_IDS_CHUNK]; /* its signals are in index and digests */
};

struct entry_ids {
    _Atomic(struct entry_ids_chunk *) chunk[ENTRY_IDS_CHUNKS];
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

#endif
