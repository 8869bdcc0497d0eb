/*
 * What a check tells.  A caller without `detail` learns which banks matched and what they ask
 * for, nothing else: not even an order or a number that would tell how near a match was.
 */
#ifndef SERVICE_VERDICT_JSON_H
#define SERVICE_VERDICT_JSON_H

#include <jansson.h>

#include "db/policy.h"
#include "service/medium.h"

/* One subject of a verdict: a medium, or the frames of one medium sent as several files. */
struct judged {
    const struct medium *media; /* borrowed; NULL: signals that the caller made */
    size_t n;
    bool usable;    /* looked up by PDQ hash, not by its digests alone */
    bool cut_short; /* the verdict was certain before all was seen */
    enum verdict verdict;
    struct lookup lookup;
    struct ulid entry[MATCHES_MAX];    /* of each match */
    struct labels labels[MATCHES_MAX]; /* of each match; read for `detail` only */
};
void judged_clear(struct judged *judged);

/* Each returns NULL when there is no memory. */

/* {"type","bytes","width","height","frames","duration_ms"?,"upright"?} */
json_t *verdict_json_media(const struct medium *media, size_t n);

/* The hashes of a medium as they are listed, of a clip some frames; all_orientations: eight of
 * each, with their names. */
json_t *verdict_json_signals(const struct medium *media, size_t n, bool all_orientations);

/* The "matches" of one subject. */
json_t *verdict_json_matches(const struct judged *judged, bool detail);

/* {"verdict","examined","media","signals"?,"matches"} */
json_t *verdict_json_item(const struct judged *judged, bool detail);

/* "on-white", "on-black"; NULL for the picture as it is stored, which needs no name. */
const char *verdict_json_look(enum look look);

/* "all", "part" or "digests" */
const char *verdict_json_examined(bool usable, bool cut_short);

#endif
