/*
 * Where in the upload a clip stands: an offset between their times, from the nearest pairs.
 *
 * In a scene that hardly moves, a listed frame is near many frames of the upload, seconds around
 * its own; a run of such pairs may stand a second off.  The pairs of least distance are those of
 * the frame itself, so the offset is the median of a few of them, each of another place.  Of a
 * place whose least distance lasts, the middle counts.
 */
#ifndef DB_CLIP_PAIRS_H
#define DB_CLIP_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "hashing/pdq.h"

enum { CLIP_PAIRS = 12 };

struct clip_pair {
    uint32_t place;
    uint16_t distance;
    uint16_t orientation;
    int64_t entry_ms;
    int64_t first_ms, last_ms; /* in the upload */
};

/* Zeroed it is empty. */
struct clip_pairs {
    unsigned n;
    struct clip_pair pair[CLIP_PAIRS];
};

/* Notes a pair; the ones of greatest distance fall out.  The order of notes does not matter. */
void clip_pairs_add(struct clip_pairs *pairs, uint32_t place, int64_t entry_ms, int64_t ms,
                    unsigned distance, enum orientation orientation);

/*
 * The median offset (time in the upload minus time in the clip) of the nearest pairs of this
 * orientation whose own offset is within window_ms of about_ms; false when there is none.
 */
bool clip_pairs_offset(const struct clip_pairs *pairs, enum orientation orientation,
                       int64_t about_ms, int64_t window_ms, int64_t *ret_ms);

#endif
