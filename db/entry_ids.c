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

static bool bit_get(const uint64_t *bits, size_t at)
{
    return (bits[at / 64] >> (at % 64) & 1) != 0;
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
    if (ids->end <= number)
        ids->end = number + 1;
    if (bit_get(chunk->known, at))
        return RC_OK;
    chunk->id[at] = *id;
    chunk->known[at / 64] |= 1ull << (at % 64);
    return RC_OK;
}

bool entry_ids_listed(const struct entry_ids *ids, uint64_t number)
{
    const struct entry_ids_chunk *chunk = chunk_of(ids, number);
    return chunk != NULL && bit_get(chunk->listed, number % ENTRY_IDS_CHUNK);
}

bool entry_ids_next_listed(const struct entry_ids *ids, uint64_t *number)
{
    for (uint64_t i = *number; i < ids->end;) {
        const struct entry_ids_chunk *chunk = chunk_of(ids, i);
        size_t at = i % ENTRY_IDS_CHUNK;
        uint64_t rest = chunk != NULL ? chunk->listed[at / 64] >> (at % 64) : 0;
        if (rest != 0) {
            *number = i + (uint64_t)__builtin_ctzll(rest);
            return true;
        }
        uint64_t step = chunk != NULL ? 64 : ENTRY_IDS_CHUNK;
        i = (i / step + 1) * step;
    }
    return false;
}

void entry_ids_set_listed(struct entry_ids *ids, uint64_t number, bool listed)
{
    size_t at = number % ENTRY_IDS_CHUNK;
    uint64_t *word = &chunk_of(ids, number)->listed[at / 64];
    uint64_t bit = 1ull << (at % 64);
    ids->listed += listed && (*word & bit) == 0;
    ids->listed -= !listed && (*word & bit) != 0;
    *word = listed ? *word | bit : *word & ~bit;
}

struct ulid entry_ids_get(const struct entry_ids *ids, uint64_t number)
{
    const struct entry_ids_chunk *chunk = chunk_of(ids, number);
    return chunk != NULL ? chunk->id[number % ENTRY_IDS_CHUNK] : (struct ulid){{0}};
}
