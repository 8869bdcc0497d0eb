/* /v1/audit: who did what, when and why. */
#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/service.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000, WORD_MAX = 128 };

static json_t *row_json(const struct audit_row *row)
{
    char chain[2 * sizeof row->chain + 1];
    text_hex(row->chain, sizeof row->chain, chain);
    SCOPED(json_free) json_t *details = json_loads(row->details, 0, NULL);
    return json_pack("{s:I, s:o, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:O*, s:I, s:s}", "seq",
                     (json_int_t)row->seq, "at", answer_time(row->at_ms), "actor", "id",
                     row->actor_id, "name", row->actor_name, "request_id", row->request_id,
                     "action", row->action, "bank", row->bank, "target", row->target, "reason",
                     row->reason, "details", details, "generation", (json_int_t)row->generation,
                     "chain", chain);
}

struct page {
    const struct caller *caller;
    json_t *rows;
    unsigned seen; /* rows read, shown or not */
    uint64_t last;
    bool bad;
};

/* A key that is limited to some banks sees what was done to these, and nothing else. */
static bool page_one(void *ctx, const struct audit_row *row)
{
    struct page *page = ctx;
    page->seen++;
    page->last = row->seq;
    if (page->caller->sees_all || ask_sees(page->caller, row->bank))
        page->bad = !answer_append(page->rows, row_json(row));
    return !page->bad;
}

enum rc audit_list(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *rows = json_array();
    struct page page = {.caller = &rq->caller, .rows = rows};
    struct audit_filter filter = {0};
    int64_t limit = PAGE_DEFAULT, before = 0;

    TRY(ask_number(rq, "limit", 1, PAGE_MAX, &limit, err));
    TRY(ask_number(rq, "before", 1, INT64_MAX, &before, err));
    TRY(ask_text(rq, "bank", false, WORD_MAX, &filter.bank, err));
    TRY(ask_text(rq, "actor", false, WORD_MAX, &filter.actor, err));
    TRY(ask_text(rq, "action", false, WORD_MAX, &filter.action, err));
    TRY(ask_text(rq, "target", false, WORD_MAX, &filter.target, err));
    filter.limit = (unsigned)limit;
    filter.before = (uint64_t)before;
    TRY(store_audit_list(service->store, &filter, page_one, &page, err));
    json_t *next = page.seen == filter.limit ? json_integer((json_int_t)page.last) : json_null();
    json_t *json = json_pack("{s:O, s:o}", "audit", rows, "next", next);
    if (page.bad && json != NULL) {
        json_decref(json);
        json = NULL;
    }
    return answer_json(rq, 200, json, err);
}

enum rc audit_verify(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    struct audit_check check;
    char head[2 * sizeof check.head + 1];

    TRY(store_audit_verify(service->store, &check, err));
    text_hex(check.head, sizeof check.head, head);
    return answer_json(
        rq, 200,
        json_pack("{s:I, s:b, s:o, s:s}", "rows", (json_int_t)check.rows, "ok", check.bad_seq == 0,
                  "bad_seq",
                  check.bad_seq == 0 ? json_null() : json_integer((json_int_t)check.bad_seq),
                  "head", head),
        err);
}
