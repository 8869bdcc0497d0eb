/* Makes a segment: items into order, equal hashes into one row, rows into buckets. */
#include <stdint.h>

#include "db/segment.h"
#include "hashing/base/ulid.h"

/* What is known while the arrays' sizes are not yet. */
struct building {
    const struct segment_source *source;
    size_t n, rows;
    uint64_t *order; /* entry << 32 | number in the source, ascending */
    uint32_t *row;   /* by place in the order; FIRST is set where the row begins */
};

static const uint32_t FIRST = UINT32_C(1) << 31;

static void building_end_scoped(struct building *b)
{
    free(b->order);
    free(b->row);
}

static const struct pdq_hash *hash_at(const struct building *b, size_t i)
{
    return &b->source->hash[(uint32_t)b->order[i]];
}

static const struct slot_item *item_at(const struct building *b, size_t i)
{
    return &b->source->item[(uint32_t)b->order[i]];
}

/* --- order --- */

/* One pass over 16 of the key's bits; stable. */
static void sort_by_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
    size_t at[1 << 16] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        at[from[i] >> shift & 0xffff]++;
    for (size_t d = 0; d < 1 << 16; d++) {
        size_t count = at[d];
        at[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[at[from[i] >> shift & 0xffff]++] = from[i];
}

static enum rc put_in_order(struct building *b, struct err *err)
{
    bool ordered = true;
    b->order = malloc((b->n + 1) * sizeof(b->order[0]));
    if (b->order == NULL)
        FAIL(err, RC_NOMEM, "index: no memory to order %zu hashes", b->n);
    for (size_t i = 0; i < b->n; i++) {
        b->order[i] = (uint64_t)b->source->item[i].entry << 32 | i;
        ordered = ordered && (i == 0 || b->order[i - 1] < b->order[i]);
    }
    if (ordered)
        return RC_OK;
    SCOPED(mem_free) uint64_t *other = malloc(b->n * sizeof(other[0]));
    if (other == NULL)
        FAIL(err, RC_NOMEM, "index: no memory to order %zu hashes", b->n);
    sort_by_digit(b->order, other, b->n, 32);
    sort_by_digit(other, b->order, b->n, 48);
    return RC_OK;
}

/* --- equal hashes --- */

static size_t mixed(const struct pdq_hash *hash, uint64_t seed)
{
    uint64_t z = seed;
    for (int i = 0; i < 4; i++) {
        z = (z ^ hash->w[i]) * 0xBF58476D1CE4E5B9;
        z ^= z >> 29;
    }
    return (size_t)(z * 0x94D049BB133111EB >> 16);
}

/* Numbers the rows: equal hashes have one.  seed: so that nobody can choose hashes that collide. */
static enum rc number_rows(struct building *b, struct err *err)
{
    const struct ulid random = ulid_new();
    uint64_t seed;
    size_t size = 64;
    memcpy(&seed, &random.b[sizeof(random.b) - sizeof(seed)], sizeof(seed));
    while (size < 2 * b->n)
        size *= 2;
    SCOPED(mem_free) uint32_t *slot = calloc(size, sizeof(slot[0])); /* place plus one; 0: empty */
    b->row = malloc((b->n + 1) * sizeof(b->row[0]));
    if (slot == NULL || b->row == NULL)
        FAIL(err, RC_NOMEM, "index: no memory to compare %zu hashes", b->n);
    for (size_t i = 0; i < b->n; i++) {
        size_t at = mixed(hash_at(b, i), seed) & (size - 1);
        while (slot[at] != 0 && !pdq_equal(hash_at(b, slot[at] - 1), hash_at(b, i)))
            at = (at + 1) & (size - 1);
        if (slot[at] == 0) {
            slot[at] = (uint32_t)i + 1;
            b->row[i] = (uint32_t)b->rows++ | FIRST;
        } else {
            b->row[i] = b->row[slot[at] - 1] & ~FIRST;
        }
    }
    return RC_OK;
}

/* --- slots --- */

static struct segment_shape shape_of(const struct building *b, bool wide)
{
    const uint64_t span = (UINT64_C(1) << SEGMENT_MARK_BITS) - 1;
    struct segment_shape shape = {
        .rows = b->rows, .slots = b->n, .base = UINT64_MAX, .wide = wide ? 1 : 0};
    for (size_t i = 0; i < b->n; i++) {
        const struct slot_item *item = &b->source->item[i];
        if (item->generation > shape.newest)
            shape.newest = item->generation;
        if (item->generation < shape.base)
            shape.base = item->generation;
        if (item->place != -1)
            shape.with_places = 1;
    }
    if (b->n == 0)
        shape.base = 0;
    if (shape.newest - shape.base > span)
        shape.base = shape.newest - span;
    return shape;
}

/* A generation from before the base becomes the base: `since` then tells of it once too often. */
static void put_item(struct segment *s, size_t slot, const struct slot_item *item)
{
    uint64_t above = item->generation > s->shape.base ? item->generation - s->shape.base : 0;
    uint64_t *newest = &s->zone[slot / SEGMENT_ZONE];
    uint64_t mark = htole64(above | (uint64_t)item->bank << SEGMENT_MARK_BITS);
    uint32_t entry = htole32(item->entry), place = htole32((uint32_t)item->place);
    uint8_t *p = s->item + slot * segment_item_size(s);
    memcpy(p, &entry, sizeof(entry));
    memcpy(p + 4, &mark, 6);
    if (s->shape.with_places != 0)
        memcpy(p + 10, &place, sizeof(place));
    if (*newest < s->shape.base + above)
        *newest = s->shape.base + above;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Twins stand by row; twin_order leads to them by entry, which is how they come here. */
static enum rc put_twins(struct segment *s, const struct building *b, struct err *err)
{
    size_t n = b->n - b->rows, k = 0;
    if (n == 0)
        return RC_OK;
    SCOPED(mem_free) uint64_t *twin = malloc(n * sizeof(twin[0]));   /* row << 32 | which one */
    SCOPED(mem_free) uint32_t *place = malloc(n * sizeof(place[0])); /* in the order */
    if (twin == NULL || place == NULL)
        FAIL(err, RC_NOMEM, "index: no memory for %zu equal hashes", n);
    for (size_t i = 0; i < b->n; i++) {
        if ((b->row[i] & FIRST) != 0)
            continue;
        place[k] = (uint32_t)i;
        twin[k] = (uint64_t)b->row[i] << 32 | k;
        k++;
    }
    qsort(twin, n, sizeof(twin[0]), by_number);
    for (size_t t = 0; t < n; t++) {
        uint32_t row = (uint32_t)(twin[t] >> 32), which = (uint32_t)twin[t];
        put_item(s, b->rows + t, item_at(b, place[which]));
        s->twin_row[t] = row;
        s->twin_order[which] = (uint32_t)t;
        s->twins[row / 64] |= 1ull << (row % 64);
    }
    return RC_OK;
}

static void put_rows(struct segment *s, const struct building *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if ((b->row[i] & FIRST) == 0)
            continue;
        uint32_t row = b->row[i] & ~FIRST;
        s->hash[row] = *hash_at(b, i);
        put_item(s, row, item_at(b, i));
    }
}

/* --- buckets --- */

static void put_record(struct segment *s, unsigned i, size_t at, size_t row, unsigned second)
{
    uint8_t *p = s->table[i].record + at * segment_record_size(s);
    p[0] = (uint8_t)row;
    p[1] = (uint8_t)(row >> 8);
    p[2] = (uint8_t)(row >> 16);
    if (s->shape.wide != 0) {
        p[3] = (uint8_t)second;
        p[4] = (uint8_t)(second >> 8);
    }
}

enum { FETCH_AHEAD = 16 /* rows */ };

/* The rows in the order of their numbers, or of another table of theirs. */
static size_t row_in_order(const struct segment *s, int order, size_t at)
{
    return order < 0 ? at : segment_record(s, (unsigned)order, at) & (SEGMENT_ROWS_MAX - 1);
}

static void fetch_row(const struct segment *s, int order, size_t at)
{
    if (at < s->shape.rows)
        __builtin_prefetch(&s->hash[row_in_order(s, order, at)]);
}

/* Within a bucket the rows keep the order in which they come. */
static void fill_table(struct segment *s, unsigned i, int order, uint32_t *next)
{
    struct segment_table *table = &s->table[i];
    memset(table->bucket, 0, (CHUNK_VALUES + 1) * sizeof(table->bucket[0]));
    for (size_t row = 0; row < s->shape.rows; row++)
        table->bucket[chunk_of(&s->hash[row], i) + 1]++;
    for (uint32_t value = 0; value < CHUNK_VALUES; value++) {
        table->bucket[value + 1] += table->bucket[value];
        next[value] = table->bucket[value];
    }
    for (size_t k = 0; k < s->shape.rows; k++) {
        fetch_row(s, order, k + FETCH_AHEAD);
        size_t row = row_in_order(s, order, k);
        const struct pdq_hash *hash = &s->hash[row];
        uint32_t at = next[chunk_of(hash, i)]++;
        table->signature[at] = (uint16_t)chunk_of(hash, (i + 1) % CHUNKS);
        put_record(s, i, at, row, chunk_of(hash, (i + 2) % CHUNKS));
    }
}

static enum rc go_on(const struct segment_source *source, struct err *err)
{
    if (source->cancel != NULL && atomic_load(source->cancel))
        FAIL(err, RC_BUSY, "index: a segment is not needed any more");
    return RC_OK;
}

/*
 * Each table takes its rows in the order of the table of the next chunk.  So a bucket is in order
 * of its signatures, and of what follows them: similar hashes stand side by side, and what passes a
 * search lies in few lines of memory.  Table 0 is filled twice, for the first has no next.
 */
static enum rc fill_tables(struct segment *s, const struct segment_source *source, uint32_t *next,
                           struct err *err)
{
    int order = -1;
    for (unsigned n = 0; n <= CHUNKS; n++) {
        unsigned i = (CHUNKS - n) % CHUNKS;
        TRY(go_on(source, err));
        fill_table(s, i, order, next);
        order = (int)i;
    }
    return RC_OK;
}

enum rc segment_build(const struct segment_source *source, bool wide, struct segment **ret,
                      struct err *err)
{
    SCOPED(building_end) struct building b = {.source = source, .n = source->n};
    SCOPED(segment_release) struct segment *segment = NULL;
    SCOPED(mem_free) uint32_t *next = malloc(CHUNK_VALUES * sizeof(next[0]));
    if (next == NULL)
        FAIL(err, RC_NOMEM, "index: no memory to sort");
    TRY(put_in_order(&b, err));
    TRY(go_on(source, err));
    TRY(number_rows(&b, err));
    TRY(go_on(source, err));
    const struct segment_shape shape = shape_of(&b, wide);
    TRY(segment_new(&shape, &segment, err));
    atomic_store(&segment->live, b.n);
    put_rows(segment, &b);
    TRY(put_twins(segment, &b, err));
    TRY(fill_tables(segment, source, next, err));
    *ret = TAKE(segment);
    return RC_OK;
}
