#include "db/rows.h"

#include <stdint.h>
#include <stdlib.h>

#include "db/large_pages.h"

enum { MAP_MIN = 256 };
static const uint32_t slot_gone = UINT32_MAX;

void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->chunks; i++)
        free(rows->chunk[i]);
    free(rows->map.slot);
    rows->chunks = 0;
    rows->map = (struct rows_map){0};
}

static uint64_t entry_of(const struct rows *rows, size_t row)
{
    return rows_chunk(rows, row)->entry[row % ROWS_CHUNK];
}

/* Entry numbers are dense: spread them (the finalizer of splitmix64). */
static size_t map_start(const struct rows_map *map, uint64_t entry)
{
    uint64_t z = (entry ^ entry >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (size_t)(z ^ z >> 31) & (map->size - 1);
}

static void map_put(struct rows_map *map, uint64_t entry, uint32_t slot)
{
    size_t i = map_start(map, entry);
    while (map->slot[i] != 0)
        i = (i + 1) & (map->size - 1);
    map->slot[i] = slot;
    map->used++;
}

/*
 * Keeps at least half of the slots empty.  A new map has an eighth of its slots to spare before
 * the next one, so that revoking and restoring at the brink does not move it each time.
 */
static enum rc map_reserve(struct rows *rows, size_t n, struct err *err)
{
    struct rows_map *old = &rows->map;
    if ((old->used + n) * 2 <= old->size)
        return RC_OK;

    struct rows_map map = {.size = MAP_MIN};
    while ((old->used - old->gone + n) * 8 > map.size * 3)
        map.size *= 2;
    map.slot = calloc(map.size, sizeof(map.slot[0]));
    if (map.slot == NULL)
        FAIL(err, RC_NOMEM, "block-list: no memory for a map of %zu slots", map.size);
    large_pages_ask(map.slot, map.size * sizeof(map.slot[0]));

    for (size_t i = 0; i < old->size; i++)
        if (old->slot[i] != 0 && old->slot[i] != slot_gone)
            map_put(&map, entry_of(rows, old->slot[i] - 1), old->slot[i]);
    atomic_fetch_add(&rows->memory, (map.size - old->size) * sizeof(map.slot[0]));
    free(old->slot);
    *old = map;
    return RC_OK;
}

enum rc rows_reserve(struct rows *rows, size_t n, struct err *err)
{
    const size_t most = (size_t)ROWS_CHUNK * ROWS_CHUNKS;
    if (n > most - rows->filled)
        FAIL(err, RC_NOMEM, "block-list: over %zu hashes of one kind", most);
    TRY(map_reserve(rows, n, err));

    while (rows->chunks * ROWS_CHUNK < rows->filled + n) {
        /* Zeroed by the kernel, so a short list touches only the pages that it fills. */
        struct rows_chunk *chunk = calloc(1, sizeof(*chunk));
        if (chunk == NULL)
            FAIL(err, RC_NOMEM, "block-list: no memory for hash %zu", rows->filled + n);
        rows->chunk[rows->chunks++] = chunk;
        atomic_fetch_add(&rows->memory, sizeof(*chunk));
    }
    return RC_OK;
}

uint32_t rows_append(struct rows *rows, const struct row *row)
{
    size_t number = rows->filled;
    struct rows_chunk *chunk = rows_chunk(rows, number);
    size_t at = number % ROWS_CHUNK;
    chunk->value[at] = row->value;
    chunk->entry[at] = row->entry;
    chunk->generation[at] = row->generation;
    chunk->bank[at] = (uint16_t)row->bank;
    chunk->tag[at] = row->tag;

    /* Only the first row of a run is in the map.  A row that was published may be dead and its
     * slot gone, so a run never reaches back into an older batch. */
    bool run = number > atomic_load_explicit(&rows->published, memory_order_relaxed) &&
               entry_of(rows, number - 1) == row->entry;
    if (!run)
        map_put(&rows->map, row->entry, (uint32_t)number + 1);
    rows->filled++;
    return (uint32_t)number;
}

void rows_publish(struct rows *rows)
{
    size_t added = rows->filled - atomic_load_explicit(&rows->published, memory_order_relaxed);
    atomic_fetch_add(&rows->live, added);
    atomic_store_explicit(&rows->published, rows->filled, memory_order_release);
}

/* The map's places are far apart: asked for ahead, they come from memory many at a time. */
void rows_adopt(struct rows *rows, size_t n)
{
    enum { AHEAD = 32 };
    for (size_t row = 0; row < n; row++) {
        if (row + AHEAD < n)
            __builtin_prefetch(&rows->map.slot[map_start(&rows->map, entry_of(rows, row + AHEAD))],
                               1);
        uint64_t entry = entry_of(rows, row);
        if (row == 0 || entry_of(rows, row - 1) != entry)
            map_put(&rows->map, entry, (uint32_t)row + 1);
    }
    rows->filled = n;
    rows_publish(rows);
}

/* Marks the row and those of the same entry that follow it. */
static size_t kill_run(struct rows *rows, size_t row)
{
    size_t killed = 0;
    for (uint64_t entry = entry_of(rows, row); row < rows->filled && entry_of(rows, row) == entry;
         row++) {
        size_t at = row % ROWS_CHUNK;
        _Atomic uint64_t *word = &rows_chunk(rows, row)->dead[at / 64];
        uint64_t bit = 1ull << (at % 64);
        if ((atomic_fetch_or_explicit(word, bit, memory_order_release) & bit) == 0)
            killed++;
    }
    return killed;
}

size_t rows_remove(struct rows *rows, uint64_t entry)
{
    struct rows_map *map = &rows->map;
    if (map->size == 0)
        return 0;

    size_t killed = 0;
    for (size_t i = map_start(map, entry); map->slot[i] != 0; i = (i + 1) & (map->size - 1)) {
        uint32_t slot = map->slot[i];
        if (slot == slot_gone || entry_of(rows, slot - 1) != entry)
            continue;
        killed += kill_run(rows, slot - 1);
        map->slot[i] = slot_gone;
        map->gone++;
    }
    atomic_fetch_sub(&rows->live, killed);
    return killed;
}

/* Whether the map leads from the entry to a run that begins within [first, row]. */
static bool map_covers(const struct rows *rows, size_t first, size_t row)
{
    const struct rows_map *map = &rows->map;
    uint64_t entry = entry_of(rows, row);
    for (size_t i = map_start(map, entry); map->slot[i] != 0; i = (i + 1) & (map->size - 1)) {
        uint32_t slot = map->slot[i];
        if (slot != slot_gone && slot - 1 >= first && slot - 1 <= row)
            return true;
    }
    return false;
}

const char *rows_broken(const struct rows *rows)
{
    size_t published = rows_published(rows);
    size_t live = 0, first = 0;
    if (published != rows->filled)
        return "rows appended and not published";
    if (rows->filled > rows->chunks * ROWS_CHUNK)
        return "more rows than chunks hold";
    if (rows->map.used * 2 > rows->map.size || rows->map.gone > rows->map.used)
        return "the map is too full";
    for (size_t row = 0; row < published; row++) {
        if (entry_of(rows, row) != entry_of(rows, first))
            first = row;
        if (rows_dead(rows_chunk(rows, row), row % ROWS_CHUNK))
            continue;
        live++;
        if (!map_covers(rows, first, row))
            return "a live row that the map does not lead to";
    }
    return live == atomic_load(&rows->live) ? NULL : "the count of live rows is wrong";
}
