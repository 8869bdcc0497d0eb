/*
 * The index's background: full tails become segments, segments become larger ones, and what was
 * removed is left out on the way.
 *
 * A segment is taken into a merge when it is less than GROWTH times what is merged already, so that
 * each item is copied a few times only, and there are few segments to search.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "db/index_internal.h"

enum {
    GROWTH = 4,
    DEAD_SHARE = 4, /* a segment of which this part is dead is made anew */
    NICE = 10       /* searches go first */
};

/* --- what --- */

static size_t live_of(const struct segment *segment)
{
    return atomic_load(&segment->live);
}

/* The full tails that one segment can hold. */
static uint32_t full_tails(const struct view *view)
{
    const uint32_t most = SEGMENT_ROWS_MAX / TAIL_ROWS;
    uint32_t full = view->tails > 0 ? view->tails - 1 : 0;
    return full < most ? full : most;
}

static bool mostly_dead(const struct segment *segment)
{
    return segment->shape.slots - live_of(segment) > segment->shape.slots / DEAD_SHARE;
}

bool merge_wanted(const struct index *index, struct merge_plan *ret)
{
    const struct view *view = index_view(index);
    uint32_t tails = full_tails(view);
    if (index->stuck || (index->bulk && tails < SEGMENT_ROWS_MAX / TAIL_ROWS))
        return false;
    size_t rows = (size_t)tails * TAIL_ROWS;
    uint32_t segments = 0;
    for (uint32_t i = view->segments; i > 0 && !index->bulk; i--) {
        const struct segment *segment = view->segment[i - 1];
        bool small = live_of(segment) < GROWTH * rows;
        if (!(small || mostly_dead(segment)) || rows + live_of(segment) > SEGMENT_ROWS_MAX)
            break;
        rows += live_of(segment);
        segments = view->segments - i + 1;
    }
    *ret = (struct merge_plan){.segments = segments, .tails = tails};
    return tails > 0 || segments > 0;
}

/* --- how --- */

struct gathering {
    struct segment_source source;
    struct pdq_hash *hash;
    struct slot_item *item;
};

static void gathering_end_scoped(struct gathering *g)
{
    free(g->hash);
    free(g->item);
}

static void gather(struct gathering *g, const struct pdq_hash *hash, const struct slot_item *item)
{
    g->hash[g->source.n] = *hash;
    g->item[g->source.n++] = *item;
}

static void gather_segment(struct gathering *g, const struct segment *segment)
{
    for (size_t slot = 0; slot < segment->shape.slots; slot++) {
        if (segment_dead(segment, slot))
            continue;
        const struct slot_item item = segment_item(segment, slot);
        gather(g, &segment->hash[segment_row(segment, slot)], &item);
    }
}

static void gather_tail(struct gathering *g, const struct tail *tail)
{
    for (size_t row = 0; row < TAIL_ROWS; row++)
        if (!tail_dead(tail, row))
            gather(g, &tail->hash[row], &tail->item[row]);
}

/* NULL when nothing of it lives, too.  Ends early when the index is to be freed. */
static enum rc make_segment(const struct index *index, const struct view *view,
                            const struct merge_plan *plan, bool wide, struct segment **ret,
                            struct err *err)
{
    SCOPED(gathering_end) struct gathering g = {.source = {.cancel = &index->stopping}};
    size_t most = (size_t)plan->tails * TAIL_ROWS;
    for (uint32_t i = view->segments - plan->segments; i < view->segments; i++)
        most += view->segment[i]->shape.slots;
    g.hash = malloc(most * sizeof(g.hash[0]));
    g.item = malloc(most * sizeof(g.item[0]));
    if (g.hash == NULL || g.item == NULL)
        FAIL(err, RC_NOMEM, "index: no memory to merge %zu hashes", most);
    for (uint32_t i = view->segments - plan->segments; i < view->segments; i++)
        gather_segment(&g, view->segment[i]);
    for (uint32_t i = 0; i < plan->tails; i++)
        gather_tail(&g, view->tail[i].tail);
    g.source.hash = g.hash;
    g.source.item = g.item;
    *ret = NULL;
    return g.source.n > 0 ? segment_build(&g.source, wide, ret, err) : RC_OK;
}

/* The view of now, in which `segment` (may be NULL) stands for what it was made of. */
static struct view *without_merged(const struct view *old, const struct merge_plan *plan,
                                   struct segment *segment)
{
    uint32_t kept = old->segments - plan->segments;
    struct view *view = view_new(kept + (segment != NULL), old->tails - plan->tails);
    if (view == NULL)
        return NULL;
    for (uint32_t i = 0; i < kept; i++)
        view->segment[i] = old->segment[i];
    if (segment != NULL)
        view->segment[kept] = segment;
    for (uint32_t i = 0; i < view->tails; i++)
        view->tail[i] = old->tail[plan->tails + i];
    return view;
}

/* Under the lock.  Segments change by this thread alone, and tails only grow in number meanwhile.
 */
static bool put_in_place(struct index *index, const struct merge_plan *plan,
                         struct segment *segment)
{
    if (index->removed_lost)
        return false;
    struct view *view = without_merged(index_view(index), plan, segment);
    if (view == NULL)
        return false;
    for (size_t i = 0; segment != NULL && i < index->n_removed; i++)
        segment_remove(segment, index->removed[i]);
    if (segment != NULL)
        atomic_fetch_add(&index->memory, segment_memory(segment));
    index_replace_view(index, view);
    return true;
}

static void free_merged(struct index *index, const struct view *old, const struct merge_plan *plan)
{
    size_t freed = (size_t)plan->tails * sizeof(struct tail);
    for (uint32_t i = old->segments - plan->segments; i < old->segments; i++) {
        freed += segment_memory(old->segment[i]);
        segment_release(old->segment[i]);
    }
    for (uint32_t i = 0; i < plan->tails; i++)
        free(old->tail[i].tail);
    atomic_fetch_sub(&index->memory, freed);
}

/* Without the lock: views that nobody reads any more. */
static void free_views(struct view *retired)
{
    while (retired != NULL) {
        struct view *older = retired->older;
        free(retired);
        retired = older;
    }
}

/* Called and returns with the lock held. */
static void merge(struct index *index, const struct merge_plan *plan)
{
    const struct view *old = index_view(index);
    struct segment *segment = NULL;
    struct err err;
    bool wide = index->wide;

    index->merging = true;
    index->n_removed = 0;
    index->removed_lost = false;
    pthread_mutex_unlock(&index->lock);
    /* Only this thread frees what a view leads to, so `old` stays readable. */
    enum rc rc = make_segment(index, old, plan, wide, &segment, &err);
    pthread_mutex_lock(&index->lock);
    const struct view *before = index_view(index);
    bool done = rc == RC_OK && put_in_place(index, plan, segment);
    index->merging = false;
    index->stuck = !done && !index->removed_lost;
    struct view *retired = index->retired;
    index->retired = NULL;
    pthread_mutex_unlock(&index->lock);
    readers_wait(&index->readers);
    if (done)
        free_merged(index, before, plan);
    else
        segment_release(segment);
    free_views(retired);
    pthread_mutex_lock(&index->lock);
}

static void free_retired(struct index *index)
{
    struct view *retired = index->retired;
    index->retired = NULL;
    pthread_mutex_unlock(&index->lock);
    readers_wait(&index->readers);
    free_views(retired);
    pthread_mutex_lock(&index->lock);
}

/* --- the thread --- */

static void *merger_thread(void *arg)
{
    struct index *index = arg;
    struct merge_plan plan;

    pthread_setname_np(pthread_self(), "index-merger");
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    pthread_mutex_lock(&index->lock);
    while (!atomic_load(&index->stopping)) {
        if (merge_wanted(index, &plan)) {
            merge(index, &plan);
        } else if (index->retired != NULL) {
            free_retired(index);
        } else {
            pthread_cond_broadcast(&index->changed);
            pthread_cond_wait(&index->changed, &index->lock);
        }
    }
    pthread_mutex_unlock(&index->lock);
    return NULL;
}

void merger_wake(struct index *index)
{
    index->stuck = false;
    if (!index->started)
        index->started = pthread_create(&index->merger, NULL, merger_thread, index) == 0;
    pthread_cond_broadcast(&index->changed);
}

void merger_stop(struct index *index)
{
    pthread_mutex_lock(&index->lock);
    atomic_store(&index->stopping, true);
    bool started = index->started;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    if (started)
        pthread_join(index->merger, NULL);
}

void index_settle(struct index *index)
{
    struct merge_plan plan;
    pthread_mutex_lock(&index->lock);
    while (index->started &&
           (index->merging || index->retired != NULL || merge_wanted(index, &plan)))
        pthread_cond_wait(&index->changed, &index->lock);
    pthread_mutex_unlock(&index->lock);
}
