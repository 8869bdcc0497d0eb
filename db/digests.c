#include "db/digests.h"

#include <stdlib.h>
#include <string.h>

#include "db/large_pages.h"
#include "db/rows_snapshot.h"
#include "hashing/base/ulid.h"

/*
 * Finds the newest row of a value.  Readers may hold any table that ever was current: a bigger
 * one replaces it by one store, and it is kept until the end (all together they are smaller than
 * the current one).
 */
struct table {
    struct table *older;
    size_t size;             /* a power of two */
    _Atomic uint32_t slot[]; /* row plus one, 0 is empty */
};

enum { TABLE_MIN = 256 };

/* The digests of one type.  Rows of equal value are chained from newest to oldest by their tag,
 * which is the older row plus one, or 0. */
struct side {
    struct rows rows;
    _Atomic(struct table *) table;
    size_t used; /* distinct values, removed ones too */
};

struct digests {
    uint64_t seed; /* nobody outside can choose values that crowd one place of a table */
    struct side side[DIGEST_TYPES];
};

size_t digest_size(enum digest_type type)
{
    static const uint8_t sizes[DIGEST_TYPES] = {32, 20, 16};
    return (unsigned)type < DIGEST_TYPES ? sizes[type] : 0;
}

const char *digest_name(enum digest_type type)
{
    static const char *const names[DIGEST_TYPES] = {"sha256", "sha1", "md5"};
    return (unsigned)type < DIGEST_TYPES ? names[type] : NULL;
}

enum rc digests_new(struct digests **ret, struct err *err)
{
    struct digests *digests = calloc(1, sizeof(*digests));
    if (digests == NULL)
        FAIL(err, RC_NOMEM, "digests: no memory");
    struct ulid random = ulid_new();
    memcpy(&digests->seed, &random.b[sizeof(random.b) - sizeof(digests->seed)],
           sizeof(digests->seed));
    *ret = digests;
    return RC_OK;
}

void digests_free(struct digests *digests)
{
    if (digests == NULL)
        return;
    for (unsigned type = 0; type < DIGEST_TYPES; type++) {
        struct side *side = &digests->side[type];
        for (struct table *t = atomic_load(&side->table); t != NULL;) {
            struct table *older = t->older;
            free(t);
            t = older;
        }
        rows_clear(&side->rows);
    }
    free(digests);
}

/* As a row holds it: zero beyond the digest's size. */
static struct pdq_hash row_value(enum digest_type type, const uint8_t *value)
{
    struct pdq_hash padded = {{0}};
    memcpy(padded.w, value, digest_size(type));
    return padded;
}

static size_t table_start(const struct table *table, uint64_t seed, const struct pdq_hash *value)
{
    uint64_t z = seed;
    for (int i = 0; i < 4; i++) {
        z = (z ^ value->w[i]) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 29) * 0x94D049BB133111EB;
        z ^= z >> 32;
    }
    return (size_t)z & (table->size - 1);
}

/* The slot that holds this value, or the empty one where it belongs. */
static _Atomic uint32_t *table_slot(const struct side *side, struct table *table, uint64_t seed,
                                    const struct pdq_hash *value)
{
    for (size_t i = table_start(table, seed, value);; i = (i + 1) & (table->size - 1)) {
        uint32_t slot = atomic_load_explicit(&table->slot[i], memory_order_acquire);
        if (slot == 0)
            return &table->slot[i];
        const struct rows_chunk *chunk = rows_chunk(&side->rows, slot - 1);
        if (memcmp(&chunk->value[(slot - 1) % ROWS_CHUNK], value, sizeof(*value)) == 0)
            return &table->slot[i];
    }
}

static void table_copy(const struct side *side, const struct table *from, struct table *to,
                       uint64_t seed)
{
    for (size_t i = 0; i < from->size; i++) {
        uint32_t slot = atomic_load_explicit(&from->slot[i], memory_order_relaxed);
        if (slot == 0)
            continue;
        const struct rows_chunk *chunk = rows_chunk(&side->rows, slot - 1);
        const struct pdq_hash *value = &chunk->value[(slot - 1) % ROWS_CHUNK];
        atomic_store_explicit(table_slot(side, to, seed, value), slot, memory_order_relaxed);
    }
}

/* Keeps at least half of the slots empty after n more values. */
static enum rc table_reserve(struct side *side, size_t n, uint64_t seed, struct err *err)
{
    struct table *old = atomic_load_explicit(&side->table, memory_order_relaxed);
    size_t size = old != NULL ? old->size : 0;
    if ((side->used + n) * 2 <= size)
        return RC_OK;
    size = size != 0 ? size : TABLE_MIN;
    while ((side->used + n) * 2 > size)
        size *= 2;
    struct table *table = calloc(1, sizeof(*table) + size * sizeof(table->slot[0]));
    if (table == NULL)
        FAIL(err, RC_NOMEM, "digests: no memory for a table of %zu slots", size);
    large_pages_ask(table, sizeof(*table) + size * sizeof(table->slot[0]));
    table->older = old;
    table->size = size;
    if (old != NULL)
        table_copy(side, old, table, seed);
    atomic_store_explicit(&side->table, table, memory_order_release);
    return RC_OK;
}

/* Puts the row before the others of its value; no reader may have seen it. */
static void side_chain(struct side *side, struct table *table, uint32_t number, uint64_t seed)
{
    struct rows_chunk *chunk = rows_chunk(&side->rows, number);
    size_t at = number % ROWS_CHUNK;
    _Atomic uint32_t *slot = table_slot(side, table, seed, &chunk->value[at]);
    chunk->tag[at] = atomic_load_explicit(slot, memory_order_relaxed);
    if (chunk->tag[at] == 0)
        side->used++;
    atomic_store_explicit(slot, number + 1, memory_order_release);
}

static void side_add(struct side *side, const struct digest_item *item, uint64_t seed)
{
    struct table *table = atomic_load_explicit(&side->table, memory_order_relaxed);
    struct row row = {.value = row_value(item->type, item->value),
                      .entry = item->entry,
                      .generation = item->generation,
                      .bank = item->bank};
    side_chain(side, table, rows_append(&side->rows, &row), seed);
}

enum rc digests_add(struct digests *digests, const struct digest_item *items, size_t n,
                    struct err *err)
{
    size_t added[DIGEST_TYPES] = {0};
    for (size_t i = 0; i < n; i++)
        added[items[i].type]++;
    for (unsigned type = 0; type < DIGEST_TYPES; type++) {
        if (added[type] == 0)
            continue;
        TRY(rows_reserve(&digests->side[type].rows, added[type], err));
        TRY(table_reserve(&digests->side[type], added[type], digests->seed, err));
    }
    for (size_t i = 0; i < n; i++)
        side_add(&digests->side[items[i].type], &items[i], digests->seed);
    for (unsigned type = 0; type < DIGEST_TYPES; type++)
        rows_publish(&digests->side[type].rows);
    return RC_OK;
}

size_t digests_remove(struct digests *digests, uint64_t entry)
{
    size_t removed = 0;
    for (unsigned type = 0; type < DIGEST_TYPES; type++)
        removed += rows_remove(&digests->side[type].rows, entry);
    return removed;
}

void digests_find(const struct digests *digests, enum digest_type type, const uint8_t *value,
                  const struct index_rule *rule, index_visit *visit, void *ctx)
{
    const struct side *side = &digests->side[type];
    struct table *table = atomic_load_explicit(&side->table, memory_order_acquire);
    if (table == NULL)
        return;
    struct pdq_hash padded = row_value(type, value);
    uint32_t next =
        atomic_load_explicit(table_slot(side, table, digests->seed, &padded), memory_order_acquire);
    while (next != 0) {
        const struct rows_chunk *chunk = rows_chunk(&side->rows, next - 1);
        size_t at = (next - 1) % ROWS_CHUNK;
        next = chunk->tag[at];
        if (!rows_match(chunk, at, rule, 0))
            continue;
        const struct index_hit hit = {
            .bank = chunk->bank[at], .entry = chunk->entry[at], .place = -1};
        if (!visit(ctx, &hit))
            return;
    }
}

size_t digests_count(const struct digests *digests, enum digest_type type)
{
    return atomic_load(&digests->side[type].rows.live);
}

/* --- the snapshot --- */

/* The chains are made anew: rows that died are not in the file. */
static const struct rows_tags tags[DIGEST_TYPES] = {
    {"256.hash", "256.entr", "256.gene", "256.bank", NULL},
    {"sha.hash", "sha.entr", "sha.gene", "sha.bank", NULL},
    {"md5.hash", "md5.entr", "md5.gene", "md5.bank", NULL},
};

struct digests_frozen {
    struct rows_frozen side[DIGEST_TYPES];
};

enum rc digests_freeze(struct digests *digests, struct digests_frozen **ret, struct err *err)
{
    SCOPED(digests_frozen_free) struct digests_frozen *frozen = calloc(1, sizeof(*frozen));
    if (frozen == NULL)
        FAIL(err, RC_NOMEM, "digests: no memory");
    for (unsigned type = 0; type < DIGEST_TYPES; type++)
        TRY(rows_freeze(&digests->side[type].rows, &frozen->side[type], err));
    *ret = TAKE(frozen);
    return RC_OK;
}

void digests_frozen_free(struct digests_frozen *frozen)
{
    if (frozen == NULL)
        return;
    for (unsigned type = 0; type < DIGEST_TYPES; type++)
        rows_frozen_clear(&frozen->side[type]);
    free(frozen);
}

enum rc digests_frozen_write(const struct digests_frozen *frozen, struct snapshot_out *out,
                             struct err *err)
{
    for (unsigned type = 0; type < DIGEST_TYPES; type++)
        TRY(rows_frozen_write(&frozen->side[type], &tags[type], out, err));
    return RC_OK;
}

/* The table's places are far apart: asked for ahead, they come from memory many at a time. */
static void chain_all(struct side *side, size_t n, uint64_t seed)
{
    enum { AHEAD = 16 };
    struct table *table = atomic_load_explicit(&side->table, memory_order_relaxed);
    for (size_t row = 0; row < n; row++) {
        if (row + AHEAD < n) {
            const struct rows_chunk *chunk = rows_chunk(&side->rows, row + AHEAD);
            size_t start = table_start(table, seed, &chunk->value[(row + AHEAD) % ROWS_CHUNK]);
            __builtin_prefetch(&table->slot[start], 1);
        }
        side_chain(side, table, (uint32_t)row, seed);
    }
}

enum rc digests_restore(struct snapshot_in *in, struct digests **ret, struct err *err)
{
    SCOPED(digests_free) struct digests *digests = NULL;
    TRY(digests_new(&digests, err));
    for (unsigned type = 0; type < DIGEST_TYPES; type++) {
        struct side *side = &digests->side[type];
        TRY(rows_restore(&side->rows, &tags[type], in, err));
        size_t n = rows_published(&side->rows);
        if (n == 0)
            continue;
        TRY(table_reserve(side, n, digests->seed, err));
        chain_all(side, n, digests->seed);
    }
    *ret = TAKE(digests);
    return RC_OK;
}
