/*
 * What the digests are kept in: rows that are only ever appended, in chunks that never move, each a
 * 32-byte value with its entry, bank and generation, and a bit that says dead.
 *
 * The writer reserves room, appends and publishes; only the reservation can fail.  Readers take
 * rows_published() once and look at no row beyond it (or come by a row number that was itself
 * published with release order).  A row that was published changes no more but for its dead bit,
 * so a search needs no lock and no row is ever moved under it.  The space of dead rows comes back
 * when the list is loaded anew.
 */
#ifndef DB_ROWS_H
#define DB_ROWS_H

#include <stdatomic.h>

#include "db/index.h"

enum { ROWS_CHUNK = 65536, ROWS_CHUNKS = 16384 };

struct rows_chunk {
    struct pdq_hash value[ROWS_CHUNK]; /* 32 bytes, whatever they are */
    uint64_t entry[ROWS_CHUNK];
    uint64_t generation[ROWS_CHUNK];
    uint32_t tag[ROWS_CHUNK]; /* see struct row */
    uint16_t bank[ROWS_CHUNK];
    _Atomic uint64_t dead[ROWS_CHUNK / 64]; /* bitmap */
};

struct row {
    struct pdq_hash value;
    uint64_t entry;
    uint64_t generation;
    uint32_t bank;
    uint32_t tag; /* older row of equal value */
};

/* The writer's map from entries to their rows; readers never look at it. */
struct rows_map {
    uint32_t *slot;    /* first row of a run of one entry, plus one; open addressing */
    size_t size;       /* a power of two, or 0 */
    size_t used, gone; /* slots that are not empty; those of them whose run was removed */
};

struct rows {
    struct rows_chunk *chunk[ROWS_CHUNKS]; /* written once, before a row in it is published */
    struct rows_map map;
    size_t filled; /* the writer's count, published ones and those just appended */
    size_t chunks;
    atomic_size_t published, live, memory;
};

/* A zeroed struct rows is empty and ready. */
void rows_clear(struct rows *rows);

/* Room for n more rows, so that appending them cannot fail. */
MUST_CHECK enum rc rows_reserve(struct rows *rows, size_t n, struct err *err);

/* Writes one row in reserved room and returns its number; no walker sees it yet. */
uint32_t rows_append(struct rows *rows, const struct row *row);

/* Lets every row appended so far be seen, all at once. */
void rows_publish(struct rows *rows);

/* Takes the first n rows, which were written into the reserved room of empty rows, as appended, and
 * publishes them. */
void rows_adopt(struct rows *rows, size_t n);

/* Marks every row of the entry dead; returns how many. */
size_t rows_remove(struct rows *rows, uint64_t entry);

/* The first invariant that is broken, in words, or NULL.  Writer; slow. */
const char *rows_broken(const struct rows *rows);

static inline size_t rows_published(const struct rows *rows)
{
    return atomic_load_explicit(&rows->published, memory_order_acquire);
}

static inline struct rows_chunk *rows_chunk(const struct rows *rows, size_t row)
{
    return rows->chunk[row / ROWS_CHUNK];
}

static inline bool rows_dead(const struct rows_chunk *chunk, size_t at)
{
    uint64_t word = atomic_load_explicit(&chunk->dead[at / 64], memory_order_acquire);
    return (word >> (at % 64) & 1) != 0;
}

/* Whether a row at this distance is a match by the rule. */
static inline bool rows_match(const struct rows_chunk *chunk, size_t at,
                              const struct index_rule *rule, unsigned distance)
{
    uint16_t bank = chunk->bank[at];
    if (bank >= rule->banks || (int)distance > rule->threshold[bank])
        return false;
    if (rule->since != 0 && chunk->generation[at] <= rule->since)
        return false;
    return !rows_dead(chunk, at);
}

#endif
