#include "service/follower.h"

#include <stdlib.h>
#include <time.h>

#include "hashing/base/clock.h"
#include "service/log.h"
#include "service/long_check.h"

enum {
    REPEAT_S = 60,  /* a lasting failure is logged so often */
    FORGET_S = 3600 /* old answers are removed so often */
};

struct follower {
    struct service *service;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

/* Whether to go on. */
static bool wait_turn(struct follower *f)
{
    struct timespec until;
    int64_t at = clock_mono_ns() + f->service->config->follow_ms * 1000000;

    until.tv_sec = at / 1000000000;
    until.tv_nsec = at % 1000000000;
    pthread_mutex_lock(&f->lock);
    while (!f->stopping && pthread_cond_timedwait(&f->wake, &f->lock, &until) == 0)
        continue;
    bool go_on = !f->stopping;
    pthread_mutex_unlock(&f->lock);
    return go_on;
}

/* Answers to long checks that nobody may ask for any more; a failure waits for the next turn. */
static void forget(struct service *service, int64_t *last_ns)
{
    struct err err;
    if (clock_mono_ns() - *last_ns < (int64_t)FORGET_S * 1000000000)
        return;
    *last_ns = clock_mono_ns();
    if (long_checks_forget(service, &err) != RC_OK)
        log_err(LOG_WARNING, "cannot forget old checks", &err);
}

static void *follower_thread(void *arg)
{
    struct follower *f = arg;
    int64_t logged_ns = 0; /* of the failure that lasts, 0 while all is well */
    int64_t forgot_ns = clock_mono_ns();
    struct err err;

    pthread_setname_np(pthread_self(), "follower");
    while (wait_turn(f)) {
        forget(f->service, &forgot_ns);
        if (service_follow(f->service, &err) == RC_OK) {
            if (logged_ns != 0)
                log_line(LOG_INFO, "store", "follows again");
            logged_ns = 0;
        } else if (logged_ns == 0 || clock_mono_ns() - logged_ns > (int64_t)REPEAT_S * 1000000000) {
            log_err(LOG_ERROR, "cannot follow the store; serving what is in memory", &err);
            logged_ns = clock_mono_ns();
        }
    }
    return NULL;
}

enum rc follower_new(struct service *service, struct follower **ret, struct err *err)
{
    SCOPED(follower_free) struct follower *f = calloc(1, sizeof *f);
    pthread_condattr_t attr;

    if (f == NULL)
        FAIL(err, RC_NOMEM, "follower");
    f->service = service;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f->wake, &attr);
    pthread_condattr_destroy(&attr);
    int failed = pthread_create(&f->thread, NULL, follower_thread, f);
    if (failed != 0)
        return err_set_sys(err, failed, HERE, "follower: thread");
    f->started = true;
    *ret = TAKE(f);
    return RC_OK;
}

void follower_free(struct follower *f)
{
    if (f == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    if (f->started)
        pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
