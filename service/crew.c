#include "service/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hashing/base/clock.h"

enum { NAME_MAX_SHOWN = 9 }; /* of a thread's 15 characters; the rest is "-" and its number */

struct member {
    struct crew *crew;
    unsigned number;
    pthread_t thread;
};

struct crew {
    char name[16];
    crew_work *work;
    void *ctx;
    crew_idle *idle; /* NULL: nothing to do; under the lock */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    size_t head, count, size; /* ring[head .. head+count) modulo size */
    void **ring;

    atomic_size_t queued, running; /* copies for readers that must not wait */
    unsigned n_members;            /* threads that were started and not yet joined */
    struct member *members;
};

/* Whether nobody woke it up for so long. */
static bool crew_wait(struct crew *crew)
{
    int64_t end = clock_mono_ns() + (int64_t)CREW_IDLE_MS * 1000000;
    const struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    return pthread_cond_clockwait(&crew->wake, &crew->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT;
}

/* The next item, or NULL when the crew is stopping and nothing is left. */
static void *crew_next(struct crew *crew, unsigned member)
{
    void *item = NULL;

    pthread_mutex_lock(&crew->lock);
    while (crew->count == 0 && !crew->stopping) {
        crew_idle *idle = crew_wait(crew) ? crew->idle : NULL;
        if (idle == NULL || crew->count > 0 || crew->stopping)
            continue;
        /* What is submitted meanwhile wakes nobody, and is seen by the loop's condition. */
        pthread_mutex_unlock(&crew->lock);
        idle(crew->ctx, member);
        pthread_mutex_lock(&crew->lock);
    }
    if (crew->count > 0) {
        item = crew->ring[crew->head];
        crew->head = (crew->head + 1) % crew->size;
        crew->count--;
        atomic_store(&crew->queued, crew->count);
        atomic_fetch_add(&crew->running, 1);
    }
    pthread_mutex_unlock(&crew->lock);
    return item;
}

static void *crew_thread(void *arg)
{
    struct member *member = arg;
    struct crew *crew = member->crew;
    char name[16];

    snprintf(name, sizeof name, "%.*s-%u", NAME_MAX_SHOWN, crew->name, member->number % 10000);
    pthread_setname_np(pthread_self(), name);
    for (void *item; (item = crew_next(crew, member->number)) != NULL;) {
        crew->work(crew->ctx, member->number, item);
        atomic_fetch_sub(&crew->running, 1);
    }
    return NULL;
}

static enum rc crew_start(struct crew *crew, unsigned threads, struct err *err)
{
    for (unsigned i = 0; i < threads; i++) {
        struct member *member = &crew->members[i];
        *member = (struct member){.crew = crew, .number = i};
        int failed = pthread_create(&member->thread, NULL, crew_thread, member);
        if (failed != 0)
            return err_set_sys(err, failed, HERE, "crew %s: thread %u", crew->name, i);
        crew->n_members++;
    }
    return RC_OK;
}

enum rc crew_new(const char *name, unsigned threads, unsigned queue, crew_work *work, void *ctx,
                 struct crew **ret, struct err *err)
{
    SCOPED(crew_free) struct crew *crew = NULL;

    if (threads == 0 || queue == 0)
        FAIL(err, RC_INPUT, "crew %s: needs a thread and a place in its queue", name);
    crew = calloc(1, sizeof *crew);
    if (crew == NULL)
        FAIL(err, RC_NOMEM, "crew %s", name);
    snprintf(crew->name, sizeof crew->name, "%s", name);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    crew->work = work;
    crew->ctx = ctx;
    crew->size = queue;
    crew->ring = calloc(queue, sizeof *crew->ring);
    crew->members = calloc(threads, sizeof *crew->members);
    if (crew->ring == NULL || crew->members == NULL)
        FAIL(err, RC_NOMEM, "crew %s: %u threads, queue of %u", name, threads, queue);
    TRY(crew_start(crew, threads, err));

    *ret = TAKE(crew);
    return RC_OK;
}

void crew_when_idle(struct crew *crew, crew_idle *idle)
{
    pthread_mutex_lock(&crew->lock);
    crew->idle = idle;
    pthread_mutex_unlock(&crew->lock);
}

enum rc crew_submit(struct crew *crew, void *item, struct err *err)
{
    const char *why = NULL;

    pthread_mutex_lock(&crew->lock);
    if (crew->stopping) {
        why = "the service is stopping";
    } else if (crew->count == crew->size) {
        why = "too many requests are waiting";
    } else {
        crew->ring[(crew->head + crew->count) % crew->size] = item;
        crew->count++;
        atomic_store(&crew->queued, crew->count);
        pthread_cond_signal(&crew->wake);
    }
    pthread_mutex_unlock(&crew->lock);
    if (why != NULL)
        FAIL(err, RC_BUSY, "%s; try again", why);
    return RC_OK;
}

void crew_stop(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->stopping = true;
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    for (; crew->n_members > 0; crew->n_members--)
        pthread_join(crew->members[crew->n_members - 1].thread, NULL);
}

void crew_free(struct crew *crew)
{
    if (crew == NULL)
        return;
    crew_stop(crew);
    pthread_cond_destroy(&crew->wake);
    pthread_mutex_destroy(&crew->lock);
    free(crew->ring);
    free(crew->members);
    free(crew);
}

size_t crew_queued(const struct crew *crew)
{
    return atomic_load(&crew->queued);
}

size_t crew_running(const struct crew *crew)
{
    return atomic_load(&crew->running);
}
