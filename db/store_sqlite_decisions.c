#include "db/store_sqlite.h"

static enum rc insert(struct tx *tx, const struct decision *d, uint64_t *ret_number,
                      struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_DECISION_ADD);
    query_blob(&q, d->check_id.b, sizeof d->check_id.b);
    query_int(&q, d->at_ms);
    query_text(&q, or_empty(d->key_id));
    query_text(&q, or_empty(d->ref));
    query_int(&q, d->verdict);
    query_number(&q, d->generation);
    TRY(query_run(&q, err));
    *ret_number = (uint64_t)sqlite3_last_insert_rowid(tx->conn->db);
    return RC_OK;
}

static enum rc insert_match(struct query *q, uint64_t decision, size_t position,
                            const struct decision_match *m, struct err *err)
{
    query_again(q);
    query_number(q, decision);
    query_number(q, position);
    query_blob(q, m->entry.b, sizeof m->entry.b);
    query_int(q, m->bank);
    query_int(q, m->action);
    query_int(q, m->type);
    query_int(q, m->distance);
    query_int(q, m->threshold);
    query_int(q, m->orientation);
    query_int(q, m->look);
    query_int(q, m->ms);
    query_int(q, m->entry_ms);
    return query_run(q, err);
}

static enum rc insert_matches(struct tx *tx, uint64_t number, const struct decision *d,
                              struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_DECISION_MATCH_ADD);
    for (size_t i = 0; i < d->n_matches; i++)
        TRY(insert_match(&q, number, i, &d->matches[i], err));
    return RC_OK;
}

enum rc sqlite_decision_add(struct store *store, const struct decision *decision, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    uint64_t number = 0;
    TRY(tx_begin(store, NULL, &tx, err));
    TRY(insert(&tx, decision, &number, err));
    TRY(insert_matches(&tx, number, decision, err));
    return tx_commit(&tx, err);
}
