#include "service/run.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "service/follower.h"
#include "service/http.h"
#include "service/log.h"
#include "service/long_check.h"
#include "service/notify.h"
#include "service/service.h"
#include "service/snapshots.h"

enum {
    LOOKUP_THREADS = 4, /* at most, and no more than processors */
    DESK_THREADS = 4
};

/* --- the process --- */

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

/* The list is as sensitive as the pictures: it must reach neither core files nor debuggers. */
static enum rc harden(struct err *err)
{
    const struct rlimit none = {0, 0};
    sigset_t set = stop_signals();

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        FAIL_SYS(err, "start: PR_SET_DUMPABLE");
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        FAIL_SYS(err, "start: RLIMIT_CORE");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        FAIL_SYS(err, "start: SIGPIPE");
    /* Before any thread: all inherit it, and main waits for them. */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        FAIL(err, RC_SYS, "start: cannot block signals");
    return RC_OK;
}

static unsigned processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

/* --- workers --- */

static unsigned workers(unsigned configured)
{
    unsigned n = configured > 0 ? configured : processors();
    return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static enum rc start_workers(struct service *service, struct err *err)
{
    const struct config *config = service->config;

    TRY(decoder_programs_find(config, &service->programs, err));
    service->n_workers = workers(config->workers);
    service->n_video_workers = workers(config->video_workers);
    for (unsigned i = 0; i < service->n_workers; i++)
        TRY(decoders_start(&service->media[i], &service->programs, false, err));
    for (unsigned i = 0; i < service->n_video_workers; i++)
        TRY(decoders_start(&service->video[i], &service->programs, true, err));
    return RC_OK;
}

static void keep_media(void *ctx, unsigned member)
{
    struct service *service = ctx;
    decoders_upkeep(&service->media[member]);
}

static void keep_video(void *ctx, unsigned member)
{
    struct service *service = ctx;
    decoders_upkeep(&service->video[member]);
}

/* --- what is in memory --- */

/*
 * malloc keeps what a large request leaves behind, in an arena for each thread: ten thousand
 * signals 15 MiB, an import a hundred.  It goes back to the system when nobody waits.
 */
static void give_memory_back(void *ctx, unsigned member)
{
    struct service *service = ctx;
    (void)member;
    if (atomic_exchange(&service->was_large, false))
        malloc_trim(0);
}

static enum rc load(struct service *service, struct err *err)
{
    const struct config *config = service->config;
    const char *disagreed = NULL;

    log_line(LOG_INFO, "index", "kernel=%s", ham_self_test(&disagreed));
    if (disagreed != NULL)
        log_line(LOG_WARNING, "index", "kernel %s gave wrong distances and is not used", disagreed);
    log_line(LOG_INFO, "index", "sieve=%s", sift_self_test(&disagreed));
    if (disagreed != NULL)
        log_line(LOG_WARNING, "index", "sieve %s passed the wrong ones and is not used", disagreed);
    service->metrics = metrics_new();
    if (service->metrics == NULL)
        FAIL(err, RC_NOMEM, "metrics");
    TRY(store_open(config->database, &service->store, err));
    TRY(keyring_new(config->rate, config->burst, &service->keys, err));
    TRY(keyring_load(service->keys, service->store, err));
    TRY(snapshots_load(service, err));
    return blocklist_healthy(service->list, err);
}

static enum rc start_crews(struct service *service, struct err *err)
{
    unsigned cpus = processors();
    unsigned queue = service->config->queue;
    unsigned lookup = cpus < LOOKUP_THREADS ? cpus : LOOKUP_THREADS;

    TRY(crew_new("media", service->n_workers, queue, http_work, service, &service->crew[CREW_MEDIA],
                 err));
    TRY(crew_new("video", service->n_video_workers, queue, http_work, service,
                 &service->crew[CREW_VIDEO], err));
    crew_when_idle(service->crew[CREW_MEDIA], keep_media);
    crew_when_idle(service->crew[CREW_VIDEO], keep_video);
    TRY(crew_new("lookup", lookup, queue, http_work, service, &service->crew[CREW_LOOKUP], err));
    TRY(crew_new("desk", DESK_THREADS, queue, http_work, service, &service->crew[CREW_DESK], err));
    crew_when_idle(service->crew[CREW_LOOKUP], give_memory_back);
    crew_when_idle(service->crew[CREW_DESK], give_memory_back);
    return RC_OK;
}

/* --- life --- */

static void stop_crews(struct service *service)
{
    for (int kind = CREW_NONE + 1; kind < CREWS; kind++)
        if (service->crew[kind] != NULL)
            crew_stop(service->crew[kind]);
}

/* The crews go last of all that serves: until http is gone a request may still knock. */
static void service_free(struct service *service)
{
    stop_crews(service);
    http_free(service->http);
    for (int kind = CREW_NONE + 1; kind < CREWS; kind++)
        crew_free(service->crew[kind]);
    for (unsigned i = 0; i < service->n_workers; i++)
        decoders_clear(&service->media[i]);
    for (unsigned i = 0; i < service->n_video_workers; i++)
        decoders_clear(&service->video[i]);
    blocklist_free(service->list);
    keyring_free(service->keys);
    store_free(service->store);
    metrics_free(service->metrics);
    config_free(service->config);
    pthread_mutex_destroy(&service->follow_lock);
    free(service);
}
SCOPED_DEFINE(service_free, struct service *)

static void wait_for_signal(void)
{
    sigset_t set = stop_signals();
    int number = 0;

    while (sigwait(&set, &number) != 0)
        continue;
    log_line(LOG_INFO, "stopping", "signal=%s", strsignal(number));
}

static enum rc service_new(struct config *config, struct service **ret, struct err *err)
{
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        config_free(config);
        FAIL(err, RC_NOMEM, "service");
    }
    service->config = config;
    pthread_mutex_init(&service->follow_lock, NULL);
    *ret = service;
    return RC_OK;
}

enum rc run_service(struct config *config, struct err *err)
{
    SCOPED(service_free) struct service *service = NULL;
    SCOPED(snapshots_free) struct snapshots *snapshots = NULL;
    SCOPED(follower_free) struct follower *follower = NULL;
    struct http *http = NULL; /* the service's */

    TRY(service_new(config, &service, err));
    log_setup((enum log_level)config->log_level, config->log_json);
    TRY(harden(err));
    json_object_seed(0); /* before threads could race for it */
    TRY(start_workers(service, err));
    TRY(load(service, err));
    TRY(long_checks_begin(service, err));
    TRY(start_crews(service, err));
    TRY(http_start(service, &http, err));
    service->http = http;
    TRY(follower_new(service, &follower, err));
    TRY(snapshots_new(service, &snapshots, err));
    atomic_store(&service->ready, true);
    log_line(LOG_INFO, "ready", "version=%s workers=%u generation=%llu", HASHGATE_VERSION,
             service->n_workers, (unsigned long long)blocklist_generation(service->list));
    notify_manager("READY=1");

    wait_for_signal();
    notify_manager("STOPPING=1");
    http_quiesce(service->http);
    stop_crews(service);
    return RC_OK;
}
