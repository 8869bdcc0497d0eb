#include <string.h>

#include "db/store_sqlite.h"

struct query query_on(struct conn *conn, enum sql which)
{
    return (struct query){.conn = conn, .stmt = conn->stmt[which], .failed = SQLITE_OK};
}

/* What a failed step said was told by that step already; reset says it again. */
void query_again(struct query *q)
{
    sqlite3_reset(q->stmt);
    q->at = 0;
    q->failed = SQLITE_OK;
}

void query_end_scoped(struct query *q)
{
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
}

static void note(struct query *q, int code)
{
    if (q->failed == SQLITE_OK)
        q->failed = code;
}

void query_text(struct query *q, const char *s)
{
    note(q, sqlite3_bind_text(q->stmt, ++q->at, s, -1, SQLITE_STATIC));
}

void query_int(struct query *q, int64_t n)
{
    note(q, sqlite3_bind_int64(q->stmt, ++q->at, n));
}

void query_number(struct query *q, uint64_t n)
{
    query_int(q, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void query_real(struct query *q, double n)
{
    note(q, sqlite3_bind_double(q->stmt, ++q->at, n));
}

void query_blob(struct query *q, const void *p, size_t n)
{
    note(q, sqlite3_bind_blob64(q->stmt, ++q->at, p, n, SQLITE_STATIC));
}

void query_null(struct query *q)
{
    note(q, sqlite3_bind_null(q->stmt, ++q->at));
}

enum rc query_row(struct query *q, bool *ret_row, struct err *err)
{
    int code = q->failed == SQLITE_OK ? sqlite3_step(q->stmt) : q->failed;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return db_fail(q->conn->db, code, HERE, err);
    *ret_row = code == SQLITE_ROW;
    return RC_OK;
}

enum rc query_run(struct query *q, struct err *err)
{
    bool row = true;
    while (row)
        TRY(query_row(q, &row, err));
    return RC_OK;
}

int64_t col_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

uint64_t col_number(const struct query *q, int column)
{
    return (uint64_t)sqlite3_column_int64(q->stmt, column);
}

const char *col_text(const struct query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);
    return text != NULL ? (const char *)text : "";
}

struct bytes col_bytes(const struct query *q, int column)
{
    const void *p = sqlite3_column_blob(q->stmt, column);
    return bytes_of(p, p != NULL ? (size_t)sqlite3_column_bytes(q->stmt, column) : 0);
}

enum rc col_dup(const struct query *q, int column, char **ret, struct err *err)
{
    *ret = strdup(col_text(q, column));
    if (*ret == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    return RC_OK;
}

void col_blob(const struct query *q, int column, uint8_t *out, size_t n)
{
    struct bytes b = col_bytes(q, column);
    size_t take = b.n < n ? b.n : n;
    memset(out, 0, n);
    if (take > 0)
        memcpy(out, b.p, take);
}

struct ulid col_ulid(const struct query *q, int column)
{
    struct ulid id;
    col_blob(q, column, id.b, sizeof id.b);
    return id;
}
