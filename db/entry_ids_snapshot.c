#include <stdlib.h>
#include <string.h>

#include "db/entry_ids.h"

enum { CHUNK_WORDS = ENTRY_IDS_CHUNK / 64 };
static const char bits_tag[] = "ids.bits", ids_tag[] = "ids.ids";

static struct entry_ids_chunk *chunk_at(const struct entry_ids *ids, uint64_t number)
{
    return atomic_load_explicit(&ids->chunk[number / ENTRY_IDS_CHUNK], memory_order_acquire);
}

/* --- writing --- */

enum rc entry_ids_freeze(const struct entry_ids *ids, struct entry_ids_frozen *ret, struct err *err)
{
    size_t words = (ids->end + 63) / 64;
    SCOPED(mem_free) uint64_t *listed = calloc(words + 1, sizeof(*listed));
    if (listed == NULL)
        FAIL(err, RC_NOMEM, "block-list: no memory to freeze %zu entries", (size_t)ids->end);
    for (size_t at = 0; at < words; at += CHUNK_WORDS) {
        const struct entry_ids_chunk *chunk = chunk_at(ids, at * 64);
        size_t n = words - at < CHUNK_WORDS ? words - at : CHUNK_WORDS;
        if (chunk != NULL)
            memcpy(&listed[at], chunk->listed, n * sizeof(*listed));
    }
    *ret = (struct entry_ids_frozen){.ids = ids, .end = ids->end, .listed = TAKE(listed)};
    return RC_OK;
}

void entry_ids_frozen_clear(struct entry_ids_frozen *frozen)
{
    free(frozen->listed);
    *frozen = (struct entry_ids_frozen){0};
}

/* Where the run ends that begins at `from`, of listed ones or of others, within one chunk. */
static uint64_t run_end(const struct entry_ids_frozen *frozen, uint64_t from)
{
    bool listed = entry_ids_frozen_listed(frozen, from);
    uint64_t end = (from / ENTRY_IDS_CHUNK + 1) * ENTRY_IDS_CHUNK;
    uint64_t to = from + 1;
    if (end > frozen->end)
        end = frozen->end;
    while (to < end && entry_ids_frozen_listed(frozen, to) == listed)
        to++;
    return to;
}

/* An id that is not listed may be being written: it is left out. */
static enum rc write_ids(const struct entry_ids_frozen *frozen, struct snapshot_out *out,
                         struct err *err)
{
    SCOPED(mem_free) struct ulid *none = calloc(ENTRY_IDS_CHUNK, sizeof(*none));
    if (none == NULL)
        FAIL(err, RC_NOMEM, "snapshot: no memory");
    for (uint64_t from = 0, to; from < frozen->end; from = to) {
        to = run_end(frozen, from);
        const struct ulid *ids = none;
        if (entry_ids_frozen_listed(frozen, from))
            ids = &chunk_at(frozen->ids, from)->id[from % ENTRY_IDS_CHUNK];
        TRY(snapshot_put(out, ids, (to - from) * sizeof(*ids), err));
    }
    return RC_OK;
}

enum rc entry_ids_frozen_write(const struct entry_ids_frozen *frozen, struct snapshot_out *out,
                               struct err *err)
{
    size_t bytes = (frozen->end + 63) / 64 * sizeof(uint64_t);
    TRY(snapshot_section(out, bits_tag, bytes, err));
    TRY(snapshot_put(out, frozen->listed, bytes, err));
    TRY(snapshot_section(out, ids_tag, frozen->end * sizeof(struct ulid), err));
    return write_ids(frozen, out, err);
}

/* --- reading --- */

static enum rc read_bits(struct entry_ids *ids, size_t words, struct snapshot_in *in,
                         struct err *err)
{
    for (size_t at = 0; at < words; at += CHUNK_WORDS) {
        struct entry_ids_chunk *chunk = calloc(1, sizeof(*chunk));
        if (chunk == NULL)
            FAIL(err, RC_NOMEM, "block-list: no memory for the ids of entries");
        atomic_store_explicit(&ids->chunk[at / CHUNK_WORDS], chunk, memory_order_release);
        size_t n = words - at < CHUNK_WORDS ? words - at : CHUNK_WORDS;
        TRY(snapshot_take(in, chunk->listed, n * sizeof(chunk->listed[0]), err));
        memcpy(chunk->known, chunk->listed, sizeof(chunk->known));
        for (size_t i = 0; i < n; i++)
            ids->listed += (uint64_t)__builtin_popcountll(chunk->listed[i]);
    }
    return RC_OK;
}

static enum rc read_ids(struct entry_ids *ids, struct snapshot_in *in, struct err *err)
{
    for (uint64_t from = 0; from < ids->end; from += ENTRY_IDS_CHUNK) {
        uint64_t n = ids->end - from < ENTRY_IDS_CHUNK ? ids->end - from : ENTRY_IDS_CHUNK;
        TRY(snapshot_take(in, chunk_at(ids, from)->id, n * sizeof(struct ulid), err));
    }
    return RC_OK;
}

/* The last word has no bit beyond the end. */
static bool ends_clean(const struct entry_ids *ids)
{
    if (ids->end % 64 == 0)
        return true;
    uint64_t last = (ids->end - 1) % ENTRY_IDS_CHUNK / 64;
    return chunk_at(ids, ids->end - 1)->listed[last] >> (ids->end % 64) == 0;
}

enum rc entry_ids_restore(struct entry_ids *ids, struct snapshot_in *in, struct err *err)
{
    uint64_t bytes = 0, length = 0;
    TRY(snapshot_next(in, bits_tag, &bytes, err));
    size_t words = bytes / sizeof(uint64_t);
    if (bytes % sizeof(uint64_t) != 0 || words > (size_t)CHUNK_WORDS * ENTRY_IDS_CHUNKS)
        FAIL(err, RC_STORE, "snapshot: section %s has a length that cannot be", bits_tag);
    TRY(read_bits(ids, words, in, err));
    TRY(snapshot_next(in, ids_tag, &length, err));
    ids->end = length / sizeof(struct ulid);
    if (length % sizeof(struct ulid) != 0 || (ids->end + 63) / 64 != words || !ends_clean(ids))
        FAIL(err, RC_STORE, "snapshot: section %s does not fit to the entries", ids_tag);
    return read_ids(ids, in, err);
}
