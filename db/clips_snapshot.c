/*
 * Two sections: the numbers of the entries, rising, and their tables one after the other as they
 * lie in memory, so that they are read in one piece and stay where they are.
 */
#include <stdlib.h>

#include "db/clips.h"
#include "db/large_pages.h"

static const char entries_tag[] = "clp.entr", tables_tag[] = "clp.data";

static size_t table_size(const struct clip *clip)
{
    return sizeof(*clip) + clip->n * sizeof(clip->signal[0]);
}

/* --- writing --- */

/* Moves *entry to the first listed clip from there on. */
static const struct clip *next_clip(const struct clips *clips,
                                    const struct entry_ids_frozen *listed, uint64_t *entry)
{
    while (*entry < listed->end) {
        if (atomic_load_explicit(&clips->chunk[*entry / CLIPS_CHUNK], memory_order_acquire) == NULL)
            *entry = (*entry / CLIPS_CHUNK + 1) * CLIPS_CHUNK;
        else if (entry_ids_frozen_listed(listed, *entry) && clips_get(clips, *entry) != NULL)
            return clips_get(clips, *entry);
        else
            ++*entry;
    }
    return NULL;
}

enum rc clips_write(const struct clips *clips, const struct entry_ids_frozen *listed,
                    struct snapshot_out *out, struct err *err)
{
    const struct clip *clip;
    uint64_t n = 0, bytes = 0;
    for (uint64_t e = 0; (clip = next_clip(clips, listed, &e)) != NULL; e++, n++)
        bytes += table_size(clip);
    TRY(snapshot_section(out, entries_tag, n * sizeof(uint64_t), err));
    for (uint64_t e = 0; next_clip(clips, listed, &e) != NULL; e++)
        TRY(snapshot_put(out, &e, sizeof(e), err));
    TRY(snapshot_section(out, tables_tag, bytes, err));
    for (uint64_t e = 0; (clip = next_clip(clips, listed, &e)) != NULL; e++)
        TRY(snapshot_put(out, clip, table_size(clip), err));
    return RC_OK;
}

/* --- reading --- */

static enum rc check_table(const struct clip *clip, uint64_t entry, struct err *err)
{
    int32_t ms = 0;
    bool good = clip->pictures >= 1 && clip->pictures <= clip->n;
    for (uint32_t i = 0; good && i < clip->n; i++) {
        good = clip->signal[i].ms >= ms && clip->signal[i].picture < clip->pictures;
        ms = clip->signal[i].ms;
    }
    if (!good)
        FAIL(err, RC_STORE, "snapshot: the clip of entry number %llu is wrong",
             (unsigned long long)entry);
    return RC_OK;
}

/* The table at this place of the block, which must hold all of it. */
static enum rc table_at(const struct clips *clips, size_t at, struct clip **ret, struct err *err)
{
    struct clip *clip = (struct clip *)(void *)(clips->block + at);
    size_t left = clips->block_size - at;
    if (left < sizeof(*clip) || clip->n == 0 ||
        clip->n > (left - sizeof(*clip)) / sizeof(clip->signal[0]))
        FAIL(err, RC_STORE, "snapshot: section %s ends within a clip", tables_tag);
    *ret = clip;
    return RC_OK;
}

static enum rc place_tables(struct clips *clips, const uint64_t *entries, size_t n, struct err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        struct clips_chunk *chunk = NULL;
        struct clip *clip = NULL;
        if (i > 0 && entries[i] <= entries[i - 1])
            FAIL(err, RC_STORE, "snapshot: section %s does not rise", entries_tag);
        TRY(table_at(clips, at, &clip, err));
        TRY(check_table(clip, entries[i], err));
        TRY(clips_reserve(clips, entries[i], &chunk, err));
        atomic_store_explicit(&chunk->clip[entries[i] % CLIPS_CHUNK], clip, memory_order_release);
        at += table_size(clip);
    }
    if (at != clips->block_size)
        FAIL(err, RC_STORE, "snapshot: section %s holds more than the clips", tables_tag);
    clips->memory += at;
    return RC_OK;
}

enum rc clips_restore(struct clips *clips, struct snapshot_in *in, struct err *err)
{
    SCOPED(mem_free) uint64_t *entries = NULL;
    uint64_t length = 0, bytes = 0;
    TRY(snapshot_next(in, entries_tag, &length, err));
    entries = malloc(length + 1);
    if (entries == NULL)
        FAIL(err, RC_NOMEM, "block-list: no memory for clips");
    TRY(snapshot_take(in, entries, length, err));
    TRY(snapshot_next(in, tables_tag, &bytes, err));
    clips->block = malloc(bytes + 1);
    clips->block_size = clips->block != NULL ? bytes : 0;
    if (clips->block == NULL || length % sizeof(uint64_t) != 0)
        FAIL(err, clips->block == NULL ? RC_NOMEM : RC_STORE, "snapshot: clips do not fit");
    large_pages_ask(clips->block, bytes);
    TRY(snapshot_take(in, clips->block, bytes, err));
    return place_tables(clips, entries, length / sizeof(uint64_t), err);
}
