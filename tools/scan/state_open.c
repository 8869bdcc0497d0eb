#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/scan/state_internal.h"

enum { STATE_WAIT_MS = 500 };

/*
 * A content has a row however many files hold it; its signals lie apart, so that reports need not
 * read past them.  outcome: enum state_outcome.  container: enum state_container; one that could
 * not be gone through to its end has a reason beside its content.
 */
static const char schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE roots (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " run INTEGER NOT NULL, done INTEGER NOT NULL);"
    "CREATE TABLE contents (number INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE,"
    " bytes INTEGER NOT NULL, outcome INTEGER NOT NULL, reason TEXT NOT NULL, type TEXT NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, frames INTEGER NOT NULL,"
    " duration_ms INTEGER NOT NULL, generation INTEGER);"
    "CREATE INDEX contents_unmatched ON contents(number) WHERE generation IS NULL;"
    "CREATE TABLE signals (content INTEGER PRIMARY KEY, frames BLOB);"
    "CREATE TABLE files (number INTEGER PRIMARY KEY, name BLOB NOT NULL,"
    " member INTEGER NOT NULL, container INTEGER NOT NULL, root INTEGER NOT NULL,"
    " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, device INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, etag TEXT NOT NULL, content INTEGER, reason TEXT NOT NULL,"
    " run INTEGER NOT NULL, UNIQUE (name, member));"
    "CREATE INDEX files_inode ON files(inode, device) WHERE inode <> 0 AND member = 0;"
    "CREATE INDEX files_content ON files(content);"
    "CREATE TABLE hits (content INTEGER NOT NULL, bank TEXT NOT NULL, entry TEXT NOT NULL,"
    " orientation TEXT NOT NULL, ms INTEGER NOT NULL, entry_ms INTEGER NOT NULL,"
    " type TEXT NOT NULL, action TEXT NOT NULL, distance INTEGER NOT NULL,"
    " threshold INTEGER NOT NULL, labels TEXT NOT NULL,"
    " PRIMARY KEY (content, bank, entry, orientation, ms, entry_ms, type)) WITHOUT ROWID;"
    "CREATE TABLE acts (name BLOB NOT NULL, sha256 BLOB NOT NULL, act TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, outcome TEXT NOT NULL, done INTEGER NOT NULL,"
    " PRIMARY KEY (name, sha256, act)) WITHOUT ROWID;";

void state_free(struct state *state)
{
    if (state == NULL)
        return;
    struct err err;
    if (state->db != NULL && !state->broken && state_settle_held(state, true, &err) != RC_OK)
        state->broken = true;
    for (size_t i = 0; i < STATE_SQL_COUNT; i++)
        sqlite3_finalize(state->statement[i]);
    sqlite3_close(state->db);
    pthread_mutex_destroy(&state->lock);
    free(state->path);
    free(state);
}

/* The folders that are missing, for the owner only. */
static enum rc make_folders(char *path, struct err *err)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST ? errno : 0;
        if (failed != 0)
            err_set_sys(err, failed, HERE, "cannot make the folder %s", path);
        *slash = '/';
        if (failed != 0)
            return RC_SYS;
    }
    return RC_OK;
}

static enum rc execute(struct state *state, const char *sql, struct err *err)
{
    int code = sqlite3_exec(state->db, sql, NULL, NULL, NULL);
    if (code == SQLITE_BUSY)
        FAIL(err, RC_CONFLICT, "another scan has the state %s; each needs one of its own",
             state->path);
    return code == SQLITE_OK ? RC_OK : state_fail(state, HERE, err);
}

enum rc state_number(struct state *state, const char *sql, int *ret, struct err *err)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(state->db, sql, -1, &q, NULL) != SQLITE_OK ||
        sqlite3_step(q) != SQLITE_ROW) {
        state_fail(state, HERE, err);
        sqlite3_finalize(q);
        return RC_STORE;
    }
    *ret = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return RC_OK;
}

static enum rc make_schema(struct state *state, struct err *err)
{
    char stamp[96];
    snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             STATE_APPLICATION, STATE_VERSION);
    TRY(execute(state, "BEGIN IMMEDIATE", err));
    TRY(execute(state, schema, err));
    return execute(state, stamp, err);
}

static enum rc check_schema(struct state *state, struct err *err)
{
    int application = 0, version = 0, tables = 0;
    TRY(state_number(state, "PRAGMA application_id", &application, err));
    TRY(state_number(state, "PRAGMA user_version", &version, err));
    TRY(state_number(state, "SELECT count(*) FROM sqlite_schema", &tables, err));
    if (application == 0 && version == 0 && tables == 0)
        return make_schema(state, err);
    if (application != STATE_APPLICATION)
        FAIL(err, RC_STORE, "%s is a database, but no state of a scan", state->path);
    if (version != STATE_VERSION)
        FAIL(err, RC_STORE, "the state %s has version %d; this program knows %d", state->path,
             version, STATE_VERSION);
    return RC_OK;
}

/*
 * The exclusive lock comes with the first read and goes with the process, however that ends.
 * A commit is in the kernel's hands when it returns, which a kill cannot take back; the log's
 * checkpoints wait for the disk, so that a power cut loses commits at the end and no more.
 */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;"
                               "PRAGMA temp_store = FILE; BEGIN IMMEDIATE; COMMIT";

enum rc state_open(const char *path, struct state **ret, struct err *err)
{
    SCOPED(state_free) struct state *state = calloc(1, sizeof *state);
    if (state == NULL || (state->path = strdup(path)) == NULL)
        FAIL(err, RC_NOMEM, "no memory for the state");
    pthread_mutex_init(&state->lock, NULL);
    TRY(make_folders(state->path, err));
    SCOPED(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        FAIL_SYS(err, "cannot open the state %s", path);
    close(fd_take(&fd)); /* closing it later would drop SQLite's locks */
    if (sqlite3_open_v2(path, &state->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return state_fail(state, HERE, err);
    sqlite3_busy_timeout(state->db, STATE_WAIT_MS);
    TRY(execute(state, settings, err));
    TRY(check_schema(state, err));
    TRY(state_meta_get(state, "run", 0, &state->run, err));
    *ret = TAKE(state);
    return RC_OK;
}

enum rc state_run_begin(struct state *state, struct state_shard shard, struct err *err)
{
    STATE_HOLD(state);
    int64_t i, n;
    TRY(state_meta_get(state, "shard", shard.i, &i, err));
    TRY(state_meta_get(state, "shards", shard.n, &n, err));
    if (i != shard.i || n != shard.n)
        FAIL(err, RC_CONFLICT, "the state %s is of shard %lld/%lld", state->path, (long long)i,
             (long long)n);
    TRY(state_meta_set(state, "shard", shard.i, err));
    TRY(state_meta_set(state, "shards", shard.n, err));
    state->run++;
    return state_meta_set(state, "run", state->run, err);
}
