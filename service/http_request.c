#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "hashing/base/clock.h"
#include "hashing/base/ulid.h"
#include "service/http_foreign.h"
#include "service/http_head.h"
#include "service/http_internal.h"
#include "service/http_route.h"
#include "service/multipart.h"

enum {
    DRAIN_MS = 5000,      /* for the rest of a body that is refused already */
    CLIP_BEGINS_MS = 2000 /* for the first bytes of one that only a clip may be */
};

static int64_t in_ms(int64_t ms)
{
    return clock_mono_ns() + ms * 1000000;
}

static const struct config *config_of(const struct exchange *ex)
{
    return ex->from->http->service->config;
}

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* --- a connection begins and ends --- */

void http_on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    const struct listener *from = cls;
    struct http *http = from->http;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        peer_close(*socket_context);
        *socket_context = NULL;
        return;
    }
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *socket_context =
        peer_open(http->deadlines, fd, in_ms(http->service->config->header_timeout_ms));
    if (*socket_context == NULL)
        shutdown(fd, SHUT_RDWR); /* without a deadline it is not served */
}

/* --- a request begins and ends --- */

SCOPED_DEFINE(exchange_drop, struct exchange *)

void *http_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    SCOPED(exchange_drop) struct exchange *ex = NULL;
    struct listener *from = cls;
    struct peer *peer = peer_of(connection);

    if (target == NULL || peer == NULL)
        return NULL;
    peer_deadline_sooner(peer, in_ms(from->http->service->config->header_timeout_ms));
    peer_linger(peer, true);
    ex = calloc(1, sizeof *ex);
    if (ex == NULL)
        return NULL;
    atomic_init(&ex->holders, 1);
    ex->from = from;
    ex->connection = connection;
    ex->peer = peer;
    ex->body_may_follow = true;
    body_init(&ex->body, &from->http->budget, 0);
    reply_init(&ex->rq.reply);
    ex->rq.body_fd = -1;
    ex->rq.started_ns = clock_mono_ns();
    struct ulid id = ulid_new();
    ulid_text(&id, ex->rq.id);
    ex->target_at = (uintptr_t)target;
    ex->target = strdup(target);
    if (ex->target == NULL)
        return NULL;
    return TAKE(ex);
}

void http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code)
{
    const struct listener *from = cls;
    struct peer *peer = peer_of(connection);
    (void)code; /* also "completed" for clients that had gone: tells nothing about delivery */

    struct exchange *ex = *con_cls;
    if (ex != NULL && ex->counted)
        atomic_fetch_sub(&from->http->in_flight, 1);
    exchange_drop(ex);
    *con_cls = NULL;
    if (peer != NULL)
        peer_deadline(peer, in_ms(from->http->service->config->idle_timeout_ms +
                                  from->http->service->config->header_timeout_ms));
}

/* --- is it admitted? --- */

static enum rc read_head(struct exchange *ex, const char *method, const char *version,
                         struct head *ret, unsigned *ret_status, struct err *err)
{
    const struct head_line line = {.method = method,
                                   .version = version,
                                   .target_at = ex->target_at,
                                   .target_length = strlen(ex->target)};
    struct head head = {0};

    snprintf(ex->method, sizeof ex->method, "%s", method);
    enum rc rc = head_read(ex->connection, &line, &head, ret_status, err);
    if (head.request_id[0] != '\0')
        memcpy(ex->rq.id, head.request_id, sizeof ex->rq.id);
    TRY(rc);
    ex->body_may_follow = head_has_body(&head);
    memcpy(ex->rq.content_type, head.content_type, sizeof ex->rq.content_type);
    ex->rq.prefer_async = head.prefer_async;
    *ret = head;
    return RC_OK;
}

/* The metrics listener asks for no key, so it serves nothing else. */
static bool serves(const struct listener *from, const struct query *query)
{
    if (from->kind != LISTENER_METRICS)
        return true;
    return query->n_segments == 1 &&
           (strcmp(query->segment[0], "metrics") == 0 || strcmp(query->segment[0], "livez") == 0);
}

static enum rc find_route(struct exchange *ex, const char *method, unsigned *ret_status,
                          struct err *err)
{
    struct request *rq = &ex->rq;
    struct route_match match = {0};

    rq->reply.close = true; /* who writes such targets writes anything */
    TRY(query_parse(ex->target, &rq->query, err));
    rq->reply.close = false;
    if (serves(ex->from, &rq->query))
        route_find(routes, &rq->query, method, &match);
    if (match.route == NULL && match.allow[0] == '\0')
        FAIL(err, RC_NOTFOUND, "there is nothing at this path");
    if (match.route == NULL) {
        *ret_status = 405;
        memcpy(rq->reply.allow, match.allow, sizeof rq->reply.allow);
        FAIL(err, RC_INPUT, "this path allows %s", match.allow);
    }
    rq->route = match.route;
    rq->path_arg[0] = match.arg[0];
    rq->path_arg[1] = match.arg[1];
    return query_only(&rq->query, match.route->params, err);
}

static enum rc authenticate(struct exchange *ex, const struct head *head, struct err *err)
{
    struct request *rq = &ex->rq;

    if (ex->from->kind == LISTENER_ADMIN) {
        rq->caller = caller_admin();
        return RC_OK;
    }
    if (rq->route->scope == 0 || ex->from->kind == LISTENER_METRICS)
        return RC_OK;
    if (head->auth == HEAD_AUTH_NONE)
        FAIL(err, RC_AUTH, "a key is needed: Authorization: Bearer KEY");
    if (head->auth == HEAD_AUTH_OTHER)
        FAIL(err, RC_AUTH, "the only authorization scheme is Bearer");
    TRY(keyring_find(ex->from->http->service->keys, head->token, &rq->caller, err));
    if ((rq->caller.scopes & rq->route->scope) == 0)
        FAIL(err, RC_DENIED, "the key lacks the scope for this");
    return RC_OK;
}

/* Health and metrics are answered whatever the state. */
static enum rc check_ready(struct exchange *ex, struct err *err)
{
    const struct service *service = ex->from->http->service;

    if (ex->rq.route->scope == 0 || ex->rq.route->scope == SCOPE_METRICS)
        return RC_OK;
    if (atomic_load(&service->stopping)) {
        ex->rq.reply.close = true;
        FAIL(err, RC_BUSY, "the service is stopping; try again");
    }
    if (!atomic_load(&service->ready))
        FAIL(err, RC_BUSY, "the service is not ready yet; try again");
    return RC_OK;
}

/* /v1/match pays for each signal, in its handler. */
static enum rc spend(struct exchange *ex, struct err *err)
{
    if (ex->rq.caller.id[0] == '\0' || ex->rq.route->body == BODY_SIGNALS)
        return RC_OK;
    return keyring_spend(ex->from->http->service->keys, ex->rq.caller.id, 1, err);
}

/* A picture by its own word may not be larger than one. */
static bool says_picture(const struct exchange *ex)
{
    return strncasecmp(ex->rq.content_type, "image/", 6) == 0;
}

static uint64_t body_limit(const struct exchange *ex)
{
    const struct config *config = config_of(ex);

    switch (ex->rq.route->body) {
    case BODY_NONE:
        return 0;
    case BODY_JSON:
        return config->max_json;
    case BODY_MEDIA:
        if (config->max_video_upload <= config->max_upload || says_picture(ex))
            return config->max_upload;
        return config->max_video_upload;
    case BODY_SIGNALS:
        return config->max_upload;
    case BODY_LIST:
        return config->max_import;
    }
    return 0;
}

static enum rc check_size(struct exchange *ex, const struct head *head, struct err *err)
{
    if (!head_has_body(head))
        return RC_OK;
    if (ex->rq.route->body == BODY_NONE)
        FAIL(err, RC_INPUT, "this request takes no body");
    body_init(&ex->body, &ex->from->http->budget, body_limit(ex));
    if (ex->rq.route->body == BODY_MEDIA && !multipart_is(ex->rq.content_type))
        body_only_clips_over(&ex->body, config_of(ex)->max_upload);
    return body_expect(&ex->body, head->has_length ? head->length : 0, err);
}

static enum rc admit(struct exchange *ex, const char *method, const char *version,
                     uint64_t *ret_declared, unsigned *ret_status, struct err *err)
{
    struct head head;

    TRY(read_head(ex, method, version, &head, ret_status, err));
    TRY(find_route(ex, method, ret_status, err));
    TRY(authenticate(ex, &head, err));
    TRY(check_ready(ex, err));
    TRY(spend(ex, err));
    *ret_declared = head.has_length ? head.length : 0;
    return check_size(ex, &head, err);
}

/* --- the calls of libmicrohttpd --- */

static void overloaded(struct exchange *ex, enum rc rc)
{
    if (rc == RC_BUSY)
        metrics_overload(ex->from->http->service->metrics);
}

/*
 * A declared size that only a clip may have: its first bytes must come soon, and are looked at.
 * Who sends none is told why before the connection is closed.
 */
static void want_clip(struct exchange *ex, uint64_t declared)
{
    const struct config *config = config_of(ex);
    char words[FOREIGN_MAX], detail[128];

    if (ex->rq.route->body != BODY_MEDIA || declared <= config->max_upload ||
        multipart_is(ex->rq.content_type))
        return;
    snprintf(detail, sizeof detail, "the body is over the limit of %llu bytes for a picture",
             (unsigned long long)config->max_upload);
    if (!listener_wants_tls(ex->from) &&
        http_problem_text(413, "Content Too Large", detail, ex->rq.id, words) > 0)
        peer_last_words(ex->peer, words);
    ex->has_last_words = true;
    peer_deadline_sooner(ex->peer, in_ms(CLIP_BEGINS_MS));
}

/* Headers are there, not a byte of the body is taken. */
static enum MHD_Result on_head(struct exchange *ex, const char *method, const char *version)
{
    struct err err = {0};
    unsigned status = 0;

    uint64_t declared = 0;

    enum rc rc = admit(ex, method, version, &declared, &status, &err);
    if (rc == RC_OK) {
        ex->stage = STAGE_BODY;
        ex->counted = true;
        atomic_fetch_add(&ex->from->http->in_flight, 1);
        ex->body_began_ns = clock_mono_ns();
        peer_deadline(ex->peer, in_ms(config_of(ex)->body_timeout_ms));
        want_clip(ex, declared);
        return MHD_YES;
    }
    overloaded(ex, rc);
    exchange_fail(ex, status, &err);
    /* An answer now closes the connection: nothing that follows is read as a request.  Where
     * nothing follows, the final call answers and the connection lives on. */
    if (ex->body_may_follow)
        return exchange_answer(ex);
    ex->stage = STAGE_REFUSED;
    return MHD_YES;
}

static void on_data(struct exchange *ex, const char *data, size_t n)
{
    const struct config *config = config_of(ex);
    bool had_failed = ex->body.failed != RC_OK;

    if (ex->has_last_words)
        peer_last_words(ex->peer, NULL);
    ex->has_last_words = false;

    body_take(&ex->body, data, n);
    if (ex->body.failed == RC_OK) {
        uint64_t rate = config->min_rate > 0 ? config->min_rate : 1;
        peer_deadline(ex->peer, ex->body_began_ns + config->body_timeout_ms * 1000000 +
                                    (int64_t)(ex->body.size / rate) * 1000000000);
    } else if (!had_failed) {
        peer_deadline_sooner(ex->peer, in_ms(DRAIN_MS));
    }
}

static enum MHD_Result refuse(struct exchange *ex, const struct err *err)
{
    ex->rq.reply.close = true;
    overloaded(ex, err->rc);
    exchange_fail(ex, 0, err);
    return exchange_answer(ex);
}

/*
 * Suspended first: a crew may be done before crew_submit() returns, and only a suspended
 * connection may be resumed.
 */
static enum MHD_Result hand_over(struct exchange *ex)
{
    struct service *service = ex->from->http->service;
    struct err err;

    ex->stage = STAGE_RUNNING;
    ex->rq.crew = ex->rq.route->crew;
    atomic_fetch_add(&ex->holders, 1);
    peer_deadline(ex->peer, 0); /* the handlers are bounded */
    MHD_suspend_connection(ex->connection);
    if (crew_submit(service->crew[ex->rq.route->crew], ex, &err) == RC_OK)
        return MHD_YES; /* ex belongs to the crew now */
    atomic_fetch_sub(&ex->holders, 1);
    overloaded(ex, err.rc);
    body_drop(&ex->body);
    exchange_fail(ex, 0, &err);
    MHD_resume_connection(ex->connection);
    return MHD_YES;
}

/* The whole request is there. */
static enum MHD_Result on_end(struct exchange *ex)
{
    struct err err = {0};

    peer_linger(ex->peer, false);
    if (body_seal(&ex->body, &ex->rq.body, &err) != RC_OK)
        return refuse(ex, &err);
    ex->rq.body_fd = ex->body.fd;
    if (ex->rq.route->crew != CREW_NONE)
        return hand_over(ex);
    (void)exchange_run(ex, 0);
    return exchange_answer(ex);
}

enum MHD_Result http_on_call(void *cls, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *size, void **con_cls)
{
    struct exchange *ex = *con_cls;
    (void)cls, (void)connection, (void)url;

    if (ex == NULL)
        return MHD_NO; /* no memory when it began */
    switch (ex->stage) {
    case STAGE_TARGET:
        return on_head(ex, method, version);
    case STAGE_BODY:
        if (*size == 0)
            return on_end(ex);
        on_data(ex, data, *size);
        *size = 0;
        return MHD_YES;
    case STAGE_REFUSED:
        peer_linger(ex->peer, false);
        return exchange_answer(ex);
    case STAGE_RUNNING:
        return exchange_answer(ex);
    case STAGE_QUEUED:
        break;
    }
    return MHD_NO;
}
