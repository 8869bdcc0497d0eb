#include "tools/scan/match_share.h"

#include <pthread.h>
#include <stdlib.h>

/* What the threads have in common, under the lock. */
struct sharing {
    struct state *state;
    pthread_mutex_t lock;
    int64_t after; /* contents up to this number are given out */
    bool ended;    /* none is left, or a thread cannot go on */
    struct err failure;
    unsigned n;
    struct thread {
        struct sharing *all;
        const struct match_sharer *sharer;
        pthread_t thread;
        int64_t done; /* of what this one has taken, all up to this number; INT64_MAX: all */
    } thread[MATCH_SHARERS_MAX];
};

static void share_clear(struct match_share *share)
{
    for (size_t i = 0; i < share->n; i++)
        state_asked_clear(&share->asked[i]);
    share->n = 0;
}

/* With the lock held: up to where every thread is done. */
static enum rc note_place(struct sharing *all, struct err *err)
{
    int64_t done = all->after;
    for (unsigned i = 0; i < all->n; i++)
        done = all->thread[i].done < done ? all->thread[i].done : done;
    return state_rematch_at(all->state, done, false, err);
}

static enum rc read_share(struct thread *t, struct match_share *share, struct err *err)
{
    struct sharing *all = t->all;
    TRY(state_next_asked(all->state, all->after, false, share->asked, MATCH_SHARE, &share->n, err));
    share->after = all->after;
    if (share->n == 0) {
        all->ended = true;
        return RC_OK;
    }
    all->after = share->last = share->asked[share->n - 1].content;
    t->done = t->done < share->after ? t->done : share->after;
    return note_place(all, err);
}

/* share->n is 0 when there are none, or a thread cannot go on. */
static enum rc next_share(struct thread *t, struct match_share *share, struct err *err)
{
    enum rc rc = RC_OK;
    int64_t waiting = t->sharer->waiting(t->sharer->own);

    pthread_mutex_lock(&t->all->lock);
    t->done = waiting > 0 ? waiting - 1 : INT64_MAX;
    if (!t->all->ended)
        rc = read_share(t, share, err);
    pthread_mutex_unlock(&t->all->lock);
    return rc;
}

static enum rc go_through(struct thread *t, struct match_share *share, struct err *err)
{
    for (;;) {
        TRY(next_share(t, share, err));
        if (share->n == 0)
            return t->sharer->finish(t->sharer->own, err);
        TRY(t->sharer->take(t->sharer->own, share, err));
        share_clear(share);
    }
}

static void *run(void *ctx)
{
    struct thread *t = ctx;
    struct match_share *share = calloc(1, sizeof *share);
    struct err err;
    enum rc rc = share != NULL ? go_through(t, share, &err)
                               : err_set(&err, RC_NOMEM, HERE, "no memory for a search");

    if (share != NULL)
        share_clear(share);
    free(share);
    if (rc == RC_OK)
        return NULL;
    pthread_mutex_lock(&t->all->lock);
    if (t->all->failure.rc == RC_OK)
        t->all->failure = err;
    t->all->ended = true;
    pthread_mutex_unlock(&t->all->lock);
    return NULL;
}

/* With fewer threads than were asked for, where the machine gives no more. */
static enum rc run_threads(struct sharing *all, const struct match_sharer *sharers, unsigned n,
                           struct err *err)
{
    pthread_mutex_lock(&all->lock); /* `n` is read by those that run */
    for (; all->n < n; all->n++) {
        struct thread *t = &all->thread[all->n];
        *t = (struct thread){.all = all, .sharer = &sharers[all->n], .done = INT64_MAX};
        errno = pthread_create(&t->thread, NULL, run, t);
        if (errno != 0)
            break;
    }
    int why = errno;
    n = all->n;
    pthread_mutex_unlock(&all->lock);
    for (unsigned i = 0; i < n; i++)
        pthread_join(all->thread[i].thread, NULL);
    return n > 0 ? RC_OK : err_set_sys(err, why, HERE, "cannot start a thread");
}

enum rc match_share(struct state *state, int64_t after, const struct match_sharer *sharers,
                    unsigned n, struct err *err)
{
    SCOPED(mem_free) struct sharing *all = calloc(1, sizeof *all);
    if (all == NULL)
        FAIL(err, RC_NOMEM, "no memory for a search");
    all->state = state;
    all->after = after;
    pthread_mutex_init(&all->lock, NULL);
    enum rc rc = run_threads(all, sharers, n < MATCH_SHARERS_MAX ? n : MATCH_SHARERS_MAX, err);
    pthread_mutex_destroy(&all->lock);
    TRY(rc);
    if (all->failure.rc != RC_OK) {
        *err = all->failure;
        return err->rc;
    }
    return state_rematch_at(state, all->after, true, err);
}
