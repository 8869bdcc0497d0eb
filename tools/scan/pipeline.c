#include "tools/scan/pipeline.h"

#include <pthread.h>
#include <string.h>
#include <sys/queue.h>

/*
 * What may be read ahead: enough that no thread waits for the disk, and not more than a small
 * machine has.  One file alone may be larger.
 */
enum { AHEAD_PER_JOB = 8, WAIT_MS = 100 };
static const uint64_t ahead_bytes = 256ull << 20;

/* A file that was read. */
struct job {
    STAILQ_ENTRY(job) next;
    struct pipeline_as as;
    bool member;
    struct source_identity identity;
    int memfd;
    uint64_t length;
    size_t name_n;
    char name[]; /* name_n bytes */
};
STAILQ_HEAD(jobs, job);

/* A content that a thread is hashing, and the files that wait for it. */
struct claim {
    LIST_ENTRY(claim) next;
    uint8_t sha256[32];
    struct jobs waiting;
};

struct pipeline {
    struct pipeline_config config;
    struct pipeline_counts counts;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct jobs queue;
    unsigned queued, running; /* jobs; those whose thread has not put them into the state yet */
    uint64_t bytes;           /* of queued and running ones */
    bool closed;              /* nothing more comes */
    LIST_HEAD(, claim) claims;
    struct err failure; /* the first, when rc is not RC_OK */
    unsigned n_threads;
    pthread_t thread[PIPELINE_JOBS_MAX];
};

static void job_free(struct job *job)
{
    if (job == NULL)
        return;
    if (job->memfd >= 0)
        close(job->memfd);
    free(job);
}
SCOPED_DEFINE(job_free, struct job *)

static void jobs_clear(struct jobs *jobs)
{
    while (!STAILQ_EMPTY(jobs)) {
        struct job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, next);
        job_free(job);
    }
}

static bool stopped(const struct pipeline *p)
{
    return atomic_load(p->config.stop);
}

/* With the lock held: until something changed, or it is time to look whether to stop. */
static void wait_change(struct pipeline *p)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000l;
    until.tv_sec += until.tv_nsec / 1000000000l;
    until.tv_nsec %= 1000000000l;
    pthread_cond_timedwait(&p->changed, &p->lock, &until);
}

/* The scan cannot go on: notes the first reason, and stops everything. */
static void fail(struct pipeline *p, const struct err *err)
{
    pthread_mutex_lock(&p->lock);
    if (p->failure.rc == RC_OK && !stopped(p))
        p->failure = *err;
    pthread_mutex_unlock(&p->lock);
    atomic_store(p->config.stop, true);
    pthread_cond_broadcast(&p->changed);
}

static enum rc put_file(struct pipeline *p, const struct job *job, int64_t content, struct err *err)
{
    const struct state_file file = {.name = bytes_of(job->name, job->name_n),
                                    .root = job->as.root,
                                    .identity = &job->identity,
                                    .content = content,
                                    .reason = "",
                                    .member = job->member,
                                    .container = job->as.container};
    TRY(state_put_file(p->config.state, &file, err));
    if (job->as.waiting != NULL)
        atomic_fetch_sub(job->as.waiting, 1);
    return RC_OK;
}

/*
 * Whose content it is: known (*ret_content), being hashed by another thread (*job is handed over
 * to that one's claim), or this thread's (*ret_claim).  What is known is looked up under the lock,
 * for a claim goes only after its content is known.
 */
static enum rc claim(struct pipeline *p, struct job **job, const uint8_t sha256[32],
                     int64_t *ret_content, struct claim **ret_claim, struct err *err)
{
    struct claim *c;
    enum rc rc = RC_OK;

    pthread_mutex_lock(&p->lock);
    LIST_FOREACH(c, &p->claims, next)
    if (memcmp(c->sha256, sha256, sizeof c->sha256) == 0)
        break;
    if (c != NULL) {
        close(fd_take(&(*job)->memfd));
        struct job *waiting = TAKE(*job);
        STAILQ_INSERT_TAIL(&c->waiting, waiting, next);
    } else {
        rc = state_content_find(p->config.state, sha256, p->config.trust, ret_content, err);
        if (rc == RC_OK && *ret_content == 0) {
            *ret_claim = calloc(1, sizeof **ret_claim);
            if (*ret_claim == NULL)
                rc = err_set(err, RC_NOMEM, HERE, "no memory for a medium");
        }
        if (*ret_claim != NULL) {
            memcpy((*ret_claim)->sha256, sha256, sizeof(*ret_claim)->sha256);
            STAILQ_INIT(&(*ret_claim)->waiting);
            LIST_INSERT_HEAD(&p->claims, *ret_claim, next);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* The claim is over: its content is known, or nobody will make it. */
static void unclaim(struct pipeline *p, struct claim *c, struct jobs *ret_waiting)
{
    pthread_mutex_lock(&p->lock);
    LIST_REMOVE(c, next);
    pthread_mutex_unlock(&p->lock);
    STAILQ_INIT(ret_waiting);
    STAILQ_CONCAT(ret_waiting, &c->waiting);
    free(c);
}

static enum rc put_content(struct pipeline *p, struct hasher *hasher, const struct job *job,
                           const uint8_t sha256[32], struct state_content *content,
                           int64_t *ret_number, struct err *err)
{
    TRY(hasher_run(hasher, job->memfd, job->length, content, err));
    memcpy(content->sha256, sha256, sizeof content->sha256);
    return state_put_content(p->config.state, content, ret_number, err);
}

static enum rc hash(struct pipeline *p, struct hasher *hasher, const struct job *job,
                    struct claim *c, struct err *err)
{
    struct state_content content;
    struct jobs waiting;
    int64_t number = 0;
    uint64_t files = 1;

    enum rc rc = put_content(p, hasher, job, c->sha256, &content, &number, err);
    unclaim(p, c, &waiting);
    if (rc == RC_OK)
        rc = put_file(p, job, number, err);
    const struct job *other;
    STAILQ_FOREACH(other, &waiting, next)
    {
        if (rc == RC_OK)
            rc = put_file(p, other, number, err);
        files++;
    }
    jobs_clear(&waiting);
    TRY(rc);
    atomic_fetch_add(&p->counts.hashed, 1);
    if (content.outcome == STATE_FAILED)
        atomic_fetch_add(&p->counts.failed, files);
    return RC_OK;
}

static enum rc work(struct pipeline *p, struct hasher *hasher, struct job *job_, struct err *err)
{
    SCOPED(job_free) struct job *job = job_;
    struct claim *own = NULL;
    uint8_t sha256[32];
    int64_t content = 0;

    TRY(hasher_digest(job->memfd, job->length, sha256, err));
    atomic_fetch_add(&p->counts.bytes, job->length);
    TRY(claim(p, &job, sha256, &content, &own, err));
    if (job == NULL)
        return RC_OK;
    if (own != NULL)
        return hash(p, hasher, job, own, err);
    return put_file(p, job, content, err);
}

/* The next job; NULL when there will be none. */
static struct job *next_job(struct pipeline *p)
{
    struct job *job = NULL;
    pthread_mutex_lock(&p->lock);
    while (STAILQ_EMPTY(&p->queue) && !p->closed && !stopped(p))
        wait_change(p);
    if (!STAILQ_EMPTY(&p->queue) && !stopped(p)) {
        job = STAILQ_FIRST(&p->queue);
        STAILQ_REMOVE_HEAD(&p->queue, next);
        p->queued--;
        p->running++;
    }
    pthread_mutex_unlock(&p->lock);
    return job;
}

static void *run(void *ctx)
{
    struct pipeline *p = ctx;
    SCOPED(hasher_free) struct hasher *hasher = NULL;
    struct job *job;
    struct err err;

    enum rc rc = hasher_new(p->config.programs, p->config.stop, &hasher, &err);
    while (rc == RC_OK && (job = next_job(p)) != NULL) {
        uint64_t length = job->length;
        rc = work(p, hasher, job, &err);
        pthread_mutex_lock(&p->lock);
        p->running--;
        p->bytes -= length;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    if (rc != RC_OK)
        fail(p, &err);
    return NULL;
}

enum rc pipeline_new(const struct pipeline_config *config, struct pipeline **ret, struct err *err)
{
    SCOPED(pipeline_free) struct pipeline *p = calloc(1, sizeof *p);
    pthread_condattr_t monotonic;

    if (p == NULL)
        FAIL(err, RC_NOMEM, "no memory for the scan");
    p->config = *config;
    STAILQ_INIT(&p->queue);
    LIST_INIT(&p->claims);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (; p->n_threads < config->jobs; p->n_threads++) {
        errno = pthread_create(&p->thread[p->n_threads], NULL, run, p);
        if (errno != 0)
            FAIL_SYS(err, "cannot start a thread");
    }
    *ret = TAKE(p);
    return RC_OK;
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL)
        return;
    if (p->n_threads > 0)
        atomic_store(p->config.stop, true);
    pthread_cond_broadcast(&p->changed);
    for (; p->n_threads > 0; p->n_threads--)
        pthread_join(p->thread[p->n_threads - 1], NULL);
    jobs_clear(&p->queue);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

enum rc pipeline_unread(struct pipeline *p, int64_t root, const struct source_item *item,
                        const struct err *why, struct err *err)
{
    const struct state_file file = {.name = item->name,
                                    .root = root,
                                    .identity = why->rc == RC_BUSY ? NULL : &item->identity,
                                    .reason = why->msg,
                                    .member = item->member};
    if (why->rc == RC_NOTFOUND)
        return RC_OK;
    atomic_fetch_add(&p->counts.failed, 1);
    if (!item->member)
        TRY(state_keep_under(p->config.state, root, item->name, err));
    return state_put_file(p->config.state, &file, err);
}

static enum rc queue(struct pipeline *p, struct job *job, struct err *err)
{
    pthread_mutex_lock(&p->lock);
    while (!stopped(p) && (p->queued >= AHEAD_PER_JOB * p->config.jobs ||
                           (p->bytes > 0 && p->bytes + job->length > ahead_bytes)))
        wait_change(p);
    bool go = !stopped(p);
    if (go) {
        if (job->as.waiting != NULL)
            atomic_fetch_add(job->as.waiting, 1);
        STAILQ_INSERT_TAIL(&p->queue, job, next);
        p->queued++;
        p->bytes += job->length;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    if (go)
        return RC_OK;
    job_free(job);
    FAIL(err, RC_BUSY, "stopped");
}

enum rc pipeline_take(struct pipeline *p, const struct pipeline_as *as, struct source_item *item,
                      struct err *err)
{
    const uint64_t max = (uint64_t)PIPELINE_FILE_MAX_GIB << 30;
    SCOPED(job_free) struct job *job = malloc(sizeof *job + item->name.n);
    struct err why;

    if (job == NULL)
        FAIL(err, RC_NOMEM, "no memory for a file");
    *job = (struct job){.as = *as, .member = item->member, .memfd = -1, .name_n = item->name.n};
    memcpy(job->name, item->name.p, item->name.n);
    if (item->load(item, max, &job->memfd, &job->length, &why) != RC_OK) {
        if (stopped(p))
            FAIL(err, RC_BUSY, "stopped");
        return pipeline_unread(p, as->root, item, &why, err);
    }
    job->identity = item->identity;
    return queue(p, TAKE(job), err);
}

void pipeline_count_failed(struct pipeline *p)
{
    atomic_fetch_add(&p->counts.failed, 1);
}

void pipeline_drain(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->queued + p->running > 0 && !stopped(p))
        wait_change(p);
    pthread_mutex_unlock(&p->lock);
}

enum rc pipeline_finish(struct pipeline *p, struct err *err)
{
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (; p->n_threads > 0; p->n_threads--)
        pthread_join(p->thread[p->n_threads - 1], NULL);
    if (p->failure.rc == RC_OK)
        return RC_OK;
    *err = p->failure;
    return err->rc;
}

const struct pipeline_counts *pipeline_counts(const struct pipeline *p)
{
    return &p->counts;
}
