#include "hashing/base/clock.h"
#include "service/http_internal.h"
#include "service/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SEND_MS = 60000,         /* for an answer, plus its size at min_rate */
    WARNINGS_MAX = 20,       /* lines about failed requests in one second */
    LARGE_BODY = 256 * 1024, /* of JSON or a list: read into many times as much */
};

static struct http *http_of(const struct exchange *ex)
{
    return ex->from->http;
}

void exchange_fail(struct exchange *ex, unsigned status, const struct err *err)
{
    if (status != 0)
        reply_problem_status(&ex->rq.reply, status, err->msg, ex->rq.id);
    else
        reply_problem(&ex->rq.reply, err, ex->rq.id, NULL);
}

/* What the caller is not told must stand in the log. */
static void log_inner(const struct err *err)
{
    if (err->rc == RC_SYS || err->rc == RC_STORE || err->rc == RC_NOMEM)
        log_err(LOG_ERROR, "request failed", err);
}

void exchange_drop(struct exchange *ex)
{
    if (ex == NULL || atomic_fetch_sub(&ex->holders, 1) > 1)
        return;
    body_drop(&ex->body);
    query_clear(&ex->rq.query);
    reply_clear(&ex->rq.reply);
    free(ex->target);
    free(ex);
}

static void answer_early(struct request *rq)
{
    struct exchange *ex = (struct exchange *)((char *)rq - offsetof(struct exchange, rq));
    ex->answered_early = true;
    MHD_resume_connection(ex->connection);
}

/* Gives the request to the crew that can do it; RC_BUSY when that one has too much to do. */
static enum rc move_on(struct exchange *ex, struct err *err)
{
    ex->rq.crew = CREW_VIDEO;
    enum rc rc = crew_submit(http_of(ex)->service->crew[CREW_VIDEO], ex, err);
    if (rc == RC_BUSY)
        metrics_overload(http_of(ex)->service->metrics);
    return rc;
}

bool exchange_run(struct exchange *ex, unsigned member)
{
    struct service *service = http_of(ex)->service;
    struct request *rq = &ex->rq;
    struct err err = {0};

    enum rc rc = rq->route->handler(service, rq, member, &err);
    if (rq->route->body != BODY_MEDIA && rq->body.n >= LARGE_BODY)
        atomic_store(&service->was_large, true);
    if (rc == RC_ELSEWHERE && (rc = move_on(ex, &err)) == RC_OK)
        return false;
    if (ex->answered_early) {
        body_drop(&ex->body);
        return true;
    }
    if (rc == RC_OK && rq->reply.status == 0)
        rc = err_set(&err, RC_SYS, HERE, "%s: the handler gave no answer", rq->route->pattern);
    if (rc != RC_OK) {
        err.rc = rc;
        log_inner(&err);
        exchange_fail(ex, 0, &err);
    }
    rq->body = bytes_of(NULL, 0);
    rq->body_fd = -1;
    body_drop(&ex->body);
    return true;
}

void http_work(void *ctx, unsigned member, void *item)
{
    struct exchange *ex = item;
    struct MHD_Connection *connection = ex->connection;
    struct err err;
    (void)ctx;

    ex->rq.answer_early = answer_early;
    if (atomic_load(&http_of(ex)->service->abandoning)) {
        err_set(&err, RC_BUSY, HERE, "the service is stopping; try again");
        ex->rq.reply.close = true;
        exchange_fail(ex, 0, &err);
        body_drop(&ex->body);
    } else if (!exchange_run(ex, member)) {
        return; /* another crew's now */
    }
    if (!ex->answered_early)
        MHD_resume_connection(connection);
    exchange_drop(ex);
}

/* A flood of failures must not become a flood of lines. */
static bool may_warn(struct http *http)
{
    long long now = clock_mono_ns() / 1000000000;
    if (atomic_exchange(&http->log_second, now) != now)
        atomic_store(&http->log_count, 0);
    return atomic_fetch_add(&http->log_count, 1) < WARNINGS_MAX;
}

/* The route's number for the metrics; none: METRICS_ROUTES, "other". */
static unsigned route_number(const struct route *route)
{
    return route != NULL ? (unsigned)(route - routes) : METRICS_ROUTES;
}

/* The pattern, not the path; never the query: it may hold hashes. */
static void account(struct exchange *ex)
{
    struct http *http = http_of(ex);
    const struct route *route = ex->rq.route;
    const char *pattern = route != NULL ? route->pattern : NULL;
    unsigned status = ex->rq.reply.status;
    int64_t ns = clock_mono_ns() - ex->rq.started_ns;

    metrics_request(http->service->metrics, route_number(route), pattern, status, ns);
    enum log_level level = status >= 500 ? LOG_WARNING : LOG_DEBUG;
    if (level == LOG_WARNING && !may_warn(http))
        return;
    log_line(level, "request", "%s %s status=%u ms=%lld request_id=%s key=%s", ex->method,
             pattern != NULL ? pattern : "-", status, (long long)(ns / 1000000), ex->rq.id,
             ex->rq.caller.id);
}

/* Takes the reply's body.  *ret_size: for the deadline. */
static struct MHD_Response *make_response(struct reply *reply, uint64_t *ret_size)
{
    struct MHD_Response *response;
    struct stat st;

    if (reply->fd >= 0) {
        if (fstat(reply->fd, &st) != 0 || st.st_size < 0)
            return NULL;
        *ret_size = (uint64_t)st.st_size;
        response = MHD_create_response_from_fd64(*ret_size, reply->fd);
        if (response != NULL)
            reply->fd = -1;
        return response;
    }
    *ret_size = reply->length;
    response = MHD_create_response_from_buffer(reply->body != NULL ? reply->length : 0, reply->body,
                                               MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        reply->body = NULL;
    return response;
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || value[0] == '\0' ||
           MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *response, const struct exchange *ex)
{
    const struct reply *reply = &ex->rq.reply;
    char retry[16] = "";

    if (reply->retry_after > 0)
        snprintf(retry, sizeof retry, "%d", reply->retry_after);
    return add(response, "Content-Type", reply->content_type) &&
           add(response, "X-Request-Id", ex->rq.id) && add(response, "Retry-After", retry) &&
           add(response, "Allow", reply->allow) && add(response, "Location", reply->location) &&
           add(response, "WWW-Authenticate", reply->status == 401 ? "Bearer" : "") &&
           add(response, "Cache-Control", "no-store") &&
           add(response, "X-Content-Type-Options", "nosniff") &&
           add(response, "Connection", reply->close ? "close" : "");
}

enum MHD_Result exchange_answer(struct exchange *ex)
{
    const struct config *config = http_of(ex)->service->config;
    uint64_t size = 0;

    ex->stage = STAGE_QUEUED;
    account(ex);
    struct MHD_Response *response = make_response(&ex->rq.reply, &size);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_NO;
    if (add_headers(response, ex)) {
        uint64_t rate = config->min_rate > 0 ? config->min_rate : 1;
        peer_deadline(ex->peer, clock_mono_ns() + (int64_t)SEND_MS * 1000000 +
                                    (int64_t)(size / rate) * 1000000000);
        queued = MHD_queue_response(ex->connection, ex->rq.reply.status, response);
    }
    MHD_destroy_response(response);
    return queued;
}
