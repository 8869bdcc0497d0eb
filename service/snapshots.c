#include "service/snapshots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "hashing/base/clock.h"
#include "service/log.h"

#define SECOND INT64_C(1000000000)

enum {
    MANY_CHANGES = 50000, /* half a second of a start */
    LAST_CHANGES = 10000, /* at the stop: worth a write */
    SHARE = 16,
    AGE_S = 3600,      /* any change is written after it */
    LOOK_S = 1,        /* how often to look */
    PAUSE_S = 60,      /* at least, between two: an import would cause one after the other */
    PAUSE_RATIO = 20,  /* and so many times as long as one takes: at most 5 % of the disk's time */
    RETRY_S = 300,     /* after a failure */
    STOP_S = 10,       /* for the last one */
    STOP_EXPECT_S = 5, /* it is not begun when the one before took longer */
    NICE = 5           /* not more: it holds the writer's lock for a moment */
};

struct snapshots {
    struct service *service;
    char *path;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under lock */
    atomic_bool cancel;

    /* The thread's. */
    int64_t changed_ns; /* when the first change was seen that is not written; 0: none */
    int64_t allowed_ns; /* when the next may be written */
    int64_t took_ns;    /* the last one; 0: none */
};

enum rc snapshot_path(const struct config *config, char **ret, struct err *err)
{
    static const char scheme[] = "sqlite:", suffix[] = ".snapshot";
    const char *wanted = config->snapshot, *end = "";
    if (strcmp(wanted, "none") == 0)
        return RC_OK;
    if (strcmp(wanted, "beside") == 0) {
        wanted = config->database;
        if (strncmp(wanted, scheme, strlen(scheme)) == 0)
            wanted += strlen(scheme);
        end = suffix;
    }
    size_t size = strlen(wanted) + strlen(end) + 1;
    char *path = malloc(size);
    if (path == NULL)
        FAIL(err, RC_NOMEM, "snapshot: no memory");
    snprintf(path, size, "%s%s", wanted, end);
    *ret = path;
    return RC_OK;
}

/* --- reading --- */

static double seconds_since(int64_t begun_ns)
{
    return (double)(clock_mono_ns() - begun_ns) / (double)SECOND;
}

static void log_origin(const struct blocklist *list, const struct blocklist_origin *origin,
                       double seconds)
{
    unsigned long long entries = blocklist_entries(list);
    if (origin->snapshot) {
        log_line(LOG_INFO, "list loaded",
                 "from=snapshot entries=%llu generation=%llu changes=%llu seconds=%.3f", entries,
                 (unsigned long long)origin->generation, (unsigned long long)origin->changes,
                 seconds);
        return;
    }
    /* That there is none yet is no fault. */
    bool fault = origin->why_rc != RC_OK && origin->why_rc != RC_NOTFOUND;
    log_line(fault ? LOG_WARNING : LOG_INFO, "list loaded",
             "from=store entries=%llu seconds=%.3f why=%s", entries, seconds,
             origin->why_rc != RC_OK ? origin->why : "no snapshot is configured");
}

enum rc snapshots_load(struct service *service, struct err *err)
{
    SCOPED(mem_free) char *path = NULL;
    struct blocklist_origin origin;
    int64_t begun_ns = clock_mono_ns();
    TRY(snapshot_path(service->config, &path, err));
    TRY(blocklist_load_from(service->store, path, service->config->small_index, &origin,
                            &service->list, err));
    log_origin(service->list, &origin, seconds_since(begun_ns));
    metrics_list_loaded(service->metrics, origin.snapshot, clock_mono_ns() - begun_ns);
    return RC_OK;
}

/* --- writing --- */

bool snapshot_due(uint64_t changes, uint64_t entries, int64_t age_ns)
{
    if (changes == 0)
        return false;
    return changes > MANY_CHANGES || changes > entries / SHARE || age_ns > AGE_S * SECOND;
}

/* Returns false when it was given up: the service stops. */
static bool write_one(struct snapshots *s)
{
    struct blocklist *list = s->service->list;
    uint64_t generation = 0, bytes = 0;
    int64_t begun_ns = clock_mono_ns();
    struct err err;
    enum rc rc = blocklist_save(list, s->path, &s->cancel, &generation, &bytes, &err);
    int64_t now_ns = clock_mono_ns();

    if (rc == RC_BUSY && atomic_load(&s->cancel)) {
        log_line(LOG_INFO, "snapshot", "given up: the service stops");
        return false;
    }
    if (rc != RC_OK) {
        log_err(LOG_WARNING, "cannot write the snapshot; it is tried again", &err);
        metrics_snapshot_failed(s->service->metrics);
        s->allowed_ns = now_ns + RETRY_S * SECOND;
        return true;
    }
    s->took_ns = now_ns - begun_ns;
    int64_t pause_ns = s->took_ns * PAUSE_RATIO;
    s->allowed_ns = now_ns + (pause_ns > PAUSE_S * SECOND ? pause_ns : PAUSE_S * SECOND);
    s->changed_ns = 0;
    metrics_snapshot(s->service->metrics, bytes, s->took_ns);
    log_line(LOG_INFO, "snapshot", "written generation=%llu bytes=%llu seconds=%.3f",
             (unsigned long long)generation, (unsigned long long)bytes,
             (double)s->took_ns / (double)SECOND);
    return true;
}

static void look(struct snapshots *s)
{
    const struct blocklist *list = s->service->list;
    uint64_t changes = blocklist_unsaved(list);
    int64_t now_ns = clock_mono_ns();
    if (changes > 0 && s->changed_ns == 0)
        s->changed_ns = now_ns;
    if (now_ns >= s->allowed_ns &&
        snapshot_due(changes, blocklist_entries(list), now_ns - s->changed_ns))
        write_one(s);
}

static void write_last(struct snapshots *s)
{
    bool soon = s->took_ns <= STOP_EXPECT_S * SECOND;
    if (soon && !atomic_load(&s->cancel) && blocklist_unsaved(s->service->list) > LAST_CHANGES)
        write_one(s);
}

/* Whether to go on. */
static bool wait_turn(struct snapshots *s)
{
    int64_t at = clock_mono_ns() + LOOK_S * SECOND;
    struct timespec until = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND};
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
        continue;
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

/* Behind all that answers: the disk only when nobody else wants it (IOPRIO_CLASS_IDLE).  Without
 * effect where it is not allowed, and nothing depends on it. */
static void be_modest(void)
{
    enum { THIS_THREAD = 1, IDLE_CLASS = 3 << 13 };
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    syscall(SYS_ioprio_set, THIS_THREAD, 0, IDLE_CLASS);
}

static void *snapshots_thread(void *arg)
{
    struct snapshots *s = arg;
    pthread_setname_np(pthread_self(), "snapshots");
    be_modest();
    do
        look(s);
    while (wait_turn(s));
    write_last(s);
    return NULL;
}

/* --- life --- */

static void init_locks(struct snapshots *s)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
}

enum rc snapshots_new(struct service *service, struct snapshots **ret, struct err *err)
{
    SCOPED(mem_free) char *path = NULL;
    TRY(snapshot_path(service->config, &path, err));
    if (path == NULL)
        return RC_OK;
    SCOPED(snapshots_free) struct snapshots *s = calloc(1, sizeof *s);
    if (s == NULL)
        FAIL(err, RC_NOMEM, "snapshots");
    s->service = service;
    s->path = TAKE(path);
    init_locks(s);
    int failed = pthread_create(&s->thread, NULL, snapshots_thread, s);
    if (failed != 0)
        return err_set_sys(err, failed, HERE, "snapshots: thread");
    s->started = true;
    *ret = TAKE(s);
    return RC_OK;
}

static void end_thread(struct snapshots *s)
{
    int64_t at = clock_mono_ns() + STOP_S * SECOND;
    struct timespec until = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND};
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &until) == 0)
        return;
    atomic_store(&s->cancel, true);
    pthread_join(s->thread, NULL);
}

void snapshots_free(struct snapshots *s)
{
    if (s == NULL)
        return;
    if (s->started)
        end_thread(s);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
}
