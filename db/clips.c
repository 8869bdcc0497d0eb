#include "db/clips.h"

#include <stdlib.h>
#include <string.h>

/* Those of a snapshot lie in one block and are not freed by themselves. */
static bool own_table(const struct clips *clips, const struct clip *clip)
{
    uintptr_t at = (uintptr_t)clip, block = (uintptr_t)clips->block;
    return at < block || at - block >= clips->block_size;
}

static void clear_chunk(const struct clips *clips, struct clips_chunk *chunk)
{
    for (size_t k = 0; chunk != NULL && k < CLIPS_CHUNK; k++) {
        struct clip *clip = atomic_load_explicit(&chunk->clip[k], memory_order_relaxed);
        if (own_table(clips, clip))
            free(clip);
    }
    free(chunk);
}

void clips_clear(struct clips *clips)
{
    for (size_t i = 0; i < CLIPS_CHUNKS; i++) {
        clear_chunk(clips, atomic_load_explicit(&clips->chunk[i], memory_order_relaxed));
        atomic_store_explicit(&clips->chunk[i], NULL, memory_order_relaxed);
    }
    free(clips->block);
    clips->block = NULL;
    clips->block_size = 0;
    clips->memory = 0;
}

const struct clip *clips_get(const struct clips *clips, uint64_t entry)
{
    uint64_t i = entry / CLIPS_CHUNK;
    if (i >= CLIPS_CHUNKS)
        return NULL;
    const struct clips_chunk *chunk = atomic_load_explicit(&clips->chunk[i], memory_order_acquire);
    if (chunk == NULL)
        return NULL;
    return atomic_load_explicit(&chunk->clip[entry % CLIPS_CHUNK], memory_order_acquire);
}

/* A frame and where it came, to sort by time without changing the order within one time. */
struct sorted {
    struct clip_frame frame;
    size_t came;
};

static int by_time(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    if (x->frame.ms != y->frame.ms)
        return x->frame.ms < y->frame.ms ? -1 : 1;
    return x->came < y->came ? -1 : x->came > y->came;
}

/* Here came is the place: the first of equal ones leads. */
static int by_hash(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    int by = memcmp(&x->frame.hash, &y->frame.hash, sizeof(x->frame.hash));
    return by != 0 ? by : x->came < y->came ? -1 : x->came > y->came;
}

/* Numbers the distinct hashes; returns how many.  The frames are in order of time. */
static uint32_t number_pictures(struct sorted *sorted, struct clip_frame *frames, size_t n)
{
    uint32_t pictures = 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct sorted){.frame = frames[i], .came = i};
    qsort(sorted, n, sizeof(sorted[0]), by_hash);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !pdq_equal(&sorted[i].frame.hash, &sorted[i - 1].frame.hash))
            pictures++;
        frames[sorted[i].came].picture = pictures - 1;
    }
    return pictures;
}

/* Returns the number of distinct pictures, 0 without memory. */
static uint32_t arrange(struct clip_frame *frames, size_t n)
{
    SCOPED(mem_free) struct sorted *sorted = calloc(n, sizeof(*sorted));
    if (sorted == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct sorted){.frame = frames[i], .came = i};
    qsort(sorted, n, sizeof(sorted[0]), by_time);
    for (size_t i = 0; i < n; i++)
        frames[i] = sorted[i].frame;
    return number_pictures(sorted, frames, n);
}

enum rc clips_reserve(struct clips *clips, uint64_t entry, struct clips_chunk **ret,
                      struct err *err)
{
    uint64_t i = entry / CLIPS_CHUNK;
    if (i >= CLIPS_CHUNKS)
        FAIL(err, RC_STORE, "block-list: entry number %llu is out of range",
             (unsigned long long)entry);
    struct clips_chunk *chunk = atomic_load_explicit(&clips->chunk[i], memory_order_relaxed);
    if (chunk == NULL) {
        /* Zeroed by the kernel: pictures between the clips touch none of its pages. */
        chunk = calloc(1, sizeof(*chunk));
        if (chunk == NULL)
            FAIL(err, RC_NOMEM, "block-list: no memory for clips");
        atomic_store_explicit(&clips->chunk[i], chunk, memory_order_release);
    }
    *ret = chunk;
    return RC_OK;
}

enum rc clips_learn(struct clips *clips, uint64_t entry, struct clip_frame *frames, size_t n,
                    struct err *err)
{
    struct clips_chunk *chunk = NULL;
    if (n == 0)
        return RC_OK;
    TRY(clips_reserve(clips, entry, &chunk, err));
    uint32_t pictures = arrange(frames, n);
    if (pictures == 0)
        FAIL(err, RC_NOMEM, "block-list: no memory for a clip of %zu signals", n);
    if (clips_get(clips, entry) != NULL)
        return RC_OK;

    size_t size = sizeof(struct clip) + n * sizeof(struct clip_signal);
    struct clip *clip = malloc(size);
    if (clip == NULL)
        FAIL(err, RC_NOMEM, "block-list: no memory for a clip of %zu signals", n);
    clip->n = (uint32_t)n;
    clip->pictures = pictures;
    for (size_t i = 0; i < n; i++)
        clip->signal[i] = (struct clip_signal){.ms = frames[i].ms, .picture = frames[i].picture};
    atomic_store_explicit(&chunk->clip[entry % CLIPS_CHUNK], clip, memory_order_release);
    clips->memory += size;
    return RC_OK;
}
