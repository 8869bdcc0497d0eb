/* Is it alive, is it ready, how is it doing, what can it do. */
#include "service/ask.h"
#include "service/handlers.h"
#include "service/http.h"
#include "service/openapi.h"
#include "service/service.h"

enum rc health_alive(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)service, (void)member;
    return answer_json(rq, 200, json_pack("{s:s}", "status", "alive"), err);
}

/* A worker that died is replaced with the next job, if its program is still there. */
static enum rc workers_check(const struct service *service, struct err *err)
{
    const char *const programs[] = {service->programs.picture_path, service->programs.clip_path};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (access(programs[i], X_OK) != 0)
            FAIL(err, RC_BUSY, "not ready: %s cannot be started", programs[i]);
    return RC_OK;
}

enum rc health_ready(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    struct err inner;

    if (atomic_load(&service->stopping))
        FAIL(err, RC_BUSY, "not ready: stopping");
    if (!atomic_load(&service->ready))
        FAIL(err, RC_BUSY, "not ready: the block-list is being loaded");
    TRY(blocklist_healthy(service->list, err));
    TRY(workers_check(service, err));
    if (store_ping(service->store, &inner) != RC_OK)
        FAIL(err, RC_BUSY, "not ready: the database cannot be reached");
    return answer_json(rq, 200,
                       json_pack("{s:s, s:I}", "status", "ready", "generation",
                                 (json_int_t)blocklist_generation(service->list)),
                       err);
}

static void add_worker(struct metrics_gauges *g, const struct worker_host *worker)
{
    struct worker_stats one;
    worker_host_stats(worker, &one);
    g->workers.spawned += one.spawned;
    g->workers.crashed += one.crashed;
    g->workers.timed_out += one.timed_out;
    g->workers.lied += one.lied;
    g->workers.jobs += one.jobs;
    g->workers_up += worker_host_pid(worker) > 0;
}

static struct metrics_gauges gauges_read(const struct service *service)
{
    const struct index *index = blocklist_index(service->list);
    const struct digests *digests = blocklist_digests(service->list);
    struct metrics_gauges g = {.generation = blocklist_generation(service->list),
                               .signals = index_count(index),
                               .entries_memory = index_memory(index),
                               .connections = http_connections(service->http)};

    for (int t = 0; t < DIGEST_TYPES; t++)
        g.signals += digests_count(digests, (enum digest_type)t);
    for (int c = 0; c < CREWS; c++) {
        if (service->crew[c] == NULL)
            continue;
        g.queued += crew_queued(service->crew[c]);
        g.in_flight += crew_running(service->crew[c]);
    }
    for (unsigned i = 0; i < service->n_workers; i++)
        add_worker(&g, service->media[i].picture);
    for (unsigned i = 0; i < service->n_video_workers; i++) {
        add_worker(&g, service->video[i].picture);
        add_worker(&g, service->video[i].clip);
    }
    return g;
}

enum rc health_metrics(struct service *service, struct request *rq, unsigned member,
                       struct err *err)
{
    (void)member;
    struct metrics_gauges gauges = gauges_read(service);
    size_t length;
    char *text = metrics_text(service->metrics, &gauges, &length);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "metrics");
    reply_text(&rq->reply, 200, "text/plain; version=0.0.4; charset=utf-8", text, length);
    return RC_OK;
}

enum rc health_openapi(struct service *service, struct request *rq, unsigned member,
                       struct err *err)
{
    (void)service, (void)member;
    return reply_static(&rq->reply, 200, "application/json", openapi_json, openapi_json_length,
                        err);
}
