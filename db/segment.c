#include "db/segment.h"

#include "db/large_pages.h"
#include "hashing/sift.h"

enum { ALIGN = 64 /* a cache line: no row lies over two */ };

/* Where the next array begins; base NULL: only the size is counted. */
struct layout {
    char *base;
    size_t at;
};

static void *take(struct layout *layout, size_t n, size_t size)
{
    void *p = layout->base != NULL ? layout->base + layout->at : NULL;
    layout->at += (n * size + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

/* Every array of the segment, in the order of its struct. */
static void lay_out(struct segment *s, struct layout *layout)
{
    size_t rows = s->shape.rows, slots = s->shape.slots, twins = slots - rows;

    s->hash = take(layout, rows, sizeof(s->hash[0]));
    s->item = take(layout, slots * segment_item_size(s) + 8, 1); /* read as words */
    s->dead = take(layout, slots / 64 + 1, sizeof(s->dead[0]));
    s->twins = take(layout, rows / 64 + 1, sizeof(s->twins[0]));
    s->zone = take(layout, slots / SEGMENT_ZONE + 1, sizeof(s->zone[0]));
    s->twin_row = take(layout, twins, sizeof(s->twin_row[0]));
    s->twin_order = take(layout, twins, sizeof(s->twin_order[0]));
    for (unsigned i = 0; i < CHUNKS; i++) {
        struct segment_table *table = &s->table[i];
        table->bucket = take(layout, CHUNK_VALUES + 1, sizeof(table->bucket[0]));
        table->signature = take(layout, rows + SIFT_PAD, sizeof(table->signature[0]));
        /* Records are read as words. */
        table->record = take(layout, rows * segment_record_size(s) + 8, 1);
    }
}

size_t segment_arena_size(const struct segment_shape *shape)
{
    struct segment counted = {.shape = *shape};
    struct layout layout = {0};
    lay_out(&counted, &layout);
    return layout.at;
}

enum rc segment_new(const struct segment_shape *shape, struct segment **ret, struct err *err)
{
    SCOPED(segment_release) struct segment *segment = calloc(1, sizeof(*segment));
    if (segment == NULL)
        FAIL(err, RC_NOMEM, "index: no memory for a segment");
    segment->shape = *shape;
    atomic_store(&segment->holders, 1);
    segment->size = segment_arena_size(shape);
    segment->arena = large_pages_new(segment->size);
    if (segment->arena == NULL)
        FAIL(err, RC_NOMEM, "index: no memory for a segment of %llu hashes",
             (unsigned long long)shape->rows);
    struct layout layout = {.base = segment->arena};
    lay_out(segment, &layout);
    *ret = TAKE(segment);
    return RC_OK;
}

void segment_hold(struct segment *segment)
{
    atomic_fetch_add(&segment->holders, 1);
}

void segment_release(struct segment *segment)
{
    if (segment == NULL || atomic_fetch_sub(&segment->holders, 1) > 1)
        return;
    large_pages_free(segment->arena, segment->size);
    free(segment);
}

struct slot_item segment_item(const struct segment *segment, size_t slot)
{
    const uint8_t *p = segment->item + slot * segment_item_size(segment);
    uint64_t mark;
    uint32_t place = UINT32_MAX;
    memcpy(&mark, p + 4, sizeof(mark));
    mark = le64toh(mark);
    if (segment->shape.with_places != 0)
        memcpy(&place, p + 10, sizeof(place));
    return (struct slot_item){
        .generation = segment->shape.base + (mark & ((1ull << SEGMENT_MARK_BITS) - 1)),
        .entry = segment_entry(segment, slot),
        .place = (int32_t)le32toh(place),
        .bank = (uint16_t)(mark >> SEGMENT_MARK_BITS & ((1u << SEGMENT_BANK_BITS) - 1)),
    };
}

/* --- removal --- */

static size_t mark_dead(struct segment *segment, size_t slot)
{
    uint64_t bit = 1ull << (slot % 64);
    uint64_t before =
        atomic_fetch_or_explicit(&segment->dead[slot / 64], bit, memory_order_release);
    return (before & bit) == 0;
}

/* The slot at place i of an order: of the rows' own, or of twins by twin_order. */
static size_t slot_at(const struct segment *segment, bool twins, size_t i)
{
    return twins ? segment->shape.rows + segment->twin_order[i] : i;
}

/* Both orders are by entry. */
static size_t remove_from(struct segment *segment, bool twins, size_t n, uint32_t entry)
{
    size_t from = 0, left = n, removed = 0;
    while (left > 0) {
        size_t half = left / 2;
        if (segment_entry(segment, slot_at(segment, twins, from + half)) < entry) {
            from += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    for (; from < n; from++) {
        size_t slot = slot_at(segment, twins, from);
        if (segment_entry(segment, slot) != entry)
            break;
        removed += mark_dead(segment, slot);
    }
    return removed;
}

size_t segment_remove(struct segment *segment, uint32_t entry)
{
    size_t rows = segment->shape.rows;
    size_t removed = remove_from(segment, false, rows, entry) +
                     remove_from(segment, true, segment->shape.slots - rows, entry);
    atomic_fetch_sub(&segment->live, removed);
    return removed;
}

/* --- invariants --- */

/* By row and by twin entries ascend, and twins and their rows lead to each other. */
static const char *items_broken(const struct segment *s)
{
    size_t rows = s->shape.rows, twins = s->shape.slots - rows;
    for (size_t i = 1; i < rows; i++)
        if (segment_entry(s, i) < segment_entry(s, i - 1))
            return "a segment's items are not in order of their entries";
    for (size_t i = 0; i < twins; i++)
        if (s->twin_row[i] >= rows || s->twin_order[i] >= twins ||
            (i > 0 && s->twin_row[i] < s->twin_row[i - 1]) ||
            (s->twins[s->twin_row[i] / 64] >> (s->twin_row[i] % 64) & 1) == 0)
            return "a twin that its row does not lead to";
    for (size_t i = 1; i < twins; i++)
        if (segment_entry(s, slot_at(s, true, i)) < segment_entry(s, slot_at(s, true, i - 1)))
            return "a segment's twins are not in order of their entries";
    return NULL;
}

static const char *buckets_broken(const struct segment *s, const struct segment_table *table)
{
    if (table->bucket[0] != 0 || table->bucket[CHUNK_VALUES] != s->shape.rows)
        return "a segment's buckets do not hold every row";
    for (uint32_t value = 0; value < CHUNK_VALUES; value++)
        if (table->bucket[value] > table->bucket[value + 1])
            return "a segment's buckets overlap";
    return NULL;
}

static const char *table_unsafe(const struct segment *s, unsigned i)
{
    const char *broken = buckets_broken(s, &s->table[i]);
    uint64_t most = 0;
    for (size_t at = 0; broken == NULL && at < s->shape.rows; at++) {
        uint64_t row = segment_record(s, i, at) & (SEGMENT_ROWS_MAX - 1);
        most = row > most ? row : most;
    }
    return broken == NULL && most >= s->shape.rows && most > 0 ? "a record of no row" : broken;
}

const char *segment_unsafe(const struct segment *segment)
{
    const char *broken = items_broken(segment);
    for (unsigned i = 0; broken == NULL && i < CHUNKS; i++)
        broken = table_unsafe(segment, i);
    return broken;
}

/* Safe, and every row in its bucket. */
static const char *table_broken(const struct segment *s, unsigned i)
{
    const struct segment_table *table = &s->table[i];
    for (uint32_t value = 0; value < CHUNK_VALUES; value++)
        for (uint32_t at = table->bucket[value]; at < table->bucket[value + 1]; at++) {
            uint64_t record = segment_record(s, i, at);
            const struct pdq_hash *hash = &s->hash[record & (SEGMENT_ROWS_MAX - 1)];
            if (chunk_of(hash, i) != value ||
                chunk_of(hash, (i + 1) % CHUNKS) != table->signature[at] ||
                (s->shape.wide != 0 && chunk_of(hash, (i + 2) % CHUNKS) != record >> 24))
                return "a row in a wrong bucket";
        }
    return NULL;
}

const char *segment_broken(const struct segment *segment)
{
    const char *broken = segment_unsafe(segment);
    size_t live = 0;
    for (unsigned i = 0; broken == NULL && i < CHUNKS; i++)
        broken = table_broken(segment, i);
    for (size_t slot = 0; slot < segment->shape.slots; slot++)
        live += !segment_dead(segment, slot);
    if (broken == NULL && live != atomic_load(&segment->live))
        broken = "a segment's count of live items is wrong";
    return broken;
}
