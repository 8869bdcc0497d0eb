#include "tools/scan/match_offline.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 64, SHARE = 64 /* contents that a thread takes at a time */ };

/* Shared by the threads, under the lock. */
struct matching_all {
    const struct match_config *config;
    pthread_mutex_t lock;
    int64_t after; /* contents up to this number are taken */
    bool ended;    /* none is left, or a thread cannot go on */
    struct err failure;
    unsigned n;
    struct looker {
        struct matching_all *all;
        pthread_t thread;
        int64_t from; /* contents up to this number are done, as far as they are this thread's;
                       * INT64_MAX: it has none in hand */
        struct offline_found found;
    } looker[THREADS_MAX];
};

/*
 * What lists answer is no generation of a service: it is kept as 0, from which a service is asked
 * for everything.
 */
enum rc match_offline_one(const struct match_config *config, const struct state_asked *asked,
                          struct offline_found *found, struct err *err)
{
    TRY(offline_find(config->offline, asked, found, err));
    TRY(state_put_hits(config->state, asked->content, 0, true, found->hit, found->n, err));
    atomic_fetch_add(&config->counts->asked, 1);
    atomic_fetch_add(&config->counts->matched, found->n > 0 ? 1 : 0);
    return RC_OK;
}

struct share {
    size_t n;
    struct state_asked asked[SHARE];
};

static void share_clear(struct share *share)
{
    for (size_t i = 0; i < share->n; i++)
        state_asked_clear(&share->asked[i]);
    share->n = 0;
}

/* The next contents, in their order; fewer than SHARE at the end. */
static enum rc read_share(struct matching_all *all, struct share *share, struct err *err)
{
    bool found = true;
    while (share->n < SHARE && found) {
        struct state_asked *next = &share->asked[share->n];
        TRY(state_next_asked(all->config->state, all->after, false, next, &found, err));
        if (!found)
            break;
        all->after = next->content;
        share->n++;
    }
    return RC_OK;
}

/* With the lock held: a rematch that is stopped goes on where every thread is done. */
static enum rc note_place(struct matching_all *all, struct err *err)
{
    int64_t done = all->after;
    for (unsigned i = 0; i < all->n; i++)
        done = all->looker[i].from < done ? all->looker[i].from : done;
    return state_rematch_at(all->config->state, done, false, err);
}

static enum rc take_share(struct looker *l, struct share *share, struct err *err)
{
    struct matching_all *all = l->all;
    enum rc rc = RC_OK;

    pthread_mutex_lock(&all->lock);
    l->from = INT64_MAX;
    if (!all->ended) {
        int64_t from = all->after;
        rc = read_share(all, share, err);
        if (share->n > 0)
            l->from = from;
        all->ended = share->n == 0;
        if (rc == RC_OK)
            rc = note_place(all, err);
    }
    pthread_mutex_unlock(&all->lock);
    return rc;
}

static enum rc look_all(struct looker *l, struct share *share, struct err *err)
{
    const struct match_config *config = l->all->config;
    for (;;) {
        share_clear(share);
        TRY(take_share(l, share, err));
        if (share->n == 0)
            return RC_OK;
        for (size_t i = 0; i < share->n; i++) {
            if (atomic_load(config->stop))
                FAIL(err, RC_BUSY, "stopped");
            TRY(match_offline_one(config, &share->asked[i], &l->found, err));
        }
    }
}

static void *run(void *ctx)
{
    struct looker *l = ctx;
    struct share *share = calloc(1, sizeof *share);
    struct err err;
    enum rc rc = share != NULL ? look_all(l, share, &err)
                               : err_set(&err, RC_NOMEM, HERE, "no memory for a search");

    if (share != NULL)
        share_clear(share);
    free(share);
    if (rc == RC_OK)
        return NULL;
    pthread_mutex_lock(&l->all->lock);
    if (l->all->failure.rc == RC_OK)
        l->all->failure = err;
    l->all->ended = true;
    pthread_mutex_unlock(&l->all->lock);
    return NULL;
}

/* With fewer threads than were asked for, where the machine gives no more. */
static enum rc run_threads(struct matching_all *all, unsigned threads, struct err *err)
{
    pthread_mutex_lock(&all->lock); /* `n` is read by those that run */
    for (; all->n < threads; all->n++) {
        struct looker *l = &all->looker[all->n];
        l->all = all;
        l->from = all->after;
        errno = pthread_create(&l->thread, NULL, run, l);
        if (errno != 0)
            break;
    }
    int why = errno;
    unsigned n = all->n;
    pthread_mutex_unlock(&all->lock);
    for (unsigned i = 0; i < n; i++)
        pthread_join(all->looker[i].thread, NULL);
    return n > 0 ? RC_OK : err_set_sys(err, why, HERE, "cannot start a thread");
}

enum rc match_offline_all(const struct match_config *config, int64_t after, struct err *err)
{
    SCOPED(mem_free) struct matching_all *all = calloc(1, sizeof *all);
    if (all == NULL)
        FAIL(err, RC_NOMEM, "no memory for a search");
    all->config = config;
    all->after = after;
    pthread_mutex_init(&all->lock, NULL);
    enum rc rc =
        run_threads(all, config->jobs < THREADS_MAX ? config->jobs : (unsigned)THREADS_MAX, err);
    pthread_mutex_destroy(&all->lock);
    TRY(rc);
    if (all->failure.rc != RC_OK) {
        *err = all->failure;
        return err->rc;
    }
    return state_rematch_at(config->state, all->after, true, err);
}
