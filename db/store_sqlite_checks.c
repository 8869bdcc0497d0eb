/* Checks that outlive their request: rows that begin running and end once. */
#include "db/store_sqlite.h"

enum { FORGET_BATCH = 500 };

static enum rc no_such_check(const struct ulid *id, struct err *err)
{
    char text[ULID_SIZE];
    ulid_text(id, text);
    FAIL(err, RC_NOTFOUND, "no check %s", text);
}

enum rc sqlite_check_begin(struct store *store, const struct ulid *id, const char *key_id,
                           const char *ref, const char *node, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    TRY(tx_begin(store, NULL, &tx, err));
    SCOPED(query_end) struct query q = query_on(tx.conn, SQL_CHECK_ADD);
    query_blob(&q, id->b, sizeof id->b);
    query_text(&q, or_empty(key_id));
    query_text(&q, or_empty(ref));
    query_text(&q, node);
    query_int(&q, tx.now_ms);
    TRY(query_run(&q, err));
    return tx_commit(&tx, err);
}

/* The query is on SQL_CHECK_BY_ID. */
static enum rc find(struct query *q, const struct ulid *id, struct err *err)
{
    bool row = false;
    query_blob(q, id->b, sizeof id->b);
    TRY(query_row(q, &row, err));
    return row ? RC_OK : no_such_check(id, err);
}

static enum rc refuse_to_end(struct conn *conn, const struct ulid *id, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_CHECK_BY_ID);
    TRY(find(&q, id, err));
    char text[ULID_SIZE];
    ulid_text(id, text);
    FAIL(err, RC_CONFLICT, "check %s has ended already", text);
}

enum rc sqlite_check_end(struct store *store, const struct ulid *id, enum check_state state,
                         unsigned status, const char *answer, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    TRY(tx_begin(store, NULL, &tx, err));
    SCOPED(query_end) struct query q = query_on(tx.conn, SQL_CHECK_END);
    query_blob(&q, id->b, sizeof id->b);
    query_int(&q, state);
    query_int(&q, status);
    query_text(&q, answer);
    query_int(&q, tx.now_ms);
    TRY(query_run(&q, err));
    if (sqlite3_changes(tx.conn->db) == 0)
        return refuse_to_end(tx.conn, id, err);
    return tx_commit(&tx, err);
}

static void check_drop_scoped(struct check_row *check)
{
    check_row_clear(check);
}

enum rc sqlite_check_get(struct store *store, const struct ulid *id, struct check_row *ret,
                         struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_CHECK_BY_ID);
    TRY(find(&q, id, err));
    SCOPED(check_drop)
    struct check_row check = {.id = col_ulid(&q, 0),
                              .state = (enum check_state)col_int(&q, 4),
                              .status = (unsigned)col_int(&q, 5),
                              .created_ms = col_int(&q, 7),
                              .updated_ms = col_int(&q, 8)};
    TRY(col_dup(&q, 1, &check.key_id, err));
    TRY(col_dup(&q, 2, &check.ref, err));
    TRY(col_dup(&q, 3, &check.node, err));
    TRY(col_dup(&q, 6, &check.answer, err));
    *ret = check;
    check = (struct check_row){0};
    return RC_OK;
}

enum rc sqlite_checks_abandon(struct store *store, const char *node, unsigned status,
                              const char *answer, uint64_t *ret_n, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    TRY(tx_begin(store, NULL, &tx, err));
    SCOPED(query_end) struct query q = query_on(tx.conn, SQL_CHECK_ABANDON);
    query_text(&q, node);
    query_int(&q, status);
    query_text(&q, answer);
    query_int(&q, tx.now_ms);
    TRY(query_run(&q, err));
    uint64_t n = (uint64_t)sqlite3_changes(tx.conn->db);
    if (n > 0)
        TRY(tx_commit(&tx, err));
    *ret_n = n;
    return RC_OK;
}

static enum rc forget_some(struct store *store, int64_t before_ms, uint64_t *ret_n, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    TRY(tx_begin(store, NULL, &tx, err));
    SCOPED(query_end) struct query q = query_on(tx.conn, SQL_CHECK_FORGET);
    query_int(&q, before_ms);
    query_int(&q, FORGET_BATCH);
    TRY(query_run(&q, err));
    *ret_n = (uint64_t)sqlite3_changes(tx.conn->db);
    return *ret_n > 0 ? tx_commit(&tx, err) : RC_OK;
}

enum rc sqlite_checks_forget(struct store *store, int64_t before_ms, uint64_t *ret_n,
                             struct err *err)
{
    uint64_t n = 0;
    for (uint64_t some = FORGET_BATCH; some == FORGET_BATCH; n += some)
        TRY(forget_some(store, before_ms, &some, err));
    *ret_n = n;
    return RC_OK;
}
