/*
 * From signals to a verdict: which banks match, how strictly, and the matches to tell.
 *
 * Looks only at the block-list in memory, never at the store.  The verdict is exact whatever the
 * cap on reported matches.
 *
 * A *picture* is a digest or an untimed pdq signal of an entry: one that is met is a match, also
 * by a frame of a video.  A *clip* is what an entry has of timed pdq signals.  It is a match when
 *  - bank_match_percent of its distinct signals are found among the upload's frames, turned any
 *    way, and query_match_percent of the upload's distinct frames are found in it; or
 *  - match_run of its signals, consecutive in time, are found in order: at times of the upload
 *    that rise strictly, all in one orientation, and with differences (time in the upload minus
 *    time in the clip) that stay within half a second around one offset.  0 switches this off.
 * An untimed upload has no order: only the percentages count.  A clip of one signal matches by it.
 */
#ifndef DB_POLICY_H
#define DB_POLICY_H

#include "db/blocklist.h"

enum {
    MATCHES_MAX = 64, /* reported; the verdict counts all */
    LOOKUP_TOTAL_MAX = 1024,
    LOOKUP_BATCH = INDEX_QUERIES_MAX /* signals that share one pass over the list */
};

/*
 * One hash of what is being checked.  The pdq signals of a video or of several frames come frame
 * by frame, as-is first, the looks of one frame one after the other: db/upload_frames.h tells
 * frames apart by that, and equal frames by their as-is hash.  Times may come in any order; rising
 * ones cost least.
 */
struct lookup_signal {
    enum signal_type type;
    struct pdq_hash pdq;          /* SIGNAL_PDQ */
    uint8_t digest[32];           /* others */
    enum orientation orientation; /* what was done to the upload to get this hash */
    enum look look;
    int64_t ms; /* of its frame, at most 2^53; -1 none */
};

struct match {
    uint32_t bank;
    uint64_t entry;
    enum signal_type type;
    enum orientation orientation;
    enum look look;
    uint16_t distance;
    int64_t ms, entry_ms; /* -1 none */

    /*
     * Of a clip: distance is the least of all; ms and entry_ms are where the longest run begins, ms
     * by the offset of the nearest pairs (db/clip_pairs.h), or the earliest pair when there is no
     * run; orientation is that of the run, or of the nearest pair.  When tens of thousands of clips
     * match at once, found and run may be less than they would come to (db/clip_hits.h).
     */
    bool clip;
    uint32_t clip_found, clip_of; /* distinct signals found, and all of them */
    uint32_t run;                 /* longest run, up to MATCH_RUN_MAX; 0 none or not looked for */
    int64_t offset_ms;            /* ms - entry_ms; 0 for an untimed upload */
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
 *
 * A list may hold a million hashes near one picture.  When LOOKUP_TOTAL_MAX entries have matched
 * and more matches cannot change the verdict or the banks that matched, the search ends: the
 * matches are then the best of those that were met.
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
 * One lookup of one medium, whose signals may come bit by bit: a video's are asked while it is
 * being decoded.  One thread at a time.
 */
struct lookup_run;

/*
 * Begins one in the banks of `only` (NULL: all), under their rules as they are now.  since: only
 * what was listed after that generation, 0 for all.  The list must outlive it.  *ret is freed with
 * lookup_free().  RC_NOMEM.
 */
MUST_CHECK enum rc lookup_open(const struct blocklist *list, const struct bank_set *only,
                               uint64_t since, struct lookup_run **ret, struct err *err);
void lookup_free(struct lookup_run *run);
SCOPED_DEFINE(lookup_free, struct lookup_run *)

/*
 * Asks for more signals, which are copied.  Digests are looked up at once, hashes when LOOKUP_BATCH
 * of them are together.  RC_NOMEM; RC_LIMIT when so many clips are met in part that they cannot be
 * noted.  After a failure every further call fails the same way: nothing is missed in silence.
 */
MUST_CHECK enum rc lookup_ask(struct lookup_run *run, const struct lookup_signal *signals, size_t n,
                              struct err *err);

/* Looks up what waits for its batch, for a caller who must know now.  Fails like lookup_ask(). */
MUST_CHECK enum rc lookup_flush(struct lookup_run *run, struct err *err);

/*
 * The verdict that is certain whatever else is asked, over all signals but those that still wait
 * for their batch.  A bank's query_match_percent can be judged at the end only, so a clip that
 * needs it does not count before.  Cheap.
 */
enum verdict lookup_verdict_so_far(const struct lookup_run *run);

/* Asks what waits, and judges all.  Once, at the end; fails like lookup_ask(). */
MUST_CHECK enum rc lookup_report(struct lookup_run *run, struct lookup *ret, struct err *err);

/* All of it for a medium whose signals are together. */
MUST_CHECK enum rc lookup_once(const struct blocklist *list, const struct lookup_signal *signals,
                               size_t n, const struct bank_set *only, uint64_t since,
                               struct lookup *ret, struct err *err);

/* The strictest action wins; observe does not count. */
enum verdict policy_verdict(enum verdict so_far, enum action action);

#endif
