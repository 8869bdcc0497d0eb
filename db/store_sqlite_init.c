#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "db/migrate.h"
#include "db/store_sqlite.h"

/* Opens the file's folder, which is made when only the last part of it is missing, and locks it:
 * one init at a time makes the file and switches it to WAL. */
static enum rc lock_folder(const char *path, int *ret_fd, struct err *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    if (n >= sizeof folder)
        FAIL(err, RC_STORE, "database: path too long");
    memcpy(folder, path, n);
    folder[n] = '\0';
    const char *name = slash == NULL ? "." : n == 0 ? "/" : folder;

    if (mkdir(name, 0700) != 0 && errno != EEXIST)
        FAIL(err, RC_STORE, "folder %s: %s", name, strerrordesc_np(errno));
    SCOPED(fd_close) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        FAIL(err, RC_STORE, "folder %s: %s", name, strerrordesc_np(errno));
    *ret_fd = fd_take(&fd);
    return RC_OK;
}

/* SQLite would make it with 0644; its -wal and -shm take the mode of the file. */
static enum rc make_file(const char *path, struct err *err)
{
    SCOPED(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return RC_OK;
    if (fd < 0 || fchmod(fd, 0600) != 0)
        FAIL(err, RC_STORE, "database %s: %s", path, strerrordesc_np(errno));
    return RC_OK;
}

static enum rc read_version(sqlite3 *db, int *ret_version, bool *ret_fresh, struct err *err)
{
    int64_t application = 0, version = 0, tables = 0;
    TRY(db_number(db, "PRAGMA application_id", &application, err));
    TRY(db_number(db, "PRAGMA user_version", &version, err));
    TRY(db_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err));
    bool fresh = application == 0 && version == 0 && tables == 0;
    if (!fresh && application != APPLICATION_ID)
        FAIL(err, RC_STORE, "database %s: not a Hashgate database",
             sqlite3_db_filename(db, "main"));
    *ret_version = (int)version;
    *ret_fresh = fresh;
    return RC_OK;
}

static enum rc apply(sqlite3 *db, const struct migration *m, struct err *err)
{
    char sql[128];
    for (; m->name != NULL; m++) {
        TRY(db_exec(db, m->sql, err));
        snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                 APPLICATION_ID, migration_version(m));
        TRY(db_exec(db, sql, err));
    }
    return RC_OK;
}

static enum rc migrate(sqlite3 *db, bool *ret_created, struct err *err)
{
    int version = 0;
    bool fresh = false;
    int latest = migrations_latest(sqlite_migrations);

    TRY(read_version(db, &version, &fresh, err));
    if (version > latest)
        FAIL(err, RC_STORE, "database %s: schema %d is newer than this program's %d",
             sqlite3_db_filename(db, "main"), version, latest);
    TRY(db_exec(db, "PRAGMA journal_mode=WAL", err));
    TRY(db_exec(db, "BEGIN IMMEDIATE", err));
    TRY(apply(db, migrations_after(sqlite_migrations, version), err));
    /* Left without it, the closing of the handle rolls back. */
    TRY(db_exec(db, "COMMIT", err));
    *ret_created = fresh;
    return RC_OK;
}

enum rc sqlite_init(const char *rest, bool *ret_created, struct err *err)
{
    SCOPED(mem_free) char *path = NULL;
    SCOPED(fd_close) int folder = -1;
    SCOPED(db_close) sqlite3 *db = NULL;

    TRY(sqlite_path(rest, &path, err));
    TRY(lock_folder(path, &folder, err));
    TRY(make_file(path, err));
    TRY(db_open(path, &db, err));
    TRY(migrate(db, ret_created, err));
    if (fsync(folder) != 0)
        FAIL(err, RC_STORE, "database %s: %s", path, strerrordesc_np(errno));
    return RC_OK;
}
