#include "service/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/ham.h"
#include "service/follower.h"
#include "service/http.h"
#include "service/log.h"
#include "service/notify.h"
#include "service/service.h"

enum {
    WORKER_RECYCLE = 1000, /* jobs after which a worker is replaced by a fresh one */
    LOOKUP_THREADS = 4,    /* at most, and no more than processors */
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

enum rc run_find_worker(const struct config *config, char ret[RUN_PATH_SIZE], struct err *err)
{
    static const char *const places[] = {"", "../libexec/hashgate/"};
    char self[RUN_PATH_SIZE];
    char path[RUN_PATH_SIZE + 64];

    if (config->worker_program != NULL && config->worker_program[0] != '\0') {
        if (!text_copy(ret, RUN_PATH_SIZE, config->worker_program) ||
            access(config->worker_program, X_OK) != 0)
            FAIL(err, RC_INPUT, "[hashing] worker_program: cannot execute %s",
                 config->worker_program);
        return RC_OK;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        FAIL_SYS(err, "start: /proc/self/exe");
    self[n] = '\0';
    int folder = (int)(strrchr(self, '/') - self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%.*s/%shashgate-worker", folder, self, places[i]);
        if (text_copy(ret, RUN_PATH_SIZE, path) && access(path, X_OK) == 0)
            return RC_OK;
    }
    FAIL(err, RC_INPUT,
         "start: no hashgate-worker beside %s nor in ../libexec/hashgate; set [hashing] "
         "worker_program",
         self);
}

static enum rc start_workers(struct service *service, const char *program, struct err *err)
{
    const struct config *config = service->config;
    unsigned n = config->workers > 0 ? config->workers : processors();

    service->worker_config = (struct worker_config){
        .program = program,
        .timeout_ms = config->hashing_timeout_ms,
        .max_pixels = config->max_pixels,
        .memory = config->memory,
        .recycle_after = WORKER_RECYCLE,
    };
    service->n_workers = n < WORKERS_MAX ? n : WORKERS_MAX;
    for (unsigned i = 0; i < service->n_workers; i++)
        TRY(worker_host_new(&service->worker_config, &service->worker[i], err));
    return RC_OK;
}

/* --- what is in memory --- */

static enum rc load(struct service *service, struct err *err)
{
    const struct config *config = service->config;
    const char *disagreed = NULL;

    log_line(LOG_INFO, "index", "kernel=%s", ham_self_test(&disagreed));
    if (disagreed != NULL)
        log_line(LOG_WARNING, "index", "kernel %s gave wrong distances and is not used", disagreed);
    service->metrics = metrics_new();
    if (service->metrics == NULL)
        FAIL(err, RC_NOMEM, "metrics");
    TRY(store_open(config->database, &service->store, err));
    TRY(keyring_new(config->rate, config->burst, &service->keys, err));
    TRY(keyring_load(service->keys, service->store, err));
    TRY(blocklist_load(service->store, &service->list, err));
    return blocklist_healthy(service->list, err);
}

static enum rc start_crews(struct service *service, struct err *err)
{
    unsigned cpus = processors();
    unsigned queue = service->config->queue;
    unsigned lookup = cpus < LOOKUP_THREADS ? cpus : LOOKUP_THREADS;

    TRY(crew_new("media", service->n_workers, queue, http_work, service, &service->crew[CREW_MEDIA],
                 err));
    TRY(crew_new("lookup", lookup, queue, http_work, service, &service->crew[CREW_LOOKUP], err));
    return crew_new("desk", DESK_THREADS, queue, http_work, service, &service->crew[CREW_DESK],
                    err);
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
        worker_host_free(service->worker[i]);
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
    SCOPED(follower_free) struct follower *follower = NULL;
    struct http *http = NULL; /* the service's */
    char worker[RUN_PATH_SIZE];

    TRY(service_new(config, &service, err));
    log_setup((enum log_level)config->log_level, config->log_json);
    TRY(run_find_worker(config, worker, err));
    TRY(harden(err));
    json_object_seed(0); /* before threads could race for it */
    TRY(start_workers(service, worker, err));
    TRY(load(service, err));
    TRY(start_crews(service, err));
    TRY(http_start(service, &http, err));
    service->http = http;
    TRY(follower_new(service, &follower, err));
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
