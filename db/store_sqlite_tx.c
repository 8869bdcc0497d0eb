#include "db/store_sqlite.h"
#include "hashing/base/clock.h"

static void turn_take(struct turns *turns)
{
    pthread_mutex_lock(&turns->lock);
    uint64_t mine = turns->next++;
    while (turns->serving != mine)
        pthread_cond_wait(&turns->changed, &turns->lock);
    pthread_mutex_unlock(&turns->lock);
}

static void turn_give(struct turns *turns)
{
    pthread_mutex_lock(&turns->lock);
    turns->serving++;
    pthread_cond_broadcast(&turns->changed);
    pthread_mutex_unlock(&turns->lock);
}

static enum rc run(struct conn *conn, enum sql which, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, which);
    return query_run(&q, err);
}

/* Its failure has no one to go to: the transaction is gone, or the next begin tries again. */
static void roll_back(struct conn *conn)
{
    if (sqlite3_get_autocommit(conn->db) == 0 && run(conn, SQL_ROLLBACK, NULL) != RC_OK)
        return;
}

enum rc read_generation(struct conn *conn, uint64_t *ret, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_GENERATION);
    bool row = false;
    TRY(query_row(&q, &row, err));
    if (!row)
        FAIL(err, RC_STORE, "database: its generation is missing");
    *ret = col_number(&q, 0);
    return RC_OK;
}

enum rc tx_begin(struct store *store, const struct actor *actor, struct tx *tx, struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    turn_take(&s->turns);
    *tx = (struct tx){.store = s, .conn = s->writer, .actor = actor, .now_ms = clock_wall_ms()};
    roll_back(tx->conn);
    TRY(run(tx->conn, SQL_BEGIN_WRITE, err));
    return read_generation(tx->conn, &tx->generation, err);
}

enum rc tx_next_generation(struct tx *tx, struct err *err)
{
    if (tx->took_generation)
        return RC_OK;
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_GENERATION_NEXT);
    bool row = false;
    TRY(query_row(&q, &row, err));
    if (!row)
        FAIL(err, RC_STORE, "database: its generation is missing");
    tx->generation = col_number(&q, 0);
    tx->took_generation = true;
    return RC_OK;
}

enum rc tx_change(struct tx *tx, enum change_kind kind, uint64_t ref, struct err *err)
{
    TRY(tx_next_generation(tx, err));
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_CHANGE_ADD);
    query_number(&q, tx->generation);
    query_int(&q, kind);
    query_number(&q, ref);
    return query_run(&q, err);
}

enum rc tx_commit(struct tx *tx, struct err *err)
{
    enum rc rc = run(tx->conn, SQL_COMMIT, err);
    /* Busy at the commit would be a promise to try again of a change that may have happened. */
    if (rc == RC_BUSY)
        FAIL(err, RC_STORE, "database: the commit failed: %s", sqlite3_errmsg(tx->conn->db));
    return rc;
}

void tx_end_scoped(struct tx *tx)
{
    if (tx->store == NULL)
        return;
    roll_back(tx->conn);
    turn_give(&tx->store->turns);
}

static struct conn *pool_take(struct sqlite_store *s)
{
    pthread_mutex_lock(&s->pool_lock);
    while (s->n_idle == 0)
        pthread_cond_wait(&s->pool_changed, &s->pool_lock);
    struct conn *conn = s->idle[--s->n_idle];
    pthread_mutex_unlock(&s->pool_lock);
    return conn;
}

static void pool_give(struct sqlite_store *s, struct conn *conn)
{
    pthread_mutex_lock(&s->pool_lock);
    s->idle[s->n_idle++] = conn;
    pthread_cond_signal(&s->pool_changed);
    pthread_mutex_unlock(&s->pool_lock);
}

enum rc reading_begin(struct store *store, struct reading *r, struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    *r = (struct reading){.store = s, .conn = pool_take(s)};
    roll_back(r->conn);
    return run(r->conn, SQL_BEGIN_READ, err);
}

enum rc reading_begin_long(struct store *store, struct reading *r, struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct conn *conn = NULL;
    TRY(conn_open(s->path, false, &conn, err));
    *r = (struct reading){.store = s, .conn = conn, .own = true};
    return run(conn, SQL_BEGIN_READ, err);
}

void reading_end_scoped(struct reading *r)
{
    if (r->conn == NULL)
        return;
    roll_back(r->conn);
    if (r->own)
        conn_free(r->conn);
    else
        pool_give(r->store, r->conn);
}
