#include <string.h>
#include <time.h>

#include "db/migrate.h"
#include "db/store_sqlite.h"

/*
 * A checkpoint writes each page once, however often it changed since the last, and new hashes of an
 * import fall on any page: it comes after 128 MiB of WAL, which then is cut back to no more.
 */
#define WAL_CHECKPOINT_PAGES "32768"
#define WAL_LIMIT            "134217728"

enum rc db_fail(sqlite3 *db, int code, const char *at, struct err *err)
{
    const char *path = db != NULL ? sqlite3_db_filename(db, "main") : NULL;
    if (path == NULL)
        path = "";
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, RC_BUSY, at, "database %s: locked by another process", path);
    case SQLITE_NOMEM:
        return err_set(err, RC_NOMEM, at, "out of memory");
    case SQLITE_FULL:
        return err_set(err, RC_STORE, at, "database %s: disk full", path);
    case SQLITE_NOTADB:
        return err_set(err, RC_STORE, at, "database %s: not a Hashgate database", path);
    default:
        break;
    }
    const char *text = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return err_set(err, RC_CONFLICT, at, "database: exists already: %s", text);
    return err_set(err, RC_STORE, at, "database %s: %s (%d)", path, text, code);
}

/* SQLite's own waits grow to 100 ms, which would rarely meet the gap between two batches of
 * another process' import. */
static int wait_for_lock(void *ctx, int tries)
{
    (void)ctx;
    if (tries >= LOCK_WAIT_MS / LOCK_POLL_MS)
        return 0;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_MS * 1000000L}, NULL);
    return 1;
}

enum rc db_exec(sqlite3 *db, const char *sql, struct err *err)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? RC_OK : db_fail(db, code, HERE, err);
}

enum rc db_open(const char *path, sqlite3 **ret, struct err *err)
{
    SCOPED(db_close) sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &db, flags, NULL);
    if (code != SQLITE_OK)
        return db_fail(db, code, HERE, err);
    sqlite3_busy_handler(db, wait_for_lock, NULL);
    TRY(db_exec(db,
                "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                " PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=" WAL_LIMIT ";"
                " PRAGMA wal_autocheckpoint=" WAL_CHECKPOINT_PAGES,
                err));
    *ret = TAKE(db);
    return RC_OK;
}

void db_close(sqlite3 *db)
{
    sqlite3_close_v2(db);
}

enum rc db_number(sqlite3 *db, const char *sql, int64_t *ret, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    enum rc rc = code == SQLITE_ROW ? RC_OK : db_fail(db, code, HERE, err);
    sqlite3_finalize(stmt);
    return rc;
}

static enum rc check_identity(sqlite3 *db, struct err *err)
{
    int64_t application = 0, version = 0;
    int latest = migrations_latest(sqlite_migrations);
    const char *path = sqlite3_db_filename(db, "main");

    TRY(db_number(db, "PRAGMA application_id", &application, err));
    if (application != APPLICATION_ID)
        FAIL(err, RC_STORE, "database %s: not a Hashgate database", path);
    TRY(db_number(db, "PRAGMA user_version", &version, err));
    if (version < latest)
        FAIL(err, RC_STORE, "database %s: schema %d is older than %d: run \"hashgated init\"", path,
             (int)version, latest);
    if (version > latest)
        FAIL(err, RC_STORE, "database %s: schema %d is newer than this program's %d", path,
             (int)version, latest);
    return RC_OK;
}

static enum rc prepare_all(struct conn *conn, struct err *err)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        int code = sqlite3_prepare_v3(conn->db, sql_sqlite[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &conn->stmt[i], NULL);
        if (code != SQLITE_OK)
            return db_fail(conn->db, code, HERE, err);
    }
    return RC_OK;
}

enum rc conn_cache(struct conn *conn, bool for_import, struct err *err)
{
    return db_exec(conn->db, for_import ? "PRAGMA cache_size=-65536" : "PRAGMA cache_size=-8192",
                   err);
}

enum rc conn_open(const char *path, bool writer, struct conn **ret, struct err *err)
{
    SCOPED(conn_free) struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    TRY(db_open(path, &conn->db, err));
    TRY(check_identity(conn->db, err));
    /* WAL stays with the file, but a copy that another tool made may have lost it.  What changed is
     * sorted in memory: there need not be a folder for temporary files. */
    TRY(db_exec(conn->db,
                writer ? "PRAGMA journal_mode=WAL"
                       : "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY",
                err));
    if (writer)
        TRY(conn_cache(conn, false, err));
    TRY(prepare_all(conn, err));
    *ret = TAKE(conn);
    return RC_OK;
}

void conn_free(struct conn *conn)
{
    if (conn == NULL)
        return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(conn->stmt[i]);
    db_close(conn->db);
    free(conn);
}
