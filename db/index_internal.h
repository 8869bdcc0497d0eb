/*
 * What the files of the index share: the view that readers see, and who may change it.
 *
 * A *view* is one moment's parts: segments, oldest first, then tails, of which only the last one
 * grows.  It never changes; what is current is replaced as a whole by one atomic store.  Readers
 * load it once and need nothing else.  The writer and the merger replace it under `lock`.
 */
#ifndef DB_INDEX_INTERNAL_H
#define DB_INDEX_INTERNAL_H

#include <pthread.h>

#include "db/readers.h"
#include "db/tail.h"

enum { INDEX_CANARY_BANK = INDEX_BANKS_MAX };

#define TAIL_OPEN UINT32_MAX /* the tail itself says how many rows it has */

struct view_tail {
    struct tail *tail;
    uint32_t rows;
};

struct view {
    struct view *older; /* in the list of those that may still be read */
    uint32_t segments, tails;
    struct segment **segment;
    struct view_tail *tail; /* the last one is open, unless there is none */
};

struct index {
    _Atomic(struct view *) view;
    struct readers readers;
    atomic_size_t live, memory;

    pthread_mutex_t lock;   /* over all below, and the replacing of the view */
    pthread_cond_t changed; /* something to do for the merger, or something done by it */
    pthread_t merger;
    bool started;
    atomic_bool stopping;
    bool bulk, wide;
    bool merging; /* the merger is making a segment; removals are noted */
    bool stuck;   /* a merge failed: not again before there is more to do */
    uint32_t *removed;
    size_t n_removed, removed_room;
    bool removed_lost; /* a removal could not be noted: what is being made is void */
    struct view *retired;
};

/* What the next merge takes: the last `segments` of the view's and the first `tails`. */
struct merge_plan {
    uint32_t segments, tails;
};

static inline struct view *index_view(const struct index *index)
{
    return atomic_load(&index->view);
}

/* An index that has not even its canary. */
MUST_CHECK enum rc index_new_bare(struct index **ret, struct err *err);

/* A view with room for so many segments and tails, to be filled; NULL without memory. */
struct view *view_new(uint32_t segments, uint32_t tails);

/* Under the lock: makes this one current; the one before goes when nobody reads it. */
void index_replace_view(struct index *index, struct view *view);

static inline size_t view_tail_rows(const struct view_tail *tail)
{
    return tail->rows == TAIL_OPEN ? tail_published(tail->tail) : tail->rows;
}

/* --- the merger (index_merge.c) --- */

/* Under the lock: whether there is anything to merge, and what. */
bool merge_wanted(const struct index *index, struct merge_plan *ret);

/* Under the lock: starts the merger if it does not run, and wakes it. */
void merger_wake(struct index *index);

/* Ends and joins it, without the lock. */
void merger_stop(struct index *index);

/* --- segments --- */

static inline size_t segment_memory(const struct segment *segment)
{
    return sizeof(*segment) + segment->size;
}

#endif
