#include "service/long_check.h"

#include <stdlib.h>
#include <string.h>

#include "hashing/base/clock.h"
#include "service/ask.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/log.h"
#include "service/service.h"

/* The embedded database has one node. */
static const char this_node[] = "local";

static void path_of(const struct ulid *id, char *out, size_t size)
{
    char text[ULID_SIZE];
    ulid_text(id, text);
    snprintf(out, size, "/v1/checks/%s", text);
}

static enum rc accept(struct long_check *check, struct err *err)
{
    struct request *rq = check->rq;
    char id[ULID_SIZE];

    ulid_text(&check->id, id);
    TRY(answer_json(rq, 202, json_pack("{s:s, s:s}", "check_id", id, "state", "running"), err));
    path_of(&check->id, rq->reply.location, sizeof rq->reply.location);
    rq->reply.retry_after = 1;
    return RC_OK;
}

enum rc long_check_go(struct long_check *check, struct err *err)
{
    if (check->late)
        return RC_OK;
    TRY(store_check_begin(check->service->store, &check->id, check->rq->caller.id, check->ref,
                          this_node, err));
    TRY(accept(check, err));
    check->late = true;
    check->rq->answer_early(check->rq);
    return RC_OK;
}

enum rc long_check_tick(struct long_check *check, struct err *err)
{
    int64_t limit_ns = check->service->config->sync_limit_ms * 1000000;

    if (check->late && atomic_load(&check->service->stopping))
        FAIL(err, RC_BUSY, "the service stopped before the medium was examined; send it again");
    if (!check->late && clock_mono_ns() - check->rq->started_ns >= limit_ns)
        return long_check_go(check, err);
    return RC_OK;
}

static void keep(struct long_check *check, enum check_state state, unsigned status,
                 const char *answer)
{
    struct err err;
    enum rc rc = store_check_end(check->service->store, &check->id, state, status, answer, &err);
    if (rc != RC_OK)
        log_err(LOG_ERROR, "cannot keep the answer to a long check", &err);
}

void long_check_end(struct long_check *check, enum rc rc, json_t *answer, const struct err *err)
{
    SCOPED(json_free) json_t *owned = answer;
    SCOPED(mem_free) char *text = owned != NULL ? json_dumps(owned, JSON_COMPACT) : NULL;
    struct err why = {.rc = RC_NOMEM};
    struct reply reply;

    if (rc == RC_OK && text != NULL) {
        keep(check, CHECK_DONE, 200, text);
        return;
    }
    if (rc != RC_OK) {
        why = *err;
        why.rc = rc;
    }
    if (why.rc == RC_SYS || why.rc == RC_STORE || why.rc == RC_NOMEM)
        log_err(LOG_ERROR, "a long check failed", &why);
    reply_init(&reply);
    reply_problem(&reply, &why, check->rq->id, NULL);
    SCOPED(mem_free)
    char *problem =
        strndup(reply.body != NULL ? reply.body : "{}", reply.body != NULL ? reply.length : 2);
    keep(check, CHECK_ERROR, reply.status, problem != NULL ? problem : "{}");
    reply_clear(&reply);
}

enum rc long_checks_begin(struct service *service, struct err *err)
{
    static const char interrupted[] =
        "{\"type\":\"interrupted\",\"title\":\"Interrupted\",\"status\":503,"
        "\"detail\":\"the service ended before the medium was examined; send it again\"}";
    uint64_t n = 0;

    TRY(store_checks_abandon(service->store, this_node, 503, interrupted, &n, err));
    if (n > 0)
        log_line(LOG_WARNING, "checks", "%llu were under way when the service ended",
                 (unsigned long long)n);
    return long_checks_forget(service, err);
}

enum rc long_checks_forget(struct service *service, struct err *err)
{
    uint64_t n = 0;
    return store_checks_forget(service->store, clock_wall_ms() - service->config->keep_ms, &n, err);
}

static void check_row_scoped(struct check_row *row)
{
    check_row_clear(row);
}

/* A check is its key's own; moderators see all. */
static bool may_see(const struct caller *caller, const struct check_row *row)
{
    return (caller->scopes & SCOPE_MODERATE) != 0 || strcmp(caller->id, row->key_id) == 0;
}

static json_t *row_json(const struct check_row *row, const char *id)
{
    static const char *const states[] = {
        [CHECK_RUNNING] = "running", [CHECK_DONE] = "done", [CHECK_ERROR] = "error"};
    SCOPED(json_free)
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o}", "check_id", id, "state", states[row->state], "created",
                  answer_time(row->created_ms), "updated", answer_time(row->updated_ms));
    SCOPED(json_free)
    json_t *answer = row->state == CHECK_RUNNING ? NULL : json_loads(row->answer, 0, NULL);

    if (json == NULL || (row->state != CHECK_RUNNING && answer == NULL))
        return NULL;
    if (row->state == CHECK_ERROR)
        return json_object_set(json, "problem", answer) == 0 ? TAKE(json) : NULL;
    return answer == NULL || json_object_update(json, answer) == 0 ? TAKE(json) : NULL;
}

enum rc long_check_show(struct service *service, struct request *rq, unsigned member,
                        struct err *err)
{
    SCOPED(check_row) struct check_row row = {0};
    struct ulid id;
    (void)member;

    if (!ulid_parse(rq->path_arg[0], &id))
        FAIL(err, RC_NOTFOUND, "there is no such check");
    enum rc rc = store_check_get(service->store, &id, &row, err);
    if (rc == RC_NOTFOUND || (rc == RC_OK && !may_see(&rq->caller, &row)))
        FAIL(err, RC_NOTFOUND, "there is no such check");
    TRY(rc);
    TRY(answer_json(rq, 200, row_json(&row, rq->path_arg[0]), err));
    if (row.state == CHECK_RUNNING)
        rq->reply.retry_after = 1;
    return RC_OK;
}
