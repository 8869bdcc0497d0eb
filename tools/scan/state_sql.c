/* Every statement of the state, and what they are run with. */
#include <stdarg.h>

#include "hashing/base/clock.h"
#include "tools/scan/state_internal.h"

/* What is told of a file; those that are worth it are looked up first, for they are few. */
#define EACH                                                                                       \
    "SELECT f.name, " OUTCOME ", " REASON ", c.type, c.sha256, coalesce(c.bytes,"                  \
    " f.size * (1 - f.member)), c.width, c.height, c.frames, c.duration_ms, c.generation,"         \
    " h.orientation, h.bank, h.action, h.entry, h.type, h.distance, h.threshold, h.ms,"            \
    " h.entry_ms, h.labels, f.member"
#define EACH_JOINS                                                                                 \
    " LEFT JOIN contents c ON c.number = f.content LEFT JOIN hits h ON h.content = f.content"
#define EACH_ORDER                                                                                 \
    " ORDER BY f.name, f.member, h.bank, h.entry, h.orientation, h.ms, h.entry_ms, h.type"

/* Of a file and its content, where it has one. */
#define OUTCOME "CASE WHEN f.reason <> '' THEN 2 ELSE coalesce(c.outcome, 2) END"
#define REASON  "CASE WHEN f.reason <> '' THEN f.reason ELSE coalesce(c.reason, '') END"

#define ASKED                                                                                      \
    "SELECT c.number, c.generation, c.sha256, s.frames,"                                           \
    " EXISTS (SELECT 1 FROM hits h WHERE h.content = c.number) FROM contents c"                    \
    " LEFT JOIN signals s ON s.content = c.number"

#define OF_ROOTS "(?1 < 0 OR f.root IN (SELECT number FROM roots WHERE run = ?1))"

const char *const state_sql[STATE_SQL_COUNT] = {
    [STATE_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [STATE_SQL_COMMIT] = "COMMIT",
    [STATE_SQL_META_GET] = "SELECT value FROM meta WHERE key = ?1",
    [STATE_SQL_META_SET] = "INSERT OR REPLACE INTO meta(key, value) VALUES (?1, ?2)",
    [STATE_SQL_ROOT_ADD] = "INSERT INTO roots(name, run, done) VALUES (?1, ?2, 0)"
                           " ON CONFLICT(name) DO UPDATE SET run = ?2 RETURNING number",
    [STATE_SQL_ROOT_KEPT] = "UPDATE roots SET run = ?2 WHERE name = ?1 RETURNING number",
    [STATE_SQL_ROOT_DONE] = "UPDATE roots SET done = ?2 WHERE number = ?1",
    [STATE_SQL_DROP_GONE] = "DELETE FROM files WHERE run < ?1"
                            " AND root IN (SELECT number FROM roots WHERE done = ?1)",
    [STATE_SQL_FILE_BY_NAME] =
        "SELECT f.number, f.size, f.mtime_ns, f.device, f.inode, f.etag, f.content, " OUTCOME
        ", f.container FROM files f LEFT JOIN contents c ON c.number = f.content"
        " WHERE f.name = ?1 AND f.member = ?2",
    [STATE_SQL_FILE_BY_INODE] =
        "SELECT f.content, c.outcome FROM files f JOIN contents c ON c.number = f.content"
        " WHERE f.device = ?1 AND f.inode = ?2 AND f.size = ?3 AND f.mtime_ns = ?4"
        " AND f.inode <> 0 AND f.member = 0 AND f.container = 0 LIMIT 1",
    [STATE_SQL_FILE_SEEN] = "UPDATE files SET run = ?2, root = ?3 WHERE number = ?1",
    [STATE_SQL_FILE_PUT] =
        "INSERT INTO files(name, root, size, mtime_ns, device, inode, etag, content, reason, run,"
        " member, container) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, 0), ?9, ?10, ?11, ?12)"
        " ON CONFLICT(name, member) DO UPDATE SET root = ?2, size = ?3, mtime_ns = ?4, device = ?5,"
        " inode = ?6, etag = ?7, content = nullif(?8, 0), reason = ?9, run = ?10, container = ?12",
    [STATE_SQL_KEEP_UNDER] = "UPDATE files SET run = ?1, root = ?2 WHERE name > ?3 AND name < ?4"
                             " AND member >= ?5",
    [STATE_SQL_FAILED_UNDER] =
        "SELECT 1 FROM files f LEFT JOIN contents c ON c.number = f.content WHERE f.name > ?1"
        " AND f.name < ?2 AND f.member = 1 AND " OUTCOME " = 2 LIMIT 1",
    [STATE_SQL_CONTAINER_DONE] = "UPDATE files SET reason = coalesce(nullif(?2, ''), reason), "
                                 "container = ?3 WHERE name = ?1 AND member = 0",
    [STATE_SQL_CONTENT_FIND] = "SELECT number, outcome FROM contents WHERE sha256 = ?1",
    [STATE_SQL_CONTENT_PUT] =
        "INSERT INTO contents(sha256, bytes, outcome, reason, type, width, height, frames,"
        " duration_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(sha256) DO UPDATE"
        " SET outcome = ?3, reason = ?4, type = ?5, width = ?6, height = ?7, frames = ?8,"
        " duration_ms = ?9, generation = NULL RETURNING number",
    [STATE_SQL_SIGNALS_PUT] = "INSERT OR REPLACE INTO signals(content, frames) VALUES (?1, ?2)",
    [STATE_SQL_ASKED_NEXT] = ASKED " WHERE c.number > ?1 ORDER BY c.number LIMIT ?2",
    [STATE_SQL_ASKED_UNMATCHED] =
        ASKED " WHERE c.number > ?1 AND c.generation IS NULL ORDER BY c.number LIMIT ?2",
    [STATE_SQL_HITS_CLEAR] = "DELETE FROM hits WHERE content = ?1",
    [STATE_SQL_HIT_PUT] =
        "INSERT OR REPLACE INTO hits(content, bank, entry, orientation, ms, entry_ms, type,"
        " action, distance, threshold, labels)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [STATE_SQL_MATCHED] = "UPDATE contents SET generation = ?2 WHERE number = ?1",
    [STATE_SQL_ANSWERED] = "UPDATE contents SET generation = ?3 WHERE number > ?1"
                           " AND number <= ?2 AND generation IS NOT ?3",
    [STATE_SQL_DUE_NEXT] =
        "SELECT f.name, f.size, f.mtime_ns, f.device, f.inode, c.sha256, f.member FROM files f"
        " JOIN contents c ON c.number = f.content WHERE " OF_ROOTS
        " AND (f.name, f.member) > (?3, ?4) AND EXISTS (SELECT 1 FROM hits h"
        " WHERE h.content = f.content AND h.action <> 'observe') AND NOT EXISTS (SELECT 1 FROM "
        "acts a WHERE a.name = f.name"
        " AND a.sha256 = c.sha256 AND a.act = ?2 AND a.done) ORDER BY f.name, f.member LIMIT 1",
    [STATE_SQL_ACT_PUT] = "INSERT OR REPLACE INTO acts(name, sha256, act, at_ms, outcome, done)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STATE_SQL_ACTS_OF] = "SELECT act, outcome, at_ms, done FROM acts WHERE name = ?1"
                          " AND sha256 = ?2 ORDER BY at_ms, act",
    [STATE_SQL_ACTS_ALL] =
        "SELECT a.act, a.outcome, a.at_ms, a.done, a.name, a.sha256, NOT EXISTS (SELECT 1"
        " FROM files f JOIN contents c ON c.number = f.content WHERE f.name = a.name"
        " AND c.sha256 = a.sha256) FROM acts a ORDER BY a.name, a.sha256, a.at_ms, a.act",
    [STATE_SQL_TOTAL_FILES] =
        "SELECT count(*), coalesce(sum(" OUTCOME " = 0), 0), coalesce(sum(" OUTCOME " = 1), 0),"
        " coalesce(sum(" OUTCOME " = 2), 0), coalesce(sum(c.bytes), 0)"
        " FROM files f LEFT JOIN contents c ON c.number = f.content WHERE " OF_ROOTS,
    [STATE_SQL_TOTAL_MATCHED] = "SELECT count(*) FROM (SELECT DISTINCT content FROM hits) h"
                                " JOIN files f ON f.content = h.content WHERE " OF_ROOTS,
    [STATE_SQL_TOTAL_CONTENTS] =
        "SELECT count(*), coalesce(sum(c.generation IS NULL), 0),"
        " coalesce(min(c.generation), -1), coalesce(max(c.generation), -1) FROM contents c"
        " WHERE EXISTS (SELECT 1 FROM files f WHERE f.content = c.number AND " OF_ROOTS ")",
    [STATE_SQL_EACH] = EACH " FROM files f" EACH_JOINS " WHERE " OF_ROOTS EACH_ORDER,
    [STATE_SQL_EACH_SOME] =
        "WITH some(number) AS (SELECT f.number FROM hits h JOIN files f ON f.content = h.content"
        " WHERE ?2 IN (1, 3) UNION SELECT number FROM files WHERE (reason <> '' OR content IS NULL)"
        " AND ?2 IN (2, 3) UNION SELECT f.number FROM contents c JOIN files f"
        " ON f.content = c.number WHERE c.outcome = 2 AND ?2 IN (2, 3)) " EACH
        " FROM some JOIN files f ON f.number = some.number" EACH_JOINS " AND ?2 <> 2"
        " WHERE " OF_ROOTS EACH_ORDER,
    [STATE_SQL_EACH_ROOT] = "SELECT name, done = run FROM roots"
                            " WHERE ?1 < 0 OR run = ?1 ORDER BY name",
    [STATE_SQL_EACH_GROUP] =
        "SELECT h.bank, h.action, h.labels, count(DISTINCT f.number) FROM files f"
        " JOIN hits h ON h.content = f.content WHERE " OF_ROOTS
        " GROUP BY h.bank, h.action, h.labels ORDER BY h.bank, h.action, h.labels",
};

enum rc state_fail(struct state *state, const char *at, struct err *err)
{
    state->broken = true;
    if (sqlite3_errcode(state->db) == SQLITE_NOMEM)
        return err_set(err, RC_NOMEM, at, "no memory for the state");
    return err_set(err, RC_STORE, at, "the state %s: %s", state->path, sqlite3_errmsg(state->db));
}

void state_reset_scoped(sqlite3_stmt **q)
{
    if (*q == NULL)
        return;
    sqlite3_reset(*q);
    sqlite3_clear_bindings(*q);
}

struct state *state_locked(struct state *state)
{
    pthread_mutex_lock(&state->lock);
    return state;
}

void state_unlock_scoped(struct state **state)
{
    pthread_mutex_unlock(&(*state)->lock);
}

static int bind_one(sqlite3_stmt *q, int place, char kind, va_list *args)
{
    struct bytes b;
    switch (kind) {
    case 'i':
        return sqlite3_bind_int64(q, place, va_arg(*args, int64_t));
    case 't':
        return sqlite3_bind_text(q, place, va_arg(*args, const char *), -1, SQLITE_STATIC);
    default:
        b = va_arg(*args, struct bytes);
        if (b.n == 0 && kind == 'B')
            return sqlite3_bind_null(q, place);
        return sqlite3_bind_blob64(q, place, b.n > 0 ? (const void *)b.p : "", b.n, SQLITE_STATIC);
    }
}

static enum rc bind_all(struct state *state, enum state_sql sql, sqlite3_stmt **ret,
                        const char *kinds, va_list *args, struct err *err)
{
    if (state->statement[sql] == NULL &&
        sqlite3_prepare_v3(state->db, state_sql[sql], -1, SQLITE_PREPARE_PERSISTENT,
                           &state->statement[sql], NULL) != SQLITE_OK)
        return state_fail(state, HERE, err);
    sqlite3_stmt *q = state->statement[sql];
    for (int i = 0; kinds[i] != '\0'; i++)
        if (bind_one(q, i + 1, kinds[i], args) != SQLITE_OK)
            return state_fail(state, HERE, err);
    *ret = q;
    return RC_OK;
}

enum rc state_bind(struct state *state, enum state_sql sql, sqlite3_stmt **ret, struct err *err,
                   const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    enum rc rc = bind_all(state, sql, ret, kinds, &args, err);
    va_end(args);
    return rc;
}

enum rc state_step(struct state *state, sqlite3_stmt *q, bool *ret_row, struct err *err)
{
    int code = sqlite3_step(q);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return state_fail(state, HERE, err);
    *ret_row = code == SQLITE_ROW;
    return RC_OK;
}

static enum rc run(struct state *state, enum state_sql sql, struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;
    TRY(state_bind(state, sql, &q, err, ""));
    return state_step(state, q, &row, err);
}

/* A transaction is opened by the first change after a commit. */
static enum rc begin(struct state *state, struct err *err)
{
    if (state->pending++ > 0)
        return RC_OK;
    state->began_ns = clock_mono_ns();
    enum rc rc = run(state, STATE_SQL_BEGIN, err);
    if (rc != RC_OK)
        state->pending = 0;
    return rc;
}

enum rc state_change(struct state *state, enum state_sql sql, struct err *err, const char *kinds,
                     ...)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;
    va_list args;

    TRY(begin(state, err));
    va_start(args, kinds);
    enum rc rc = bind_all(state, sql, &q, kinds, &args, err);
    va_end(args);
    TRY(rc);
    return state_step(state, q, &row, err);
}

/* What a killed scan does again is at most this much. */
enum { SETTLE_CHANGES = 128, SETTLE_MS = 1000 };

enum rc state_settle_held(struct state *state, bool now, struct err *err)
{
    if (state->broken)
        FAIL(err, RC_STORE, "the state %s failed before", state->path);
    if (state->pending == 0)
        return RC_OK;
    if (!now && state->pending < SETTLE_CHANGES &&
        clock_mono_ns() - state->began_ns < SETTLE_MS * 1000000ll)
        return RC_OK;
    TRY(run(state, STATE_SQL_COMMIT, err));
    state->pending = 0;
    return RC_OK;
}

enum rc state_settle(struct state *state, bool now, struct err *err)
{
    STATE_HOLD(state);
    return state_settle_held(state, now, err);
}

struct bytes state_blob(sqlite3_stmt *q, int column)
{
    const void *p = sqlite3_column_blob(q, column);
    return bytes_of(p, (size_t)sqlite3_column_bytes(q, column));
}

const char *state_text(sqlite3_stmt *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    return text != NULL ? text : "";
}

enum rc state_meta_get(struct state *state, const char *key, int64_t otherwise, int64_t *ret,
                       struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;
    TRY(state_bind(state, STATE_SQL_META_GET, &q, err, "t", key));
    TRY(state_step(state, q, &row, err));
    *ret = row ? sqlite3_column_int64(q, 0) : otherwise;
    return RC_OK;
}

enum rc state_meta_set(struct state *state, const char *key, int64_t value, struct err *err)
{
    return state_change(state, STATE_SQL_META_SET, err, "ti", key, value);
}
