/* The index to and from a snapshot: segments as they lie in memory, and the rows of the tails. */
#include <stdlib.h>
#include <string.h>

#include "db/index_internal.h"
#include "db/snapshot.h"

enum { SEGMENTS_MAX = 4096, ENTRIES_MAX = 1 << 30, ADDED_AT_ONCE = 4096 };

/* A segment never changes but for its dead marks, so those are copied. */
struct frozen_segment {
    struct segment *segment; /* held */
    uint64_t *dead;
};

struct index_frozen {
    uint32_t segments;
    struct frozen_segment *segment;
    size_t rows; /* live ones of the tails */
    struct pdq_hash *hash;
    struct slot_item *item;
};

/* What a section says; nothing in it is padding. */
struct index_head {
    uint64_t segments, rows;
};
_Static_assert(sizeof(struct segment_shape) == 40, "no padding");
_Static_assert(sizeof(struct slot_item) == 24, "padding is written as zero");

static size_t dead_words(const struct segment *segment)
{
    return segment->shape.slots / 64 + 1;
}

/* --- freezing --- */

static bool freeze_segment(struct segment *segment, struct frozen_segment *ret)
{
    size_t words = dead_words(segment);
    ret->dead = malloc(words * sizeof(ret->dead[0]));
    if (ret->dead == NULL)
        return false;
    for (size_t i = 0; i < words; i++)
        ret->dead[i] = atomic_load_explicit(&segment->dead[i], memory_order_relaxed);
    segment_hold(segment);
    ret->segment = segment;
    return true;
}

static bool freeze_tails(const struct view *view, struct index_frozen *frozen)
{
    size_t most = (size_t)view->tails * TAIL_ROWS + 1;
    frozen->hash = malloc(most * sizeof(frozen->hash[0]));
    frozen->item = malloc(most * sizeof(frozen->item[0]));
    if (frozen->hash == NULL || frozen->item == NULL)
        return false;
    for (uint32_t i = 0; i < view->tails; i++) {
        const struct tail *tail = view->tail[i].tail;
        for (size_t row = 0; row < view_tail_rows(&view->tail[i]); row++) {
            if (tail_dead(tail, row))
                continue;
            struct slot_item *item = &frozen->item[frozen->rows];
            memset(item, 0, sizeof(*item)); /* its padding goes to disk */
            item->generation = tail->item[row].generation;
            item->entry = tail->item[row].entry;
            item->place = tail->item[row].place;
            item->bank = tail->item[row].bank;
            frozen->hash[frozen->rows++] = tail->hash[row];
        }
    }
    return true;
}

static bool freeze(const struct view *view, struct index_frozen *frozen)
{
    frozen->segment = calloc(view->segments + 1, sizeof(frozen->segment[0]));
    if (frozen->segment == NULL)
        return false;
    for (; frozen->segments < view->segments; frozen->segments++)
        if (!freeze_segment(view->segment[frozen->segments], &frozen->segment[frozen->segments]))
            return false;
    return freeze_tails(view, frozen);
}

enum rc index_freeze(struct index *index, struct index_frozen **ret, struct err *err)
{
    SCOPED(index_frozen_free) struct index_frozen *frozen = calloc(1, sizeof(*frozen));
    if (frozen == NULL)
        FAIL(err, RC_NOMEM, "index: no memory to freeze it");
    /* Or the merger might free a segment before it is held. */
    pthread_mutex_lock(&index->lock);
    bool done = freeze(index_view(index), frozen);
    pthread_mutex_unlock(&index->lock);
    if (!done)
        FAIL(err, RC_NOMEM, "index: no memory to freeze it");
    *ret = TAKE(frozen);
    return RC_OK;
}

void index_frozen_free(struct index_frozen *frozen)
{
    if (frozen == NULL)
        return;
    for (uint32_t i = 0; i < frozen->segments; i++) {
        segment_release(frozen->segment[i].segment);
        free(frozen->segment[i].dead);
    }
    free(frozen->segment);
    free(frozen->hash);
    free(frozen->item);
    free(frozen);
}

/* --- writing --- */

static enum rc put_section(struct snapshot_out *out, const char *tag, const void *p, size_t n,
                           struct err *err)
{
    TRY(snapshot_section(out, tag, n, err));
    return snapshot_put(out, p, n, err);
}

/* The arena, with the dead marks of the moment in place of today's. */
static enum rc put_segment(const struct frozen_segment *frozen, struct snapshot_out *out,
                           struct err *err)
{
    const struct segment *segment = frozen->segment;
    const char *arena = segment->arena;
    size_t dead = dead_words(segment) * sizeof(frozen->dead[0]);
    size_t before = (size_t)((const char *)segment->dead - arena);

    TRY(put_section(out, "idx.shap", &segment->shape, sizeof(segment->shape), err));
    TRY(snapshot_section(out, "idx.data", segment->size, err));
    TRY(snapshot_put(out, arena, before, err));
    TRY(snapshot_put(out, frozen->dead, dead, err));
    return snapshot_put(out, arena + before + dead, segment->size - before - dead, err);
}

enum rc index_frozen_write(const struct index_frozen *frozen, struct snapshot_out *out,
                           struct err *err)
{
    const struct index_head head = {.segments = frozen->segments, .rows = frozen->rows};
    TRY(put_section(out, "idx.head", &head, sizeof(head), err));
    for (uint32_t i = 0; i < frozen->segments; i++)
        TRY(put_segment(&frozen->segment[i], out, err));
    TRY(put_section(out, "idx.hash", frozen->hash, frozen->rows * sizeof(frozen->hash[0]), err));
    return put_section(out, "idx.item", frozen->item, frozen->rows * sizeof(frozen->item[0]), err);
}

/* --- reading --- */

static enum rc take_section(struct snapshot_in *in, const char *tag, void *p, size_t n,
                            struct err *err)
{
    uint64_t length = 0;
    TRY(snapshot_next(in, tag, &length, err));
    if (length != n)
        FAIL(err, RC_STORE, "snapshot: section %s has %llu bytes, not %zu", tag,
             (unsigned long long)length, n);
    return snapshot_take(in, p, n, err);
}

static enum rc check_shape(const struct segment_shape *shape, struct err *err)
{
    if (shape->rows < 1 || shape->rows > shape->slots || shape->slots > SEGMENT_ROWS_MAX ||
        shape->wide > 1 || shape->with_places > 1)
        FAIL(err, RC_STORE, "snapshot: a segment of an impossible shape");
    return RC_OK;
}

static bool entry_possible(uint32_t entry)
{
    return entry < ENTRIES_MAX || entry == UINT32_MAX;
}

static enum rc check_segment(struct segment *segment, struct err *err)
{
    const char *unsafe = segment_unsafe(segment);
    size_t live = 0;
    if (unsafe != NULL)
        FAIL(err, RC_STORE, "snapshot: %s", unsafe);
    for (size_t slot = 0; slot < segment->shape.slots; slot++) {
        if (!entry_possible(segment_entry(segment, slot)))
            FAIL(err, RC_STORE, "snapshot: an entry out of range");
        live += !segment_dead(segment, slot);
    }
    atomic_store(&segment->live, live);
    return RC_OK;
}

static enum rc take_segment(struct snapshot_in *in, struct segment **ret, struct err *err)
{
    SCOPED(segment_release) struct segment *segment = NULL;
    struct segment_shape shape;
    uint64_t length = 0;
    TRY(take_section(in, "idx.shap", &shape, sizeof(shape), err));
    TRY(check_shape(&shape, err));
    TRY(snapshot_next(in, "idx.data", &length, err));
    /* Before memory is taken for it. */
    if (length != segment_arena_size(&shape))
        FAIL(err, RC_STORE, "snapshot: a segment's arrays do not fit its shape");
    TRY(segment_new(&shape, &segment, err));
    TRY(snapshot_take(in, segment->arena, segment->size, err));
    TRY(check_segment(segment, err));
    *ret = TAKE(segment);
    return RC_OK;
}

/* The view owns each segment from the moment when it is there. */
static enum rc take_segments(struct snapshot_in *in, struct index *index, size_t n, struct err *err)
{
    struct view *view = view_new((uint32_t)n, 0);
    if (view == NULL)
        FAIL(err, RC_NOMEM, "index: no memory for %zu segments", n);
    view->segments = 0;
    index_replace_view(index, view);
    while (view->segments < n) {
        TRY(take_segment(in, &view->segment[view->segments], err));
        const struct segment *segment = view->segment[view->segments++];
        atomic_fetch_add(&index->live, atomic_load(&segment->live));
        atomic_fetch_add(&index->memory, segment_memory(segment));
    }
    return RC_OK;
}

static enum rc add_rows(struct index *index, const struct pdq_hash *hash,
                        const struct slot_item *item, size_t n, struct err *err)
{
    struct index_item items[ADDED_AT_ONCE];
    for (size_t i = 0; i < n; i++) {
        if (!entry_possible(item[i].entry) || item[i].bank > INDEX_CANARY_BANK)
            FAIL(err, RC_STORE, "snapshot: an entry or a bank out of range");
        items[i] =
            (struct index_item){.hash = hash[i],
                                .entry = item[i].entry == UINT32_MAX ? UINT64_MAX : item[i].entry,
                                .generation = item[i].generation,
                                .bank = item[i].bank,
                                .place = item[i].place};
    }
    return index_add(index, items, n, err);
}

static enum rc take_rows(struct snapshot_in *in, struct index *index, struct err *err)
{
    uint64_t length = 0;
    TRY(snapshot_next(in, "idx.hash", &length, err));
    size_t n = (size_t)(length / sizeof(struct pdq_hash));
    SCOPED(mem_free) struct pdq_hash *hash = malloc(length + 1);
    SCOPED(mem_free) struct slot_item *item = malloc((n + 1) * sizeof(item[0]));
    if (hash == NULL || item == NULL)
        FAIL(err, RC_NOMEM, "index: no memory for %zu hashes", n);
    TRY(snapshot_take(in, hash, length, err));
    TRY(take_section(in, "idx.item", item, n * sizeof(item[0]), err));
    for (size_t i = 0; i < n; i += ADDED_AT_ONCE)
        TRY(add_rows(index, hash + i, item + i, n - i < ADDED_AT_ONCE ? n - i : ADDED_AT_ONCE,
                     err));
    return RC_OK;
}

enum rc index_restore(struct snapshot_in *in, struct index **ret, struct err *err)
{
    SCOPED(index_free) struct index *index = NULL;
    struct index_head head;
    TRY(index_new_bare(&index, err));
    TRY(take_section(in, "idx.head", &head, sizeof(head), err));
    if (head.segments > SEGMENTS_MAX)
        FAIL(err, RC_STORE, "snapshot: %llu segments", (unsigned long long)head.segments);
    TRY(take_segments(in, index, (size_t)head.segments, err));
    TRY(take_rows(in, index, err));
    if (atomic_load(&index->live) == 0 || !index_self_test(index))
        FAIL(err, RC_STORE, "snapshot: the index does not find its canary");
    *ret = TAKE(index);
    return RC_OK;
}
