#include "service/reply.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hashing/base/text.h"

static const char problem_type[] = "application/problem+json";

/* What each kind of error means to the caller. */
struct kind {
    unsigned status;
    const char *type, *title;
    int retry;          /* default Retry-After, 0 none */
    const char *detail; /* instead of the error's own words, which are for the log */
};

static const struct kind kinds[RC_COUNT] = {
    [RC_OK] = {500, "internal", "Internal error", 0, "the service failed; see its log"},
    [RC_INPUT] = {400, "malformed-request", "Malformed request", 0, NULL},
    [RC_AUTH] = {401, "unauthorized", "No key, or an unknown one", 0, NULL},
    [RC_DENIED] = {403, "forbidden", "The key does not allow this", 0, NULL},
    [RC_NOTFOUND] = {404, "not-found", "Not found", 0, NULL},
    [RC_CONFLICT] = {409, "conflict", "Exists already", 0, NULL},
    [RC_TOO_LARGE] = {413, "too-large", "Body too large", 0, NULL},
    [RC_NOT_MEDIA] = {415, "not-media", "Not a medium that is decoded here", 0, NULL},
    [RC_UNDECODABLE] = {422, "undecodable-media", "Undecodable medium", 0, NULL},
    [RC_LIMIT] = {422, "media-limit", "Over a limit", 0, NULL},
    [RC_RATE] = {429, "rate-limit", "Over the key's budget", 1, NULL},
    [RC_BUSY] = {503, "overloaded", "Overloaded or not ready", 1, NULL},
    [RC_TIMEOUT] = {503, "timeout", "A deadline passed", 1, NULL},
    [RC_NOMEM] = {503, "overloaded", "Overloaded or not ready", 5, "out of memory; try again"},
    [RC_SYS] = {500, "internal", "Internal error", 0, "the service failed; see its log"},
    [RC_ELSEWHERE] = {500, "internal", "Internal error", 0, "the service failed; see its log"},
    [RC_STORE] = {503, "store", "The store failed", 5, "the store failed; try again"},
};

/* Refusals of the protocol that are no enum rc. */
static const struct kind by_status[] = {
    {400, "malformed-request", "Malformed request", 0, NULL},
    {405, "method-not-allowed", "Method not allowed", 0, NULL},
    {413, "too-large", "Body too large", 0, NULL},
    {414, "target-too-long", "Target too long", 0, NULL},
    {417, "expectation-failed", "Expectation failed", 0, NULL},
    {431, "headers-too-large", "Headers too large", 0, NULL},
};

static const struct kind *kind_of(enum rc rc)
{
    return &kinds[(unsigned)rc < RC_COUNT ? rc : RC_OK];
}

void reply_init(struct reply *reply)
{
    *reply = (struct reply){.fd = -1};
}

void reply_clear(struct reply *reply)
{
    free(reply->body);
    if (reply->fd >= 0)
        close(reply->fd);
    reply_init(reply);
}

/* Takes text. */
static void set_body(struct reply *reply, unsigned status, const char *content_type, char *text,
                     size_t length)
{
    free(reply->body);
    if (reply->fd >= 0)
        close(reply->fd);
    reply->fd = -1;
    reply->status = status;
    reply->content_type = content_type;
    reply->body = text;
    reply->length = length;
}

enum rc reply_json(struct reply *reply, unsigned status, json_t *json, struct err *err)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "answer of status %u", status);
    set_body(reply, status, "application/json", text, strlen(text));
    return RC_OK;
}

void reply_text(struct reply *reply, unsigned status, const char *content_type, char *text,
                size_t length)
{
    set_body(reply, status, content_type, text, length);
}

enum rc reply_static(struct reply *reply, unsigned status, const char *content_type,
                     const void *data, size_t length, struct err *err)
{
    char *copy = malloc(length + 1);
    if (copy == NULL)
        FAIL(err, RC_NOMEM, "answer of %zu bytes", length);
    memcpy(copy, data, length);
    copy[length] = '\0';
    set_body(reply, status, content_type, copy, length);
    return RC_OK;
}

unsigned reply_status(enum rc rc)
{
    return kind_of(rc)->status;
}

static json_t *problem_json(const struct kind *kind, const char *detail, const char *ref,
                            const char *request_id)
{
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", kind->type, "title", kind->title, "status",
                  (int)kind->status, "detail", detail, "request_id", request_id);
    if (json != NULL && ref[0] != '\0' &&
        json_object_set_new(json, "entry", json_string(ref)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Without memory for more, the status and a fixed text must do; without any, the status alone. */
static void problem_fallback(struct reply *reply, unsigned status)
{
    static const char text[] = "{\"type\":\"about:blank\",\"title\":\"Error\"}";
    char *copy = strdup(text);
    set_body(reply, status, problem_type, copy, copy != NULL ? sizeof text - 1 : 0);
}

/* Steals extra. */
static void problem(struct reply *reply, const struct kind *kind, const char *detail,
                    const char *ref, const char *request_id, json_t *extra)
{
    json_t *json = problem_json(kind, detail, ref, request_id);
    bool whole = json != NULL && (extra == NULL || json_object_update_missing(json, extra) == 0);
    char *text = whole ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    json_decref(extra);
    reply->location[0] = '\0';
    if (text != NULL)
        set_body(reply, kind->status, problem_type, text, strlen(text));
    else
        problem_fallback(reply, kind->status);
}

void reply_problem(struct reply *reply, const struct err *err, const char *request_id,
                   json_t *extra)
{
    const struct kind *kind = kind_of(err->rc);
    bool internal = kind->detail != NULL;
    char words[4 * sizeof err->msg];

    /* A message quotes what the caller sent, and may have been cut within a character. */
    text_printable(err->msg, strlen(err->msg), words, sizeof words);
    reply->retry_after = err->retry > 0 && kind->retry > 0 ? err->retry : kind->retry;
    problem(reply, kind, internal ? kind->detail : words, internal ? "" : err->ref, request_id,
            extra);
}

void reply_problem_status(struct reply *reply, unsigned status, const char *detail,
                          const char *request_id)
{
    for (size_t i = 0; i < sizeof by_status / sizeof by_status[0]; i++)
        if (by_status[i].status == status) {
            problem(reply, &by_status[i], detail, "", request_id, NULL);
            return;
        }
    problem(reply, kind_of(RC_SYS), "the service failed; see its log", "", request_id, NULL);
}
