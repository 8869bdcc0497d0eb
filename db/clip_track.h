/*
 * What one lookup has found of one banked clip: which of its pictures, where in the upload each of
 * its places is shown, and whether that makes a match by the bank's rules (db/policy.h).
 *
 * Bounded by the clip and not by the upload, where it can be: pictures are bits, and frames one
 * after the other that show the same place are one span.
 */
#ifndef DB_CLIP_TRACK_H
#define DB_CLIP_TRACK_H

#include "db/clip_pairs.h"
#include "db/clip_run.h"
#include "db/upload_frames.h"

enum { SPAN_PAGE = 64 }; /* places of a page */

/* One signal of the upload near one of the clip's. */
struct clip_hit {
    uint32_t place, moment, picture; /* moment: MOMENT_NONE for a still */
    int64_t ms;
    uint16_t distance;
    enum orientation orientation;
    enum look look;
};

/* Moments first..end-1; end is 0 where there is none. */
struct track_span {
    uint32_t first, end;
};
/* One that was followed by another of the same place. */
struct track_old_span {
    uint32_t place;
    enum orientation orientation;
    struct track_span span;
};

struct clip_track {
    uint64_t entry;
    uint32_t bank;
    const struct clip *clip;
    const struct bank_rule *rule; /* borrowed */

    uint64_t *found; /* bits, by picture of the clip */
    uint32_t n_found;
    uint64_t *shown; /* bits, by picture of the upload; only where the bank asks for it */
    size_t shown_words;
    uint32_t n_shown;

    /* Of each orientation one page for SPAN_PAGE places: the latest span of each. */
    struct track_span **page;
    struct track_old_span *old;
    size_t n_old, old_room;
    bool scattered; /* spans may overlap */
    /* By orientation: least difference among hits since the last search, INT64_MAX for none. */
    int64_t fresh[ORIENTATIONS];

    struct clip_hit nearest;
    struct clip_pairs pairs;          /* of the nearest hits */
    int64_t first_ms, first_entry_ms; /* the earliest pair */
    struct clip_run run;
    enum orientation run_orientation;

    bool certain; /* it is a match, whatever comes */

    /* The owner's: its list of those with hits since it looked. */
    bool dirty;
    struct clip_track *previous, *next;
};

/* NULL without memory. */
struct clip_track *clip_track_new(struct clip_memory *memory, const struct clip *clip,
                                  const struct bank_rule *rule);
void clip_track_free(struct clip_track *track, struct clip_memory *memory);

/* Notes a hit.  false: no memory. */
MUST_CHECK bool clip_track_add(struct clip_track *track, struct clip_memory *memory,
                               const struct clip_hit *hit);

/* Room that searches for runs share. */
struct run_scratch {
    struct run_span *span;
    uint32_t *start;
    size_t spans_room, starts_room;
};
void run_scratch_clear(struct run_scratch *scratch, struct clip_memory *memory);

/* Brings the run up to date with the hits so far.  false: no memory. */
MUST_CHECK bool clip_track_search(struct clip_track *track, struct clip_memory *memory,
                                  const struct upload_frames *frames, struct run_scratch *scratch);

/* Whether what was found so far is a match; `all`: the upload has no more frames. */
bool clip_track_matches(const struct clip_track *track, const struct upload_frames *frames,
                        bool all);

struct match clip_track_match(const struct clip_track *track);

#endif
