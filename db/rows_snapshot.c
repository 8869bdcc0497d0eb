#include "db/rows_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "db/entry_ids.h"
#include "db/large_pages.h"

/* --- freezing --- */

enum rc rows_freeze(const struct rows *rows, struct rows_frozen *ret, struct err *err)
{
    size_t n = rows_published(rows);
    size_t words = (n + 63) / 64;
    SCOPED(mem_free) uint64_t *dead = malloc((words + 1) * sizeof(*dead));
    if (dead == NULL)
        FAIL(err, RC_NOMEM, "block-list: no memory to freeze %zu hashes", n);
    for (size_t i = 0; i < words; i++) {
        const struct rows_chunk *chunk = rows_chunk(rows, i * 64);
        dead[i] = atomic_load_explicit(&chunk->dead[i % (ROWS_CHUNK / 64)], memory_order_relaxed);
    }
    *ret = (struct rows_frozen){
        .rows = rows, .n = n, .live = atomic_load(&rows->live), .dead = TAKE(dead)};
    return RC_OK;
}

void rows_frozen_clear(struct rows_frozen *frozen)
{
    free(frozen->dead);
    *frozen = (struct rows_frozen){0};
}

static bool frozen_dead(const struct rows_frozen *frozen, size_t row)
{
    return (frozen->dead[row / 64] >> (row % 64) & 1) != 0;
}

void rows_frozen_drop(struct rows_frozen *frozen, size_t row)
{
    frozen->dead[row / 64] |= 1ull << (row % 64);
    frozen->live--;
}

/* --- writing --- */

/* One column of a chunk: an array of this many bytes a row. */
static const uint8_t *column_of(const struct rows_chunk *chunk, size_t offset)
{
    return (const uint8_t *)chunk + offset;
}

/* Up to ROWS_CHUNK rows from `first`, which begins a chunk; runs of live ones go in one piece. */
static enum rc write_chunk(const struct rows_frozen *frozen, size_t first, size_t offset,
                           size_t size, struct snapshot_out *out, struct err *err)
{
    size_t n = frozen->n - first < ROWS_CHUNK ? frozen->n - first : ROWS_CHUNK;
    const uint8_t *column = column_of(rows_chunk(frozen->rows, first), offset);
    for (size_t at = 0, end; at < n; at = end) {
        for (end = at; end < n && !frozen_dead(frozen, first + end);)
            end++;
        TRY(snapshot_put(out, column + at * size, (end - at) * size, err));
        while (end < n && frozen_dead(frozen, first + end))
            end++;
    }
    return RC_OK;
}

static enum rc write_column(const struct rows_frozen *frozen, const char *tag, size_t offset,
                            size_t size, struct snapshot_out *out, struct err *err)
{
    TRY(snapshot_section(out, tag, frozen->live * size, err));
    for (size_t first = 0; first < frozen->n; first += ROWS_CHUNK)
        TRY(write_chunk(frozen, first, offset, size, out, err));
    return RC_OK;
}

#define COLUMN(member)                                                                             \
    offsetof(struct rows_chunk, member), sizeof(((struct rows_chunk *)NULL)->member[0])

enum rc rows_frozen_write(const struct rows_frozen *frozen, const struct rows_tags *tags,
                          struct snapshot_out *out, struct err *err)
{
    TRY(write_column(frozen, tags->value, COLUMN(value), out, err));
    TRY(write_column(frozen, tags->entry, COLUMN(entry), out, err));
    TRY(write_column(frozen, tags->generation, COLUMN(generation), out, err));
    TRY(write_column(frozen, tags->bank, COLUMN(bank), out, err));
    if (tags->tag != NULL)
        TRY(write_column(frozen, tags->tag, COLUMN(tag), out, err));
    return RC_OK;
}

/* --- reading --- */

static enum rc read_column(struct rows *rows, size_t n, size_t offset, size_t size,
                           struct snapshot_in *in, struct err *err)
{
    for (size_t first = 0; first < n; first += ROWS_CHUNK) {
        size_t count = n - first < ROWS_CHUNK ? n - first : ROWS_CHUNK;
        TRY(snapshot_take(in, (uint8_t *)rows_chunk(rows, first) + offset, count * size, err));
    }
    return RC_OK;
}

static enum rc next_column(struct rows *rows, const char *tag, size_t n, size_t offset, size_t size,
                           struct snapshot_in *in, struct err *err)
{
    uint64_t length = 0;
    TRY(snapshot_next(in, tag, &length, err));
    if (length != n * size)
        FAIL(err, RC_STORE, "snapshot: section %s has %llu bytes for %zu hashes", tag,
             (unsigned long long)length, n);
    return read_column(rows, n, offset, size, in, err);
}

static enum rc check_rows(const struct rows *rows, size_t n, struct err *err)
{
    uint64_t worst_entry = 0;
    uint16_t worst_bank = 0;
    for (size_t row = 0; row < n; row++) {
        const struct rows_chunk *chunk = rows_chunk(rows, row);
        size_t at = row % ROWS_CHUNK;
        worst_entry = chunk->entry[at] > worst_entry ? chunk->entry[at] : worst_entry;
        worst_bank = chunk->bank[at] > worst_bank ? chunk->bank[at] : worst_bank;
    }
    if (worst_bank >= INDEX_BANKS_MAX || worst_entry / ENTRY_IDS_CHUNK >= ENTRY_IDS_CHUNKS)
        FAIL(err, RC_STORE, "snapshot: a bank or an entry of a hash is out of range");
    return RC_OK;
}

enum rc rows_restore(struct rows *rows, const struct rows_tags *tags, struct snapshot_in *in,
                     struct err *err)
{
    uint64_t length = 0;
    TRY(snapshot_next(in, tags->value, &length, err));
    size_t n = length / sizeof(struct pdq_hash);
    if (length % sizeof(struct pdq_hash) != 0)
        FAIL(err, RC_STORE, "snapshot: section %s has a part of a hash", tags->value);
    TRY(rows_reserve(rows, n, err));
    for (size_t first = 0; first + ROWS_CHUNK <= n; first += ROWS_CHUNK)
        large_pages_ask(rows_chunk(rows, first), sizeof(struct rows_chunk));
    TRY(read_column(rows, n, COLUMN(value), in, err));
    TRY(next_column(rows, tags->entry, n, COLUMN(entry), in, err));
    TRY(next_column(rows, tags->generation, n, COLUMN(generation), in, err));
    TRY(next_column(rows, tags->bank, n, COLUMN(bank), in, err));
    if (tags->tag != NULL)
        TRY(next_column(rows, tags->tag, n, COLUMN(tag), in, err));
    TRY(check_rows(rows, n, err));
    rows_adopt(rows, n);
    return RC_OK;
}
