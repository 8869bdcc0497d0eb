/*
 * All that one lookup finds of banked clips: hits in, matches to the tally out.
 *
 * Memory is bounded whatever the list holds.  A clip that surely matches is noted in full while
 * there is room; over CLIP_ROOM such clips are *sealed*: their match is told as it stands, and of
 * them only the number is kept.  What matches not yet must be kept: when CLIP_MEMORY_MAX does not
 * hold it, the lookup fails with RC_LIMIT rather than to miss one.  Used by one thread.
 */
#ifndef DB_CLIP_HITS_H
#define DB_CLIP_HITS_H

#include "db/clip_track.h"
#include "db/tally.h"

enum {
    CLIP_ROOM = 64 << 20, /* bytes: a hundred thousand clips of a minute, met here and there */
    CLIP_MEMORY_MAX = 256 << 20 /* for each lookup under way */
};

struct clip_slot {
    uint64_t key;             /* entry plus one, 0 is empty; open addressing */
    struct clip_track *track; /* NULL: sealed */
};

struct clip_hits {
    struct tally *tally; /* borrowed */
    struct clip_memory memory;
    size_t room; /* CLIP_ROOM; tests make it less */
    struct upload_frames frames;
    struct clip_slot *slot;
    size_t slots, used;
    struct clip_slot *last; /* where the last hit went: hits come clip by clip */
    struct clip_track *dirty;
    struct run_scratch scratch;
    enum verdict verdict; /* over those that surely match */
    bool tight;
};

/* count_pictures: some bank has a query_match_percent. */
void clip_hits_begin(struct clip_hits *hits, struct tally *tally, bool count_pictures);
void clip_hits_end(struct clip_hits *hits);

/* clip: the entry's.  false: no memory, memory.failed says which. */
MUST_CHECK bool clip_hits_add(struct clip_hits *hits, uint64_t entry, uint32_t bank,
                              const struct clip *clip, const struct clip_hit *hit);

/* Judges what changed since the last call: then the verdict holds all that is certain. */
MUST_CHECK bool clip_hits_settle(struct clip_hits *hits);

/* The upload has no more frames: gives every match to the tally.  Once. */
MUST_CHECK bool clip_hits_tell(struct clip_hits *hits);

#endif
