/* POST /v1/match: verdicts on media that the caller hashed himself. */
#include <string.h>

#include "db/lookup_many.h"
#include "hashing/base/clock.h"
#include "service/ask.h"
#include "service/decisions.h"
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
    const json_t *id; /* NULL: none given */
    bool usable;      /* a PDQ hash that can be looked up was given */
    bool unusable;    /* PDQ hashes were given and none can */
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

/* Its place is put into words only for an error: there are thousands. */
static enum rc signal_read(const json_t *signal, const char *where, size_t i, struct signal *ret,
                           struct err *err)
{
    char place[64];
    if (json_in_signal(signal, "", ret, NULL) == RC_OK)
        return RC_OK;
    snprintf(place, sizeof place, "%s.signals[%zu]", where, i);
    return json_in_signal(signal, place, ret, err);
}

/* signals: room for as many as the medium has. */
static enum rc medium_read(const json_t *medium, const char *where, struct lookup_signal *signals,
                           struct medium_asked *ret, size_t *ret_n, struct err *err)
{
    const json_t *list = json_object_get(medium, "signals");
    struct medium_asked asked = {.id = json_object_get(medium, "id")};
    const char *id = NULL;
    size_t n = 0;
    bool poor = false;

    TRY(json_in_only(medium, (const char *const[]){"id", "signals", NULL}, where, err));
    TRY(json_in_text(medium, "id", where, false, REF_MAX, &id, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct signal s;
        TRY(signal_read(json_array_get(list, i), where, i, &s, err));
        if (!signal_usable(&s)) {
            poor = true;
            continue;
        }
        asked.usable = asked.usable || s.type == SIGNAL_PDQ;
        signals[n++] = to_lookup(&s);
    }
    asked.unusable = poor && !asked.usable;
    *ret = asked;
    *ret_n = n;
    return RC_OK;
}

/* One request under way. */
struct matching {
    struct service *service;
    const struct request *rq;
    struct judge_ask ask;
    bool detail;
    size_t n, n_signals, n_usable;
    struct medium_asked *media;
    struct lookup_medium *lookups; /* of the same media */
    struct lookup_signal *signals; /* of all media, one after the other */
    struct judged *judged;         /* of the medium in hand */
    struct decisions decisions;
    FILE *out; /* the results as JSON text, in `text` */
    char *text;
    size_t length;
    int64_t told_ns; /* spent on what is not looking up */
};

static void matching_clear_scoped(struct matching *m)
{
    if (m->judged != NULL)
        judged_clear(m->judged);
    free(m->judged);
    free(m->media);
    free(m->lookups);
    free(m->signals);
    decisions_clear_scoped(&m->decisions);
    if (m->out != NULL)
        fclose(m->out);
    free(m->text);
}

/* Reads everything first, so that a malformed request leaves no decision behind. */
static enum rc matching_read(struct matching *m, const json_t *body, struct err *err)
{
    const json_t *media = NULL;

    TRY(media_check(body, &media, &m->n_signals, err));
    m->n = json_array_size(media);
    m->media = calloc(m->n, sizeof *m->media);
    m->lookups = calloc(m->n, sizeof *m->lookups);
    m->signals = calloc(m->n_signals, sizeof *m->signals);
    m->judged = calloc(1, sizeof *m->judged);
    m->out = open_memstream(&m->text, &m->length);
    if (m->media == NULL || m->lookups == NULL || m->signals == NULL || m->judged == NULL ||
        m->out == NULL)
        FAIL(err, RC_NOMEM, "match");

    struct lookup_signal *next = m->signals;
    for (size_t i = 0; i < m->n; i++) {
        const json_t *one = json_array_get(media, i);
        char where[32];
        snprintf(where, sizeof where, "media[%zu]", i);
        m->lookups[i].signals = next;
        TRY(medium_read(one, where, next, &m->media[i], &m->lookups[i].n, err));
        m->n_usable += m->lookups[i].n;
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

/*
 * {"id","check_id"?,"verdict","examined","matches"}; check_id names the decision's row.  Most match
 * nothing, and thousands of JSON trees would cost as much as looking up.
 */
static bool write_result(struct matching *m, const struct medium_asked *asked,
                         const struct ulid *id)
{
    const struct judged *judged = m->judged;
    char check_id[ULID_SIZE];

    fputs("{\"id\":", m->out);
    if (asked->id == NULL)
        fputs("null", m->out);
    else if (json_dumpf(asked->id, m->out, JSON_ENCODE_ANY) != 0)
        return false;
    if (judged->lookup.n > 0) {
        ulid_text(id, check_id);
        fprintf(m->out, ",\"check_id\":\"%s\"", check_id);
    }
    fprintf(m->out,
            ",\"verdict\":\"%s\",\"examined\":\"%s\",\"matches\":", verdict_name(judged->verdict),
            verdict_json_examined(asked->usable, false));
    if (judged->lookup.n == 0)
        return fputs("[]}", m->out) >= 0;
    SCOPED(json_free) json_t *matches = verdict_json_matches(judged, m->detail);
    return matches != NULL && json_dumpf(matches, m->out, JSON_COMPACT) == 0 &&
           fputc('}', m->out) != EOF;
}

/* What matched: its decision and, for `detail`, its labels. */
static enum rc note(struct matching *m, const struct medium_asked *asked, const struct ulid *id,
                    struct err *err)
{
    const char *ref = asked->id == NULL ? "" : json_string_value(asked->id);

    TRY(decisions_note(&m->decisions, m->rq, id, ref, &(const struct judged *){m->judged}, 1, err));
    if (decisions_are_many(&m->decisions))
        TRY(decisions_write(&m->decisions, m->service->store, err));
    judged_clear(m->judged);
    return m->detail ? judge_labels(m->service, m->judged, err) : RC_OK;
}

/* One medium, whose lookup is in m->judged: decide, note, tell. */
static enum rc tell_medium(struct matching *m, size_t i, struct err *err)
{
    struct ulid id = {{0}};

    judge_found(m->service, m->media[i].unusable, m->judged);
    if (m->judged->lookup.n > 0) {
        id = ulid_new();
        TRY(note(m, &m->media[i], &id, err));
    }
    if (i > 0)
        fputc(',', m->out);
    if (!write_result(m, &m->media[i], &id))
        FAIL(err, RC_NOMEM, "match");
    return RC_OK;
}

static enum rc on_lookup(void *ctx, size_t medium, struct err *err)
{
    struct matching *m = ctx;
    int64_t began = clock_mono_ns();
    enum rc rc = tell_medium(m, medium, err);
    m->told_ns += clock_mono_ns() - began;
    return rc;
}

static enum rc look_up(struct matching *m, struct err *err)
{
    int64_t began = clock_mono_ns();
    TRY(lookup_many(m->service->list, m->lookups, m->n, &m->ask.banks, m->ask.since,
                    &m->judged->lookup, on_lookup, m, err));
    metrics_lookup(m->service->metrics, m->n_usable, clock_mono_ns() - began - m->told_ns);
    return decisions_write(&m->decisions, m->service->store, err);
}

static enum rc answer(struct matching *m, struct request *rq, struct err *err)
{
    fputs("]}", m->out);
    bool whole = ferror(m->out) == 0;
    whole = fclose(TAKE(m->out)) == 0 && whole;
    if (!whole)
        FAIL(err, RC_NOMEM, "match");
    reply_text(&rq->reply, 200, "application/json", TAKE(m->text), m->length);
    return RC_OK;
}

enum rc match_ask(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *body = NULL;
    SCOPED(matching_clear)
    struct matching m = {
        .service = service, .rq = rq, .detail = (rq->caller.scopes & SCOPE_DETAIL) != 0};

    TRY(json_in_object(rq->body, &body, err));
    TRY(matching_ask(service, rq, body, &m.ask, err));
    TRY(matching_read(&m, body, err));
    TRY(keyring_spend(service->keys, rq->caller.id, (double)m.n_signals, err));
    /* Before the look-ups: a caller who asks again with since= misses nothing in between. */
    uint64_t generation = blocklist_generation(service->list);
    fprintf(m.out, "{\"generation\":%llu,\"results\":[", (unsigned long long)generation);
    TRY(look_up(&m, err));
    return answer(&m, rq, err);
}
