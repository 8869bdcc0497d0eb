/*
 * The snapshot of the block-list beside the database: read at start, written now and then by a
 * thread of its own, so that the next start need not read the whole list from the store.
 *
 * It is only ever a short cut.  Whatever is wrong with it, the list is made from the store; a
 * failure to write one is logged and tried again later.
 */
#ifndef SERVICE_SNAPSHOTS_H
#define SERVICE_SNAPSHOTS_H

#include "service/service.h"

/* Where it is by the configuration; *ret stays NULL for nowhere.  Freed with free(). */
MUST_CHECK enum rc snapshot_path(const struct config *config, char **ret, struct err *err);

/* Loads service->list, logs from what and how long it took, and counts it. */
MUST_CHECK enum rc snapshots_load(struct service *service, struct err *err);

/*
 * Whether it is time to write one: so many changes that a start would have to replay, against so
 * many entries; age_ns is how long ago the first of them was made.
 */
bool snapshot_due(uint64_t changes, uint64_t entries, int64_t age_ns);

struct snapshots;

/* Starts the thread.  *ret stays NULL when the configuration has no snapshot. */
MUST_CHECK enum rc snapshots_new(struct service *service, struct snapshots **ret, struct err *err);

/* Ends it: when a start would have much to replay, after one more snapshot, which is given up when
 * it takes longer than some seconds.  Nothing may change the list any more. */
void snapshots_free(struct snapshots *s);
SCOPED_DEFINE(snapshots_free, struct snapshots *)

#endif
