/*
 * A part of the index that never changes: up to 16 million hashes and their items, made once,
 * searched by chunks (db/chunk_plan.h), then replaced by a larger one.  Only the bits that mark
 * items as dead change.
 *
 * For each of the 16 chunks the rows are listed in order of the chunk's value, in *buckets*: of
 * each row the next chunk (its *signature*), side by side, and a *record* with the row's number.  A
 * search reads a bucket's signatures, as a rule nothing else; of the few that are near it reads the
 * record and then the row.  Wide records also hold the chunk after the next, which in lists with
 * many similar pictures spares most rows.
 *
 * Items stand in slots.  Slot s < rows is the first item of row s; those of rows that are listed
 * more than once (*twins*) stand behind all rows, in order of their row.  Slots below `rows` are in
 * order of their entries.
 *
 * Any number of threads search while one marks items.
 */
#ifndef DB_SEGMENT_H
#define DB_SEGMENT_H

#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#include "db/chunk_plan.h"
#include "db/index.h"

enum {
    SEGMENT_ROWS_MAX = 1 << 24, /* records hold 24 bits */
    SEGMENT_ZONE = 1024,        /* slots whose newest generation is known */
    SEGMENT_BANK_BITS = 13,
    SEGMENT_MARK_BITS = 35 /* of generation; they and the bank make 48 bits */
};

/*
 * One item.  Kept in 10 bytes, little-endian: the entry, 35 bits of generation above the shape's
 * base with 13 bits of bank in front of them; and in 14 with the place.
 */
struct slot_item {
    uint64_t generation;
    uint32_t entry; /* UINT32_MAX stands for UINT64_MAX, the canary's */
    int32_t place;
    uint16_t bank;
};

/* Sizes, from which the places of all arrays follow. */
struct segment_shape {
    uint64_t rows, slots;
    uint64_t base;        /* generations are kept as what they are above it */
    uint64_t newest;      /* generation of any item */
    uint32_t wide;        /* 1: records hold a second signature */
    uint32_t with_places; /* 0: every place is -1 */
};

struct segment {
    struct segment_shape shape;
    void *arena; /* all arrays, in one mapping of large pages */
    size_t size; /* of it, in bytes */
    atomic_size_t live;
    atomic_uint holders;

    struct pdq_hash *hash;  /* by row */
    uint8_t *item;          /* by slot; see segment_item_size() */
    _Atomic uint64_t *dead; /* bitmap by slot */
    uint64_t *twins;        /* bitmap by row: it has slots behind the rows */
    uint64_t *zone;         /* by SEGMENT_ZONE slots: the newest generation of theirs */
    uint32_t *twin_row;     /* by slot - rows; ascending */
    uint32_t *twin_order;   /* slots - rows, in order of their entries */
    struct segment_table {
        uint32_t *bucket; /* CHUNK_VALUES + 1 positions */
        uint16_t *signature;
        uint8_t *record; /* see segment_record_size() */
    } table[CHUNKS];
};

/* What a segment is made of.  hash[i] and item[i] belong together; none of them dead. */
struct segment_source {
    size_t n;
    const struct pdq_hash *hash;
    const struct slot_item *item;
    const atomic_bool *cancel; /* once it is true the segment is not needed: RC_BUSY; may be NULL */
};

/* The source may come in any order; at most SEGMENT_ROWS_MAX items.  Slow: a microsecond for each.
 */
MUST_CHECK enum rc segment_build(const struct segment_source *source, bool wide,
                                 struct segment **ret, struct err *err);

/* One more, and one less, who needs it; the last one frees it.  NULL is harmless. */
void segment_hold(struct segment *segment);
void segment_release(struct segment *segment);
SCOPED_DEFINE(segment_release, struct segment *)

/* Arrays of this shape, zeroed, to be filled (by segment_build(), or from a file). */
MUST_CHECK enum rc segment_new(const struct segment_shape *shape, struct segment **ret,
                               struct err *err);

/* Marks the entry's items dead; returns how many were not yet. */
size_t segment_remove(struct segment *segment, uint32_t entry);

/* Bytes of the arrays of a segment of this shape. */
size_t segment_arena_size(const struct segment_shape *shape);

/*
 * What would lead a reader or the writer astray in arrays that came from a file, in words, or NULL.
 * Quick; whether rows are in the right buckets is not looked at.
 */
const char *segment_unsafe(const struct segment *segment);

/* The first invariant that is broken, in words, or NULL.  Slow. */
const char *segment_broken(const struct segment *segment);

/* All that a search is about; many segments and tails are asked the same. */
struct index_asking {
    const struct pdq_hash *queries;
    uint32_t n;
    const struct index_rule *rule;
    unsigned radius; /* of the widest bank; narrower ones are sifted out of the hits */
    index_visit *visit;
    void *ctx;
    uint64_t enough[INDEX_QUERIES_MAX / 64]; /* bitmap by query: its visitor wants no more */
};

static inline bool asking_enough(const struct index_asking *asking, uint32_t query)
{
    return (asking->enough[query / 64] >> (query % 64) & 1) != 0;
}

/* Tells of an item at this distance when the rule calls it a match. */
void asking_tell(struct index_asking *asking, uint32_t query, const struct slot_item *item,
                 unsigned distance);

/* By chunks or, where that is cheaper, by a scan. */
void segment_search(const struct segment *segment, struct index_asking *asking);

/* By chunks, whatever it costs; a radius of at most CHUNK_THRESHOLD_MAX. */
void segment_search_chunks(const struct segment *segment, struct index_asking *asking);

/* By reading every row. */
void segment_scan(const struct segment *segment, struct index_asking *asking);

/* One query, and of its hits those whose lowest chunk (chunk_plan_first()) is `from` or higher. */
void segment_scan_rest(const struct segment *segment, struct index_asking *asking, uint32_t query,
                       const struct chunk_plan *plan, unsigned from);

/* Only what is newer than the rule's `since`, and about how many slots that means to read. */
void segment_search_fresh(const struct segment *segment, struct index_asking *asking);
size_t segment_fresh_slots(const struct segment *segment, uint64_t since);

static inline bool segment_dead(const struct segment *segment, size_t slot)
{
    uint64_t word = atomic_load_explicit(&segment->dead[slot / 64], memory_order_acquire);
    return (word >> (slot % 64) & 1) != 0;
}

/* A record: 24 bits of row, then, when wide, 16 of second signature; little-endian. */
static inline size_t segment_record_size(const struct segment *segment)
{
    return segment->shape.wide != 0 ? 5 : 3;
}

static inline size_t segment_item_size(const struct segment *segment)
{
    return segment->shape.with_places != 0 ? 14 : 10;
}

static inline uint32_t segment_entry(const struct segment *segment, size_t slot)
{
    uint32_t entry;
    memcpy(&entry, segment->item + slot * segment_item_size(segment), sizeof(entry));
    return le32toh(entry);
}

static inline uint64_t segment_record(const struct segment *segment, unsigned table, size_t at)
{
    uint64_t record;
    memcpy(&record, segment->table[table].record + at * segment_record_size(segment), 8);
    return le64toh(record) & (segment->shape.wide != 0 ? 0xffffffffff : 0xffffff);
}

struct slot_item segment_item(const struct segment *segment, size_t slot);

/* The row of a slot. */
static inline size_t segment_row(const struct segment *segment, size_t slot)
{
    return slot < segment->shape.rows ? slot : segment->twin_row[slot - segment->shape.rows];
}

/* Asks for what segment_tell_row() will read first. */
static inline void segment_fetch_item(const struct segment *segment, size_t row)
{
    __builtin_prefetch(segment->item + row * segment_item_size(segment));
}

/* Tells of all items of a row. */
void segment_tell_row(const struct segment *segment, struct index_asking *asking, uint32_t query,
                      size_t row, unsigned distance);

#endif
