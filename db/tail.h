/*
 * The newest part of the index: some thousand rows in the order in which they came, scanned.  One
 * writer appends, publishes and marks rows dead; any number of threads scan meanwhile.
 */
#ifndef DB_TAIL_H
#define DB_TAIL_H

#include "db/segment.h"

enum { TAIL_ROWS = 16384 /* scanned in microseconds */ };

struct tail {
    struct pdq_hash hash[TAIL_ROWS];
    struct slot_item item[TAIL_ROWS];
    _Atomic uint64_t dead[TAIL_ROWS / 64];
    size_t filled; /* the writer's count: published ones and those just appended */
    atomic_size_t published;
    uint32_t least, most; /* entries that were appended are within; the writer's */
};

/* NULL without memory; freed with free(). */
struct tail *tail_new(void);

/* There is room.  Seen by nobody before tail_publish(). */
void tail_append(struct tail *tail, const struct pdq_hash *hash, const struct slot_item *item);

static inline void tail_publish(struct tail *tail)
{
    atomic_store_explicit(&tail->published, tail->filled, memory_order_release);
}

static inline size_t tail_published(const struct tail *tail)
{
    return atomic_load_explicit(&tail->published, memory_order_acquire);
}

/* Marks the entry's rows dead; returns how many were not yet. */
size_t tail_remove(struct tail *tail, uint32_t entry);

static inline bool tail_dead(const struct tail *tail, size_t row)
{
    uint64_t word = atomic_load_explicit(&tail->dead[row / 64], memory_order_acquire);
    return (word >> (row % 64) & 1) != 0;
}

/* Asks the first n rows. */
void tail_search(const struct tail *tail, size_t n, struct index_asking *asking);

#endif
