#include <string.h>

#include "db/audit_chain.h"
#include "db/store_sqlite.h"

/* The last row's number and chain value: 0 and zeros before the first row. */
static enum rc read_last(struct conn *conn, uint64_t *ret_seq, uint8_t ret[AUDIT_CHAIN_SIZE],
                         struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_AUDIT_LAST);
    bool row = false;
    TRY(query_row(&q, &row, err));
    *ret_seq = row ? col_number(&q, 0) : 0;
    memset(ret, 0, AUDIT_CHAIN_SIZE);
    if (row)
        col_blob(&q, 1, ret, AUDIT_CHAIN_SIZE);
    return RC_OK;
}

enum rc audit_append(struct tx *tx, const struct audit_new *row, struct err *err)
{
    const char *text[AUDIT_TEXTS] = {
        [AUDIT_ACTOR_ID] = or_empty(tx->actor->key_id),
        [AUDIT_ACTOR_NAME] = or_empty(tx->actor->name),
        [AUDIT_REQUEST_ID] = or_empty(tx->actor->request_id),
        [AUDIT_ACTION] = row->action,
        [AUDIT_BANK] = or_empty(row->bank),
        [AUDIT_TARGET] = or_empty(row->target),
        [AUDIT_REASON] = or_empty(row->reason),
        [AUDIT_DETAILS] = row->details,
    };
    uint8_t previous[AUDIT_CHAIN_SIZE], chain[AUDIT_CHAIN_SIZE];
    struct audit_link link = {.at_ms = tx->now_ms, .generation = tx->generation};

    TRY(read_last(tx->conn, &link.seq, previous, err));
    link.seq++;
    for (int i = 0; i < AUDIT_TEXTS; i++)
        link.text[i] = bytes_str(text[i]);
    audit_chain(previous, &link, chain);

    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_AUDIT_ADD);
    query_number(&q, link.seq);
    query_int(&q, link.at_ms);
    for (int i = 0; i < AUDIT_TEXTS; i++)
        query_text(&q, text[i]);
    query_number(&q, link.generation);
    query_blob(&q, chain, sizeof chain);
    return query_run(&q, err);
}

/* Columns of SQL_AUDIT_LIST and SQL_AUDIT_ALL. */
enum { COL_SEQ, COL_AT, COL_TEXTS, COL_GENERATION = COL_TEXTS + AUDIT_TEXTS, COL_CHAIN };

static void read_row(const struct query *q, struct audit_row *ret)
{
    *ret = (struct audit_row){.seq = col_number(q, COL_SEQ),
                              .at_ms = col_int(q, COL_AT),
                              .actor_id = col_text(q, COL_TEXTS + AUDIT_ACTOR_ID),
                              .actor_name = col_text(q, COL_TEXTS + AUDIT_ACTOR_NAME),
                              .request_id = col_text(q, COL_TEXTS + AUDIT_REQUEST_ID),
                              .action = col_text(q, COL_TEXTS + AUDIT_ACTION),
                              .bank = col_text(q, COL_TEXTS + AUDIT_BANK),
                              .target = col_text(q, COL_TEXTS + AUDIT_TARGET),
                              .reason = col_text(q, COL_TEXTS + AUDIT_REASON),
                              .details = col_text(q, COL_TEXTS + AUDIT_DETAILS),
                              .generation = col_number(q, COL_GENERATION)};
    col_blob(q, COL_CHAIN, ret->chain, sizeof ret->chain);
}

enum rc sqlite_audit_list(struct store *store, const struct audit_filter *filter,
                          store_audit_visit *visit, void *ctx, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_AUDIT_LIST);
    query_number(&q, filter->before == 0 ? UINT64_MAX : filter->before);
    query_text(&q, filter->bank);
    query_text(&q, filter->actor);
    query_text(&q, filter->action);
    query_text(&q, filter->target);
    query_int(&q, filter->limit);
    for (bool found = true;;) {
        struct audit_row row;
        TRY(query_row(&q, &found, err));
        if (!found)
            return RC_OK;
        read_row(&q, &row);
        if (!visit(ctx, &row))
            return RC_OK;
    }
}

/* Takes the columns by their full length: a text with a NUL inside must not pass for its start. */
static bool link_holds(const struct query *q, const uint8_t previous[AUDIT_CHAIN_SIZE])
{
    struct audit_link link = {.seq = col_number(q, COL_SEQ),
                              .at_ms = col_int(q, COL_AT),
                              .generation = col_number(q, COL_GENERATION)};
    for (int i = 0; i < AUDIT_TEXTS; i++)
        link.text[i] = col_bytes(q, COL_TEXTS + i);
    uint8_t chain[AUDIT_CHAIN_SIZE], stored[AUDIT_CHAIN_SIZE];
    audit_chain(previous, &link, chain);
    col_blob(q, COL_CHAIN, stored, sizeof stored);
    return memcmp(chain, stored, sizeof chain) == 0;
}

enum rc sqlite_audit_verify(struct store *store, struct audit_check *ret, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    struct audit_check check = {0};

    TRY(reading_begin_long(store, &r, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_AUDIT_ALL);
    for (bool row = true;;) {
        TRY(query_row(&q, &row, err));
        if (!row)
            break;
        check.rows++;
        bool good = col_number(&q, COL_SEQ) == check.rows && link_holds(&q, check.head);
        if (!good && check.bad_seq == 0)
            check.bad_seq = check.rows;
        col_blob(&q, COL_CHAIN, check.head, sizeof check.head);
    }
    *ret = check;
    return RC_OK;
}

enum rc sqlite_mark(struct store *store, struct store_mark *ret, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    struct store_mark mark = {.generation = 0};

    TRY(reading_begin(store, &r, err));
    TRY(read_generation(r.conn, &mark.generation, err));
    TRY(read_last(r.conn, &mark.audit_seq, mark.audit_chain, err));
    if (mark.audit_seq == 0)
        FAIL(err, RC_NOTFOUND, "database: nothing was written yet");
    *ret = mark;
    return RC_OK;
}

enum rc sqlite_mark_check(struct store *store, const struct store_mark *mark, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    uint64_t generation = 0;
    uint8_t chain[AUDIT_CHAIN_SIZE] = {0};
    bool row = false;

    TRY(reading_begin(store, &r, err));
    TRY(read_generation(r.conn, &generation, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_AUDIT_CHAIN);
    query_number(&q, mark->audit_seq);
    TRY(query_row(&q, &row, err));
    if (row)
        col_blob(&q, 0, chain, sizeof chain);
    if (!row || generation < mark->generation ||
        memcmp(chain, mark->audit_chain, sizeof chain) != 0)
        FAIL(err, RC_CONFLICT, "database: %s: another database, or an older copy of this one",
             row ? "its history is not the one that was noted"
                 : "the audit row that was noted is not there");
    return RC_OK;
}
