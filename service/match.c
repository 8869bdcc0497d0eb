/* POST /v1/match: verdicts on media that the caller hashed himself. */
#include <string.h>

#include "service/ask.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/judge.h"
#include "service/service.h"

enum { MATCH_SIGNALS_MAX = 10000 };

static size_t signals_of(const json_t *medium)
{
    return json_array_size(json_object_get(medium, "signals"));
}

/* The shape of the request and its size, before anything is looked up or paid for. */
static enum rc media_check(const json_t *body, const json_t **ret, size_t *ret_signals,
                           struct err *err)
{
    const json_t *media = json_object_get(body, "media");
    size_t total = 0;

    TRY(json_in_only(body, (const char *const[]){"media", "since", NULL}, "", err));
    if (!json_is_array(media) || json_array_size(media) == 0)
        FAIL(err, RC_INPUT, "media: must be a list of at least one medium");
    for (size_t i = 0; i < json_array_size(media); i++) {
        const json_t *one = json_array_get(media, i);
        if (!json_is_object(one) || signals_of(one) == 0)
            FAIL(err, RC_INPUT, "media[%zu].signals: must be a list of at least one signal", i);
        total += signals_of(one);
    }
    if (total > MATCH_SIGNALS_MAX)
        FAIL(err, RC_INPUT, "media: %zu signals in all; at most %d are taken at once", total,
             MATCH_SIGNALS_MAX);
    *ret = media;
    *ret_signals = total;
    return RC_OK;
}

struct medium_asked {
    const char *id; /* NULL: none given */
    const struct lookup_signal *signals;
    size_t n;
    bool usable;   /* a PDQ hash that can be looked up was given */
    bool unusable; /* PDQ hashes were given and none can */
};

/* A PDQ hash of poor quality is not looked up. */
static bool signal_usable(const struct signal *s)
{
    return s->type != SIGNAL_PDQ || s->quality < 0 || s->quality >= PDQ_MIN_QUALITY;
}

static struct lookup_signal to_lookup(const struct signal *s)
{
    struct lookup_signal l = {.type = s->type, .ms = s->ms};
    if (s->type == SIGNAL_PDQ)
        l.pdq = pdq_from_bytes(s->value);
    else
        memcpy(l.digest, s->value, sizeof l.digest);
    return l;
}

/* signals: room for as many as the medium has. */
static enum rc medium_read(const json_t *medium, const char *where, struct lookup_signal *signals,
                           struct medium_asked *ret, struct err *err)
{
    const json_t *list = json_object_get(medium, "signals");
    struct medium_asked asked = {.signals = signals};
    bool poor = false;

    TRY(json_in_only(medium, (const char *const[]){"id", "signals", NULL}, where, err));
    TRY(json_in_text(medium, "id", where, false, REF_MAX, &asked.id, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct signal s;
        char place[64];
        snprintf(place, sizeof place, "%s.signals[%zu]", where, i);
        TRY(json_in_signal(json_array_get(list, i), place, &s, err));
        if (!signal_usable(&s)) {
            poor = true;
            continue;
        }
        asked.usable = asked.usable || s.type == SIGNAL_PDQ;
        signals[asked.n++] = to_lookup(&s);
    }
    asked.unusable = poor && !asked.usable;
    *ret = asked;
    return RC_OK;
}

/* One request under way. */
struct matching {
    struct judge_ask ask;
    size_t n, n_signals;
    struct medium_asked *media;
    struct lookup_signal *signals; /* of all media, one after the other */
    struct judged *judged;         /* of the medium in hand */
    json_t *results;
};

static void matching_clear_scoped(struct matching *m)
{
    if (m->judged != NULL)
        judged_clear(m->judged);
    free(m->judged);
    free(m->media);
    free(m->signals);
    json_decref(m->results);
}

/* Reads everything first, so that a malformed request leaves no decision behind. */
static enum rc matching_read(struct matching *m, const json_t *body, struct err *err)
{
    const json_t *media = NULL;

    TRY(media_check(body, &media, &m->n_signals, err));
    m->n = json_array_size(media);
    m->media = calloc(m->n, sizeof *m->media);
    m->signals = calloc(m->n_signals, sizeof *m->signals);
    m->judged = calloc(1, sizeof *m->judged);
    m->results = json_array();
    if (m->media == NULL || m->signals == NULL || m->judged == NULL || m->results == NULL)
        FAIL(err, RC_NOMEM, "match");

    struct lookup_signal *next = m->signals;
    for (size_t i = 0; i < m->n; i++) {
        const json_t *one = json_array_get(media, i);
        char where[32];
        snprintf(where, sizeof where, "media[%zu]", i);
        TRY(medium_read(one, where, next, &m->media[i], err));
        next += signals_of(one);
    }
    return RC_OK;
}

static enum rc matching_ask(struct service *service, const struct request *rq, const json_t *body,
                            struct judge_ask *ret, struct err *err)
{
    int64_t since = 0;
    bool given = false;
    TRY(caller_banks(&rq->caller, service->list, query_get(&rq->query, "banks"), &ret->banks, err));
    TRY(json_in_int(body, "since", "", false, 0, INT64_MAX, &since, &given, err));
    ret->since = (uint64_t)since;
    return RC_OK;
}

/* {"id","check_id"?,"verdict","examined","matches"}; check_id names the decision's row. */
static json_t *result_json(const struct judged *judged, const struct medium_asked *asked,
                           const struct ulid *id, bool detail)
{
    char check_id[ULID_SIZE];
    ulid_text(id, check_id);
    return json_pack("{s:s?, s:s*, s:s, s:s, s:o}", "id", asked->id, "check_id",
                     judged->lookup.n > 0 ? check_id : NULL, "verdict",
                     verdict_name(judged->verdict), "examined",
                     verdict_json_examined(asked->usable, false), "matches",
                     verdict_json_matches(judged, detail));
}

/* One medium: look up, decide, record, tell. */
static enum rc match_one(struct service *service, const struct request *rq, struct matching *m,
                         const struct medium_asked *asked, struct err *err)
{
    bool detail = (rq->caller.scopes & SCOPE_DETAIL) != 0;
    const char *ref = asked->id == NULL ? "" : asked->id;
    struct ulid id = ulid_new();

    judged_clear(m->judged);
    memset(m->judged, 0, sizeof *m->judged);
    TRY(judge(service, &m->ask, asked->signals, asked->n, asked->unusable, m->judged, err));
    TRY(judge_record(service, rq, &id, ref, &(const struct judged *){m->judged}, 1, err));
    if (detail)
        TRY(judge_labels(service, m->judged, err));
    if (!answer_append(m->results, result_json(m->judged, asked, &id, detail)))
        FAIL(err, RC_NOMEM, "match");
    return RC_OK;
}

enum rc match_ask(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *body = NULL;
    SCOPED(matching_clear) struct matching m = {0};

    TRY(json_in_object(rq->body, &body, err));
    TRY(matching_ask(service, rq, body, &m.ask, err));
    TRY(matching_read(&m, body, err));
    TRY(keyring_spend(service->keys, rq->caller.id, (double)m.n_signals, err));
    /* Before the look-ups: a caller who asks again with since= misses nothing in between. */
    uint64_t generation = blocklist_generation(service->list);
    for (size_t i = 0; i < m.n; i++)
        TRY(match_one(service, rq, &m, &m.media[i], err));
    return answer_json(
        rq, 200,
        json_pack("{s:I, s:o}", "generation", (json_int_t)generation, "results", TAKE(m.results)),
        err);
}
