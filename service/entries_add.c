/* POST /v1/banks/{bank}/entries: a medium, or signals that somebody else made. */
#include <string.h>
#include <strings.h>

#include "service/ask.h"
#include "service/entry_json.h"
#include "service/examine.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/list_format.h"
#include "service/service.h"
#include "service/upload_media.h"
#include "service/verdict_json.h"

enum {
    ENTRY_SIGNALS_MAX = 4096, /* given as JSON */
    CLIP_SIGNALS_MAX = 50000  /* of a clip: half a day at one a second */
};

/* An entry on its way in. */
struct adding {
    const char *bank;
    const char *reason, *case_ref, *source; /* borrowed from the request */
    struct labels labels;                   /* owned when they came by the query */
    bool owns_labels;
    json_t *meta;          /* what the borrowed text belongs to */
    struct medium *medium; /* NULL: bare signals */
    size_t n, room;
    struct signal *signals; /* to be listed */
    json_t *told;           /* all of them as JSON, those left out too */
    bool left_out;          /* a PDQ hash of poor quality is not listed */
};

static void adding_clear_scoped(struct adding *a)
{
    if (a->owns_labels)
        labels_clear(&a->labels);
    json_decref(a->meta);
    json_decref(a->told);
    if (a->medium != NULL)
        medium_clear(a->medium);
    free(a->medium);
    free(a->signals);
}

/* --- what is said of it --- */

static enum rc meta_of_query(const struct request *rq, struct adding *a, struct err *err)
{
    TRY(ask_text(rq, "reason", true, REASON_MAX, &a->reason, err));
    TRY(ask_text(rq, "case", false, CASE_MAX, &a->case_ref, err));
    TRY(ask_text(rq, "source", false, SOURCE_MAX, &a->source, err));
    TRY(ask_labels(query_get(&rq->query, "label"), &a->labels, err));
    a->owns_labels = true;
    return RC_OK;
}

static enum rc meta_of_json(const struct request *rq, struct adding *a, struct err *err)
{
    bool given;
    if (rq->query.n_params > 0)
        FAIL(err, RC_INPUT, "%.40s: give it in the JSON, not in the query",
             rq->query.param[0].name);
    TRY(json_in_text(a->meta, "reason", "", true, REASON_MAX, &a->reason, err));
    TRY(json_in_text(a->meta, "case", "", false, CASE_MAX, &a->case_ref, err));
    TRY(json_in_text(a->meta, "source", "", false, SOURCE_MAX, &a->source, err));
    return json_in_labels(a->meta, "labels", &a->labels, &given, err);
}

static enum rc meta_part(const struct request *rq, const struct part *part, struct adding *a,
                         struct err *err)
{
    static const char *const members[] = {"reason", "labels", "case", "source", NULL};
    if (a->meta != NULL)
        FAIL(err, RC_INPUT, "meta: given twice");
    TRY(json_in_object(part->data, &a->meta, err));
    TRY(json_in_only(a->meta, members, "meta", err));
    return meta_of_json(rq, a, err);
}

/* Multipart: `media`, and `meta` unless the query says it all. */
static enum rc parts_take(const struct request *rq, struct adding *a, struct err *err)
{
    SCOPED(mem_free) struct multipart *parts = calloc(1, sizeof *parts);
    const struct part *media = NULL;

    if (parts == NULL)
        FAIL(err, RC_NOMEM, "parts");
    TRY(multipart_parse(rq->content_type, rq->body, parts, err));
    for (unsigned i = 0; i < parts->n; i++) {
        const struct part *part = &parts->part[i];
        if (strcmp(part->name, "meta") == 0) {
            TRY(meta_part(rq, part, a, err));
        } else if (strcmp(part->name, "media") != 0 || media != NULL) {
            FAIL(err, RC_INPUT, "part \"%.80s\": send one `media` and one `meta`", part->name);
        } else {
            media = part;
        }
    }
    if (media == NULL)
        FAIL(err, RC_INPUT, "media: the part is missing");
    TRY(medium_take(media->data, media, a->medium, err));
    return a->meta == NULL ? meta_of_query(rq, a, err) : RC_OK;
}

/* --- its signals --- */

static bool same_signal(const struct signal *a, const struct signal *b)
{
    return a->type == b->type && a->ms == b->ms && memcmp(a->value, b->value, 32) == 0;
}

/* Lists one signal, once.  The same frame's looks stand side by side; others have another time. */
static enum rc signal_keep(struct adding *a, const struct signal *s, struct err *err)
{
    bool of_clip = a->medium != NULL && s->ms >= 0;
    for (size_t i = of_clip && a->n > LOOKS ? a->n - LOOKS : 0; i < a->n; i++)
        if (same_signal(&a->signals[i], s))
            return RC_OK;
    if (a->n == a->room) {
        size_t room = a->room == 0 ? 16 : 2 * a->room;
        struct signal *signals = realloc(a->signals, room * sizeof *signals);
        if (signals == NULL)
            FAIL(err, RC_NOMEM, "entry");
        a->signals = signals;
        a->room = room;
    }
    a->signals[a->n++] = *s;
    return RC_OK;
}

static bool tell(json_t *array, const struct signal *s, bool usable, enum look look)
{
    SCOPED(json_free) json_t *told = signal_json(s);
    SCOPED(json_free)
    json_t *of_pdq = json_pack("{s:b, s:s*}", "usable", usable, "look", verdict_json_look(look));

    if (s->type == SIGNAL_PDQ && json_object_update(told, of_pdq) != 0)
        return false;
    return answer_append(array, TAKE(told));
}

/* Tells of a signal and lists it, unless it is a PDQ hash that is too poor for that. */
static enum rc signal_add(struct adding *a, const struct signal *s, enum look look, struct err *err)
{
    bool usable = s->type != SIGNAL_PDQ || s->quality < 0 || s->quality >= PDQ_MIN_QUALITY;

    if (!tell(a->told, s, usable, look))
        FAIL(err, RC_NOMEM, "entry");
    if (!usable) {
        a->left_out = true;
        return RC_OK;
    }
    TRY(list_signal_check(s, err));
    return signal_keep(a, s, err);
}

/*
 * A picture is listed as it is stored, and, where alpha changes what is seen, as it is seen on
 * white and on black too.
 */
static enum rc add_frame(struct adding *a, size_t frame, struct err *err)
{
    const struct frame_list *kept = &a->medium->kept;
    for (unsigned l = 0; l < kept->frame[frame].looks; l++) {
        const struct look_hash *look = frame_list_look(kept, frame, (enum look)l);
        struct signal s = {
            .type = SIGNAL_PDQ, .quality = look->quality, .ms = kept->frame[frame].ms};
        if (l != LOOK_PLAIN && !look_usable(look))
            continue;
        pdq_bytes(&look->hash[ORIENT_AS_IS], s.value);
        TRY(signal_add(a, &s, (enum look)l, err));
    }
    return RC_OK;
}

static enum rc add_medium(struct service *service, unsigned member, struct request *rq,
                          struct adding *a, struct err *err)
{
    const struct examine_how how = {0};
    struct signal sha256 = {.type = SIGNAL_SHA256, .quality = -1, .ms = -1};

    TRY(examine_medium(service, member, rq, &how, a->medium, err));
    if (a->medium->kept.n > CLIP_SIGNALS_MAX)
        FAIL(err, RC_LIMIT, "%zu frames are to be listed, over %d: raise [video] interval",
             a->medium->kept.n, CLIP_SIGNALS_MAX);
    for (size_t f = 0; f < a->medium->kept.n; f++)
        TRY(add_frame(a, f, err));
    memcpy(sha256.value, a->medium->sha256, sizeof sha256.value);
    return signal_add(a, &sha256, LOOK_PLAIN, err);
}

static enum rc add_signals(const struct request *rq, struct adding *a, struct err *err)
{
    static const char *const members[] = {"signals", "reason", "labels", "case", "source", NULL};
    const json_t *signals;

    TRY(json_in_object(rq->body, &a->meta, err));
    TRY(json_in_only(a->meta, members, "", err));
    TRY(meta_of_json(rq, a, err));
    signals = json_object_get(a->meta, "signals");
    if (!json_is_array(signals) || json_array_size(signals) == 0)
        FAIL(err, RC_INPUT, "signals: must be a list of at least one signal");
    if (json_array_size(signals) > ENTRY_SIGNALS_MAX)
        FAIL(err, RC_INPUT, "signals: %zu; an entry holds at most %d", json_array_size(signals),
             ENTRY_SIGNALS_MAX);
    for (size_t i = 0; i < json_array_size(signals); i++) {
        struct signal s;
        char where[32];
        snprintf(where, sizeof where, "signals[%zu]", i);
        TRY(json_in_signal(json_array_get(signals, i), where, &s, err));
        TRY(signal_add(a, &s, LOOK_PLAIN, err));
    }
    if (a->n == 0)
        FAIL(err, RC_INPUT, "signals: every PDQ hash is below quality %d, nothing to list",
             PDQ_MIN_QUALITY);
    return RC_OK;
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    return strncasecmp(content_type, json, sizeof json - 1) == 0 &&
           strchr("; \t", content_type[sizeof json - 1]) != NULL;
}

/* Reads the request in whichever of its three forms it came. */
static enum rc adding_read(struct service *service, unsigned member, struct request *rq,
                           struct adding *a, struct err *err)
{
    TRY(ask_bank(rq, &a->bank, err));
    if ((a->told = json_array()) == NULL)
        FAIL(err, RC_NOMEM, "entry");
    if (is_json(rq->content_type))
        return add_signals(rq, a, err);
    if ((a->medium = calloc(1, sizeof *a->medium)) == NULL)
        FAIL(err, RC_NOMEM, "entry");
    if (multipart_is(rq->content_type)) {
        TRY(parts_take(rq, a, err));
    } else {
        TRY(meta_of_query(rq, a, err));
        TRY(medium_take(rq->body, NULL, a->medium, err));
    }
    return add_medium(service, member, rq, a, err);
}

static json_t *added_json(const struct adding *a, const char *id, uint64_t generation)
{
    const char *note = NULL;
    if (a->left_out)
        note = a->medium != NULL ? "the picture is too flat for a PDQ hash: listed by its digests "
                                   "only, edited copies will not be found"
                                 : "PDQ hashes below quality 50 were left out";
    return json_pack("{s:s, s:s, s:s, s:O, s:I, s:s*}", "id", id, "bank", a->bank, "state",
                     entry_state_name(ENTRY_ACTIVE), "signals", a->told, "generation",
                     (json_int_t)generation, "note", note);
}

enum rc entry_add(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    SCOPED(adding_clear) struct adding a = {0};
    struct actor actor = ask_actor(rq);
    struct ulid id;
    uint64_t generation;
    char text[ULID_SIZE];

    TRY(adding_read(service, member, rq, &a, err));
    struct entry_new entry = {.bank = a.bank,
                              .reason = a.reason,
                              .case_ref = a.case_ref == NULL ? "" : a.case_ref,
                              .source = a.source == NULL ? "" : a.source,
                              .media_type = a.medium == NULL ? "" : a.medium->found.type,
                              .labels = &a.labels,
                              .signals = a.signals,
                              .n_signals = a.n};
    TRY(store_entry_add(service->store, &entry, &actor, &id, &generation, err));
    TRY(service_follow(service, err));
    ulid_text(&id, text);
    snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/entries/%s", text);
    return answer_json(rq, 201, added_json(&a, text, generation), err);
}
