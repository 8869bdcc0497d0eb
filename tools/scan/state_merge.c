/* The join of many states into one. */
#include <string.h>
#include <sys/stat.h>

#include "tools/scan/state_internal.h"

/*
 * Contents are known by their digest and files by their name, so what several states hold counts
 * once.  Of a content the state tells that could do most with it, hashed before other before
 * failed; of those the one whose answer is the newest, with its hits and no others, for what an
 * older one found may have been revoked.  Answers of one generation are united: they are the same
 * unless lists gave them.  A file that was read
 * replaces one that was not.  No scan of this state has seen it yet (run 0).
 */
static const char join[] =
    "BEGIN IMMEDIATE;"
    "INSERT OR IGNORE INTO roots(name, run, done) SELECT name, 0, 0 FROM other.roots;"
    "INSERT OR IGNORE INTO contents(sha256, bytes, outcome, reason, type, width, height, frames,"
    " duration_ms, generation) SELECT sha256, bytes, outcome, reason, type, width, height, frames,"
    " duration_ms, generation FROM other.contents;"
    "CREATE TEMP TABLE better AS SELECT c.number AS ours, o.number AS theirs"
    " FROM other.contents o JOIN contents c ON c.sha256 = o.sha256 WHERE o.outcome < c.outcome"
    " OR (o.outcome = c.outcome AND coalesce(o.generation, -1) > coalesce(c.generation, -1));"
    "DELETE FROM signals WHERE content IN (SELECT ours FROM better);"
    "DELETE FROM hits WHERE content IN (SELECT ours FROM better);"
    "UPDATE contents SET (outcome, reason, type, width, height, frames, duration_ms, generation) ="
    " (SELECT o.outcome, o.reason, o.type, o.width, o.height, o.frames, o.duration_ms,"
    " o.generation FROM other.contents o WHERE o.number = b.theirs)"
    " FROM better b WHERE number = b.ours;"
    "DROP TABLE better;"
    "INSERT OR IGNORE INTO signals(content, frames) SELECT c.number, s.frames FROM other.signals s"
    " JOIN other.contents o ON o.number = s.content JOIN contents c ON c.sha256 = o.sha256;"
    "INSERT OR IGNORE INTO hits(content, bank, entry, orientation, ms, entry_ms, type, action,"
    " distance, threshold, labels) SELECT c.number, h.bank, h.entry, h.orientation, h.ms,"
    " h.entry_ms, h.type, h.action, h.distance, h.threshold, h.labels FROM other.hits h"
    " JOIN other.contents o ON o.number = h.content JOIN contents c ON c.sha256 = o.sha256"
    " WHERE o.outcome = c.outcome AND o.generation IS c.generation;"
    "INSERT INTO files(name, member, container, root, size, mtime_ns, device, inode, etag,"
    " content, reason, run) SELECT f.name, f.member, f.container, r.number, f.size, f.mtime_ns,"
    " f.device, f.inode, f.etag, c.number, f.reason, 0 FROM other.files f"
    " JOIN other.roots p ON p.number = f.root JOIN roots r ON r.name = p.name"
    " LEFT JOIN other.contents o ON o.number = f.content"
    " LEFT JOIN contents c ON c.sha256 = o.sha256 WHERE true"
    " ON CONFLICT(name, member) DO UPDATE SET container = excluded.container,"
    " root = excluded.root, size = excluded.size, mtime_ns = excluded.mtime_ns,"
    " device = excluded.device, inode = excluded.inode, etag = excluded.etag,"
    " content = excluded.content, reason = excluded.reason, run = 0"
    " WHERE excluded.content IS NOT NULL OR content IS NULL;"
    "INSERT INTO acts(name, sha256, act, at_ms, outcome, done) SELECT name, sha256, act, at_ms,"
    " outcome, done FROM other.acts WHERE true ON CONFLICT(name, sha256, act) DO UPDATE"
    " SET at_ms = excluded.at_ms, outcome = excluded.outcome, done = excluded.done"
    " WHERE (excluded.done, excluded.at_ms) > (done, at_ms);"
    "COMMIT";

static enum rc run(struct state *state, const char *what, const char *sql, struct err *err)
{
    int code = sqlite3_exec(state->db, sql, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return RC_OK;
    state->broken = true;
    if (code == SQLITE_BUSY)
        FAIL(err, RC_CONFLICT, "another scan has the state %s", what);
    FAIL(err, RC_STORE, "the state %s: %s", what, sqlite3_errmsg(state->db));
}

/* Whether what is attached is a state of this version. */
static enum rc check_other(struct state *state, const char *path, struct err *err)
{
    int application = 0, version = 0;
    TRY(state_number(state, "PRAGMA other.application_id", &application, err));
    TRY(state_number(state, "PRAGMA other.user_version", &version, err));
    if (application != STATE_APPLICATION || version != STATE_VERSION)
        FAIL(err, RC_STORE, "%s is no state of a scan by this version", path);
    return RC_OK;
}

static enum rc attach(struct state *state, const char *path, struct err *err)
{
    sqlite3_stmt *q = NULL;
    bool good = sqlite3_prepare_v2(state->db, "ATTACH ?1 AS other", -1, &q, NULL) == SQLITE_OK &&
                sqlite3_bind_text(q, 1, path, -1, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_step(q) == SQLITE_DONE;
    sqlite3_finalize(q);
    if (!good)
        FAIL(err, RC_STORE, "the state %s: %s", path, sqlite3_errmsg(state->db));
    return RC_OK;
}

enum rc state_merge_check(const char *into, const char *path, struct err *err)
{
    struct stat other, own;

    if (stat(path, &other) != 0) /* ATTACH would make it */
        FAIL_SYS(err, "cannot open the state %s", path);
    if (stat(into, &own) == 0 && own.st_ino == other.st_ino && own.st_dev == other.st_dev)
        FAIL(err, RC_INPUT, "%s is the state that the others are to be joined in", path);
    return RC_OK;
}

enum rc state_merge(struct state *state, const char *path, struct err *err)
{
    STATE_HOLD(state);

    TRY(state_merge_check(state->path, path, err));
    TRY(state_settle_held(state, true, err));
    TRY(attach(state, path, err));
    enum rc rc = check_other(state, path, err);
    if (rc == RC_OK)
        rc = run(state, path, join, err);
    if (state->broken)
        sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_exec(state->db, "DETACH other", NULL, NULL, NULL);
    return rc;
}
