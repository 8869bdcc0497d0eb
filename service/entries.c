/* Reading and changing entries; adding is in entries_add.c. */
#include <string.h>

#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/entry_json.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/service.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

static void entry_clear_scoped(struct entry *entry)
{
    entry_clear(entry);
}

/* The entry of the path; the same words for one that is not there and one he does not see. */
static enum rc entry_asked(struct service *service, const struct request *rq, struct entry *ret,
                           struct err *err)
{
    const char *text = rq->path_arg[0];
    struct ulid id;
    struct err inner;
    enum rc rc = RC_NOTFOUND;

    if (ulid_parse(text, &id))
        rc = store_entry_get(service->store, &id, ret, &inner);
    if (rc == RC_NOTFOUND || (rc == RC_OK && !ask_sees(&rq->caller, ret->bank_name)))
        FAIL(err, RC_NOTFOUND, "no entry \"%.40s\"", text);
    if (rc != RC_OK)
        *err = inner;
    return rc;
}

enum rc entry_show(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(entry_clear) struct entry entry = {0};
    TRY(entry_asked(service, rq, &entry, err));
    return answer_json(rq, 200, entry_json(&entry), err);
}

/* Fills a patch that borrows from the body, state and labels. */
static enum rc patch_read(const json_t *body, enum entry_state *state, struct labels *labels,
                          struct entry_patch *ret, struct err *err)
{
    static const char *const members[] = {"state", "labels", "case", "source", "reason", NULL};
    struct entry_patch patch = {0};
    const char *word = NULL;
    bool has_labels = false;

    TRY(json_in_only(body, members, "", err));
    TRY(json_in_text(body, "reason", "", true, REASON_MAX, &patch.reason, err));
    TRY(json_in_text(body, "state", "", false, 0, &word, err));
    if (word != NULL && !entry_state_parse(word, state))
        FAIL(err, RC_INPUT, "state: \"%.40s\" is not active or revoked", word);
    TRY(json_in_labels(body, "labels", labels, &has_labels, err));
    TRY(json_in_text(body, "case", "", false, CASE_MAX, &patch.case_ref, err));
    TRY(json_in_text(body, "source", "", false, SOURCE_MAX, &patch.source, err));
    if (json_object_size(body) == 1)
        FAIL(err, RC_INPUT, "nothing to change: give state, labels, case or source");
    patch.state = word == NULL ? NULL : state;
    patch.labels = has_labels ? labels : NULL;
    *ret = patch;
    return RC_OK;
}

enum rc entry_change(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *body = NULL;
    SCOPED(entry_clear) struct entry before = {0};
    SCOPED(entry_clear) struct entry after = {0};
    struct actor actor = ask_actor(rq);
    struct labels labels = {0};
    enum entry_state state;
    struct entry_patch patch;

    TRY(json_in_object(rq->body, &body, err));
    TRY(patch_read(body, &state, &labels, &patch, err));
    TRY(entry_asked(service, rq, &before, err));
    TRY(store_entry_update(service->store, &before.id, &patch, &actor, &after, err));
    TRY(service_follow(service, err));
    return answer_json(rq, 200, entry_json(&after), err);
}

/* --- the list --- */

/* What of the query narrows the list. */
struct entry_query {
    struct entry_filter filter;
    enum entry_state state;
    struct ulid after;
    struct signal signal[2]; /* 64 bare digits may be a PDQ hash or a sha256 */
    unsigned n_signals;
};

static enum rc signal_asked(const char *text, struct entry_query *q, struct err *err)
{
    const char *colon = strchr(text, ':');
    const char *value = colon == NULL ? text : colon + 1;
    char name[16] = "";
    enum signal_type only = SIGNAL_TYPES;

    if (colon != NULL) {
        snprintf(name, sizeof name, "%.*s", (int)(colon - text) & 15, text);
        if (colon - text > 15 || !signal_type_parse(name, &only))
            FAIL(err, RC_INPUT, "signal: type \"%.40s\" is not pdq, sha256, sha1 or md5", text);
    }
    for (int t = 0; t < SIGNAL_TYPES; t++) {
        struct signal s = {.type = (enum signal_type)t, .quality = -1, .ms = -1};
        if (only != SIGNAL_TYPES && only != s.type)
            continue;
        if (text_unhex(value, strlen(value), s.value, signal_size(s.type)))
            q->signal[q->n_signals++] = s; /* two at most: only pdq and sha256 are as long */
    }
    if (q->n_signals == 0)
        FAIL(err, RC_INPUT, "signal: must be HEX or TYPE:HEX");
    return RC_OK;
}

static enum rc query_read(const struct request *rq, struct entry_query *q, struct err *err)
{
    const char *state = query_get(&rq->query, "state");
    const char *after = query_get(&rq->query, "after");
    const char *signal = query_get(&rq->query, "signal");
    int64_t limit = PAGE_DEFAULT;

    TRY(ask_bank(rq, &q->filter.bank, err));
    TRY(ask_number(rq, "limit", 1, PAGE_MAX, &limit, err));
    q->filter.limit = (unsigned)limit;
    if (state != NULL && !entry_state_parse(state, &q->state))
        FAIL(err, RC_INPUT, "state: \"%.40s\" is not active or revoked", state);
    q->filter.state = state == NULL ? NULL : &q->state;
    if (after != NULL && !ulid_parse(after, &q->after))
        FAIL(err, RC_INPUT, "after: is not a cursor that a page ended with");
    q->filter.after = after == NULL ? NULL : &q->after;
    TRY(ask_text(rq, "label", false, LABEL_MAX, &q->filter.label, err));
    return signal == NULL ? RC_OK : signal_asked(signal, q, err);
}

/* A page as it is read.  With two readings of one query it holds both, each in order of id. */
struct page {
    json_t *entries;
    bool bad;
};

static bool page_one(void *ctx, const struct entry *entry)
{
    struct page *page = ctx;
    page->bad = !answer_append(page->entries, entry_json(entry));
    return !page->bad;
}

static enum rc page_read(struct service *service, const struct entry_filter *filter, json_t **ret,
                         struct err *err)
{
    SCOPED(json_free) json_t *entries = json_array();
    struct page page = {.entries = entries};
    TRY(store_entry_list(service->store, filter, page_one, &page, err));
    if (page.bad || entries == NULL)
        FAIL(err, RC_NOMEM, "entries");
    *ret = TAKE(entries);
    return RC_OK;
}

static const char *id_at(const json_t *entries, size_t i)
{
    return json_string_value(json_object_get(json_array_get(entries, i), "id"));
}

/* The first `limit` of two lists, in order of id. */
static json_t *merge(const json_t *a, const json_t *b, size_t limit)
{
    SCOPED(json_free) json_t *both = json_array();
    size_t i = 0, k = 0;
    while (i + k < limit && (i < json_array_size(a) || k < json_array_size(b))) {
        bool from_a = k == json_array_size(b) ||
                      (i < json_array_size(a) && strcmp(id_at(a, i), id_at(b, k)) < 0);
        json_t *next = from_a ? json_array_get(a, i++) : json_array_get(b, k++);
        if (json_array_append(both, next) != 0)
            return NULL;
    }
    return TAKE(both);
}

static enum rc entries_read(struct service *service, struct entry_query *q, json_t **ret,
                            struct err *err)
{
    SCOPED(json_free) json_t *first = NULL;
    SCOPED(json_free) json_t *second = NULL;

    q->filter.signal = q->n_signals == 0 ? NULL : &q->signal[0];
    TRY(page_read(service, &q->filter, &first, err));
    if (q->n_signals < 2) {
        *ret = TAKE(first);
        return RC_OK;
    }
    q->filter.signal = &q->signal[1];
    TRY(page_read(service, &q->filter, &second, err));
    if ((*ret = merge(first, second, q->filter.limit)) == NULL)
        FAIL(err, RC_NOMEM, "entries");
    return RC_OK;
}

enum rc entry_list(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *entries = NULL;
    struct entry_query query = {0};

    TRY(query_read(rq, &query, err));
    TRY(entries_read(service, &query, &entries, err));
    size_t n = json_array_size(entries);
    const char *next = n == query.filter.limit ? id_at(entries, n - 1) : NULL;
    return answer_json(rq, 200, json_pack("{s:O, s:s?}", "entries", entries, "next", next), err);
}
