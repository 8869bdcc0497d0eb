#include "db/entry_ids.h"

#include <stdlib.h>

void entry_ids_clear(struct entry_ids *ids)
{
    for (size_t i = 0; i < ENTRY_IDS_CHUNKS; i++)
        free(atomic_load_explicit(&ids->chunk[i], memory_order_relaxed));
}

/* NULL when nothing of it was learnt. */
static struct entry_ids_chunk *chunk_of(const struct entry_ids *ids, uint64_t number)
{
    uint64_t i = number / ENTRY_IDS_CHUNK;
    if (i >= ENTRY_IDS_CHUNKS)
        return NULL;
    return atomic_load_explicit(&ids->chunk[i], memory_order_acquire);
}

enum rc entry_ids_learn(struct entry_ids *ids, uint64_t number, const struct ulid *id,
                        struct err *err)
{
    if (number / ENTRY_IDS_CHUNK >= ENTRY_IDS_CHUNKS)
        FAIL(err, RC_STORE, "block-list: entry number %llu is out of range",
             (unsigned long long)number);
    struct entry_ids_chunk *chunk = chunk_of(ids, number);
    if (chunk == NULL) {
        chunk = calloc(1, sizeof(*chunk));
        if (chunk == NULL)
            FAIL(err, RC_NOMEM, "block-list: no memory for the ids of entries");
        atomic_store_explicit(&ids->chunk[number / ENTRY_IDS_CHUNK], chunk, memory_order_release);
    }
    size_t at = number % ENTRY_IDS_CHUNK;
    if (chunk->known[at])
        return RC_OK;
    chunk->id[at] = *id;
    chunk->known[at] = true;
    return RC_OK;
}

bool entry_ids_listed(const struct entry_ids *ids, uint64_t number)
{
    const struct entry_ids_chunk *chunk = chunk_of(ids, number);
    return chunk != NULL && chunk->listed[number % ENTRY_IDS_CHUNK];
}

bool entry_ids_next_listed(const struct entry_ids *ids, uint64_t *number)
{
    uint64_t i = *number;
    while (i / ENTRY_IDS_CHUNK < ENTRY_IDS_CHUNKS) {
        const struct entry_ids_chunk *chunk = chunk_of(ids, i);
        if (chunk == NULL) {
            i = (i / ENTRY_IDS_CHUNK + 1) * ENTRY_IDS_CHUNK;
            continue;
        }
        if (chunk->listed[i % ENTRY_IDS_CHUNK]) {
            *number = i;
            return true;
        }
        i++;
    }
    return false;
}

void entry_ids_set_listed(struct entry_ids *ids, uint64_t number, bool listed)
{
    chunk_of(ids, number)->listed[number % ENTRY_IDS_CHUNK] = listed;
}

struct ulid entry_ids_get(const struct entry_ids *ids, uint64_t number)
{
    const struct entry_ids_chunk *chunk = chunk_of(ids, number);
    return chunk != NULL ? chunk->id[number % ENTRY_IDS_CHUNK] : (struct ulid){{0}};
}
