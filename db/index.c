#include "db/index.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/index_internal.h"

enum { CANARY_DISTANCE = PDQ_THRESHOLD };
static const uint64_t canary_entry = UINT64_MAX;
static const struct pdq_hash canary = {
    {0x5bd3a8c61f94e207, 0xc9127e5da0b836f4, 0x36ec4b95d27f810a, 0xa45f09e3768cb1d2}};

struct view *view_new(uint32_t segments, uint32_t tails)
{
    size_t head = sizeof(struct view), first = segments * sizeof(struct segment *);
    char *p = calloc(1, head + first + tails * sizeof(struct view_tail));
    if (p == NULL)
        return NULL;
    struct view *view = (struct view *)(void *)p;
    view->segments = segments;
    view->tails = tails;
    view->segment = (struct segment **)(void *)(p + head);
    view->tail = (struct view_tail *)(void *)(p + head + first);
    return view;
}

void index_replace_view(struct index *index, struct view *view)
{
    struct view *old = index_view(index);
    atomic_store(&index->view, view);
    if (old == NULL)
        return;
    old->older = index->retired;
    index->retired = old;
}

enum rc index_new_bare(struct index **ret, struct err *err)
{
    SCOPED(mem_free) struct index *index = calloc(1, sizeof(*index));
    if (index == NULL)
        FAIL(err, RC_NOMEM, "index: no memory");
    SCOPED(mem_free) struct view *view = view_new(0, 0);
    if (view == NULL)
        FAIL(err, RC_NOMEM, "index: no memory");
    errno = pthread_mutex_init(&index->lock, NULL);
    if (errno != 0)
        FAIL_SYS(err, "index: mutex");
    pthread_cond_init(&index->changed, NULL);
    index->wide = true;
    atomic_store(&index->view, TAKE(view));
    atomic_store(&index->memory, sizeof(*index));
    *ret = TAKE(index);
    return RC_OK;
}

enum rc index_new(struct index **ret, struct err *err)
{
    SCOPED(index_free) struct index *index = NULL;
    TRY(index_new_bare(&index, err));
    const struct index_item item = {
        .hash = canary, .entry = canary_entry, .bank = INDEX_CANARY_BANK, .place = -1};
    TRY(index_add(index, &item, 1, err));
    *ret = TAKE(index);
    return RC_OK;
}

void index_free(struct index *index)
{
    if (index == NULL)
        return;
    merger_stop(index);
    struct view *view = index_view(index);
    for (uint32_t i = 0; i < view->segments; i++)
        segment_release(view->segment[i]);
    for (uint32_t i = 0; i < view->tails; i++)
        free(view->tail[i].tail);
    free(view);
    while (index->retired != NULL) {
        struct view *older = index->retired->older;
        free(index->retired);
        index->retired = older;
    }
    free(index->removed);
    pthread_cond_destroy(&index->changed);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

/* --- adding --- */

/* The view that has `more` new tails behind the ones of now. */
static struct view *with_tails(const struct index *index, uint32_t more)
{
    const struct view *old = index_view(index);
    struct view *view = view_new(old->segments, old->tails + more);
    if (view == NULL)
        return NULL;
    for (uint32_t i = 0; i < old->segments; i++)
        view->segment[i] = old->segment[i];
    for (uint32_t i = 0; i < old->tails; i++)
        view->tail[i] = old->tail[i];
    for (uint32_t i = old->tails; i < view->tails; i++) {
        view->tail[i] = (struct view_tail){.tail = tail_new(), .rows = TAIL_OPEN};
        if (view->tail[i].tail == NULL) {
            while (i-- > old->tails)
                free(view->tail[i].tail);
            free(view);
            return NULL;
        }
    }
    return view;
}

static struct tail *open_tail(const struct view *view)
{
    return view->tails > 0 ? view->tail[view->tails - 1].tail : NULL;
}

static struct slot_item item_of(const struct index_item *item)
{
    return (struct slot_item){.generation = item->generation,
                              .entry = (uint32_t)item->entry, /* the canary's becomes UINT32_MAX */
                              .place = item->place,
                              .bank = (uint16_t)item->bank};
}

static void append(const struct view *view, uint32_t tail, const struct index_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while (view->tail[tail].tail->filled == TAIL_ROWS)
            tail++;
        const struct slot_item item = item_of(&items[i]);
        tail_append(view->tail[tail].tail, &items[i].hash, &item);
    }
}

/* Into more tails than the open one: what is new is seen when the view is, all at once. */
static enum rc add_tails(struct index *index, const struct index_item *items, size_t n, size_t room,
                         struct err *err)
{
    uint32_t old = index_view(index)->tails;
    uint32_t more = (uint32_t)((n - room + TAIL_ROWS - 1) / TAIL_ROWS);
    struct view *view = with_tails(index, more);
    if (view == NULL)
        FAIL(err, RC_NOMEM, "index: no memory for %zu hashes", n);
    append(view, old > 0 ? old - 1 : 0, items, n);
    for (uint32_t i = old > 0 ? old - 1 : 0; i < view->tails; i++)
        if (i + 1 < view->tails)
            view->tail[i].rows = TAIL_ROWS;
    tail_publish(open_tail(view));
    atomic_fetch_add(&index->memory, more * sizeof(struct tail));
    index_replace_view(index, view);
    merger_wake(index);
    return RC_OK;
}

static enum rc add_locked(struct index *index, const struct index_item *items, size_t n,
                          struct err *err)
{
    const struct view *view = index_view(index);
    struct tail *tail = open_tail(view);
    size_t room = tail != NULL ? TAIL_ROWS - tail->filled : 0;
    if (n > room) {
        TRY(add_tails(index, items, n, room, err));
    } else if (n > 0) {
        append(view, view->tails - 1, items, n);
        tail_publish(tail);
    }
    atomic_fetch_add(&index->live, n);
    return RC_OK;
}

enum rc index_add(struct index *index, const struct index_item *items, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].entry >= UINT32_MAX && items[i].entry != canary_entry)
            FAIL(err, RC_STORE, "index: entry number %llu is out of range",
                 (unsigned long long)items[i].entry);
    pthread_mutex_lock(&index->lock);
    enum rc rc = add_locked(index, items, n, err);
    pthread_mutex_unlock(&index->lock);
    return rc;
}

/* --- removing --- */

/* For the segment that is being made from parts that had the entry still. */
static void note_removed(struct index *index, uint32_t entry)
{
    if (!index->merging || index->removed_lost)
        return;
    if (index->n_removed == index->removed_room) {
        size_t room = index->removed_room * 2 + 64;
        uint32_t *removed = realloc(index->removed, room * sizeof(removed[0]));
        index->removed_lost = removed == NULL;
        if (removed == NULL)
            return;
        index->removed = removed;
        index->removed_room = room;
    }
    index->removed[index->n_removed++] = entry;
}

size_t index_remove(struct index *index, uint64_t entry)
{
    size_t removed = 0;
    if (entry >= UINT32_MAX)
        return 0;
    pthread_mutex_lock(&index->lock);
    const struct view *view = index_view(index);
    for (uint32_t i = 0; i < view->segments; i++)
        removed += segment_remove(view->segment[i], (uint32_t)entry);
    for (uint32_t i = 0; i < view->tails; i++)
        removed += tail_remove(view->tail[i].tail, (uint32_t)entry);
    if (removed > 0) {
        note_removed(index, (uint32_t)entry);
        atomic_fetch_sub(&index->live, removed);
        struct merge_plan plan;
        if (merge_wanted(index, &plan))
            merger_wake(index);
    }
    pthread_mutex_unlock(&index->lock);
    return removed;
}

/* --- searching --- */

/* -1 when the rule searches no bank. */
static int widest_threshold(const struct index_rule *rule)
{
    int widest = -1;
    for (uint32_t i = 0; i < rule->banks; i++)
        if (rule->threshold[i] > widest)
            widest = rule->threshold[i];
    return widest;
}

/*
 * How many rows of the open tail count is read before all else: an item that was removed and came
 * back is then seen in its old place or in its new one, and never in both.
 */
static void search_view(const struct view *view, struct index_asking *asking)
{
    size_t open = view->tails > 0 ? view_tail_rows(&view->tail[view->tails - 1]) : 0;
    for (uint32_t i = 0; i < view->segments; i++)
        segment_search(view->segment[i], asking);
    for (uint32_t i = 0; i < view->tails; i++)
        tail_search(view->tail[i].tail, i + 1 < view->tails ? view->tail[i].rows : open, asking);
}

void index_search(const struct index *index, const struct pdq_hash *queries, uint32_t n,
                  const struct index_rule *rule, index_visit *visit, void *ctx)
{
    int widest = widest_threshold(rule);
    assert(n <= INDEX_QUERIES_MAX);
    if (widest < 0)
        return;
    struct index_asking asking = {.queries = queries,
                                  .n = n,
                                  .rule = rule,
                                  .radius = (unsigned)widest,
                                  .visit = visit,
                                  .ctx = ctx};
    /* Readers are counted; nothing else of the index changes by a search. */
    struct readers *readers = (struct readers *)&index->readers;
    unsigned side = readers_enter(readers);
    search_view(index_view(index), &asking);
    readers_leave(readers, side);
}

size_t index_count(const struct index *index)
{
    return atomic_load(&index->live) - 1;
}

size_t index_memory(const struct index *index)
{
    return atomic_load(&index->memory);
}

static bool is_canary(void *ctx, const struct index_hit *hit)
{
    bool *found = ctx;
    *found = hit->entry == canary_entry && hit->distance == CANARY_DISTANCE;
    return false;
}

bool index_self_test(const struct index *index)
{
    int16_t threshold[INDEX_CANARY_BANK + 1];
    for (unsigned i = 0; i < INDEX_CANARY_BANK; i++)
        threshold[i] = -1;
    threshold[INDEX_CANARY_BANK] = CANARY_DISTANCE;
    const struct index_rule rule = {.threshold = threshold, .banks = INDEX_CANARY_BANK + 1};

    struct pdq_hash query = canary;
    for (unsigned i = 0; i < CANARY_DISTANCE; i++)
        query.w[i % 4] ^= 1ull << (i * 2);
    bool found = false;
    index_search(index, &query, 1, &rule, is_canary, &found);
    return found;
}

/* --- plans and checks --- */

void index_keep_small(struct index *index, bool small)
{
    pthread_mutex_lock(&index->lock);
    index->wide = !small;
    pthread_mutex_unlock(&index->lock);
}

void index_bulk(struct index *index, bool on)
{
    pthread_mutex_lock(&index->lock);
    index->bulk = on;
    merger_wake(index);
    pthread_mutex_unlock(&index->lock);
}

static const char *view_broken(const struct index *index, const struct view *view)
{
    size_t live = 0;
    for (uint32_t i = 0; i < view->segments; i++) {
        const char *broken = segment_broken(view->segment[i]);
        if (broken != NULL)
            return broken;
        live += atomic_load(&view->segment[i]->live);
    }
    for (uint32_t i = 0; i < view->tails; i++) {
        const struct tail *tail = view->tail[i].tail;
        if (tail->filled != tail_published(tail) && view->tail[i].rows == TAIL_OPEN)
            return "rows appended and not published";
        if (i + 1 < view->tails && (view->tail[i].rows != TAIL_ROWS || tail->filled != TAIL_ROWS))
            return "a tail that is not full and not the last";
        for (size_t row = 0; row < tail->filled; row++)
            live += !tail_dead(tail, row);
    }
    return live == atomic_load(&index->live) ? NULL : "the count of live items is wrong";
}

void index_check(const struct index *index)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&index->lock;
    pthread_mutex_lock(lock);
    const char *broken = view_broken(index, index_view(index));
    pthread_mutex_unlock(lock);
    if (broken == NULL)
        return;
    fprintf(stderr, "index_check: %s\n", broken);
    abort();
}
