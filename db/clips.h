/*
 * What the block-list knows of each clip beyond the hashes in the index: when each signal comes,
 * and which of them are the same picture.
 *
 * A clip is an entry with timed pdq signals.  Its places are those signals in order of time; the
 * index's items carry the place (index_item.place).  A table is written once, before the entry's
 * first hash is published, and never changes or moves: readers take no lock.  The signals of an
 * entry never change, so it also stays when the entry is revoked, for searches that are under way
 * and for its return; what is held grows with the entries that were ever listed since the load,
 * 8 bytes a signal and 24 an entry.
 */
#ifndef DB_CLIPS_H
#define DB_CLIPS_H

#include <stdatomic.h>

#include "db/entry_ids.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "hashing/pdq.h"

enum { CLIPS_CHUNK = 65536, CLIPS_CHUNKS = 16384 };

struct clip_signal {
    int32_t ms;
    uint32_t picture; /* below clip.pictures; equal hashes have one number */
};

struct clip {
    uint32_t n;                  /* signals, >= 1 */
    uint32_t pictures;           /* distinct ones */
    struct clip_signal signal[]; /* ms ascending */
};

/* Tables by entry number. */
struct clips {
    _Atomic(struct clips_chunk *) chunk[CLIPS_CHUNKS];
    size_t memory;  /* the writer's count of bytes in tables */
    uint8_t *block; /* the tables of a snapshot, side by side, owned */
    size_t block_size;
};

/* A zeroed struct clips is empty and ready. */
void clips_clear(struct clips *clips);

/* One timed signal of an entry that is being listed. */
struct clip_frame {
    struct pdq_hash hash;
    int32_t ms;
    uint32_t picture; /* filled by clips_learn() */
};

/*
 * Puts the frames in order of time, those of one time as they came, and keeps the clip's table
 * unless it is there.  RC_NOMEM.  Writer.
 */
MUST_CHECK enum rc clips_learn(struct clips *clips, uint64_t entry, struct clip_frame *frames,
                               size_t n, struct err *err);

/* NULL for an entry that is no clip.  Any thread. */
const struct clip *clips_get(const struct clips *clips, uint64_t entry);

/* --- the snapshot (clips_snapshot.c) --- */

/* The tables of the entries that were listed when the ids were frozen: they change no more.  Any
 * thread, while the clips live. */
MUST_CHECK enum rc clips_write(const struct clips *clips, const struct entry_ids_frozen *listed,
                               struct snapshot_out *out, struct err *err);

/* Fills empty clips.  After a failure they are only good for clips_clear(). */
MUST_CHECK enum rc clips_restore(struct clips *clips, struct snapshot_in *in, struct err *err);

/* --- internal --- */

struct clips_chunk {
    _Atomic(struct clip *) clip[CLIPS_CHUNK];
};
/* Makes room for the entry's pointer.  RC_STORE for a number out of range. */
MUST_CHECK enum rc clips_reserve(struct clips *clips, uint64_t entry, struct clips_chunk **ret,
                                 struct err *err);

#endif
