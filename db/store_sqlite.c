#include "db/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Room for the WAL of a moderator's work of the day: below it an operator must act. */
enum { FREE_MIB_MIN = 16 };

static void sqlite_free(struct store *store)
{
    struct sqlite_store *s = sqlite_of(store);
    for (unsigned i = 0; i < s->n_idle; i++)
        conn_free(s->idle[i]);
    conn_free(s->writer);
    pthread_mutex_destroy(&s->turns.lock);
    pthread_cond_destroy(&s->turns.changed);
    pthread_mutex_destroy(&s->recordings.lock);
    pthread_cond_destroy(&s->recordings.changed);
    pthread_mutex_destroy(&s->pool_lock);
    pthread_cond_destroy(&s->pool_changed);
    free(s->path);
    free(s);
}

static void half_open_free(struct sqlite_store *s)
{
    sqlite_free(&s->base);
}
SCOPED_DEFINE(half_open_free, struct sqlite_store *)

enum rc sqlite_path(const char *rest, char **ret, struct err *err)
{
    if (rest[0] == '\0')
        FAIL(err, RC_INPUT, "database: sqlite: needs a path");
    const char *folder = rest[0] == '/' ? "" : "./";
    size_t size = strlen(folder) + strlen(rest) + 1;
    char *path = malloc(size);
    if (path == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    snprintf(path, size, "%s%s", folder, rest);
    *ret = path;
    return RC_OK;
}

/*
 * Looks without opening: closing a second descriptor of the file would drop SQLite's locks on it
 * (POSIX locks belong to the process).
 */
static enum rc look_at_file(const char *path, struct stat *ret, struct err *err)
{
    if (stat(path, ret) != 0) {
        if (errno == ENOENT)
            FAIL(err, RC_STORE, "database %s: does not exist: run \"hashgated init\" to make it",
                 path);
        FAIL(err, RC_STORE, "database %s: %s", path, strerrordesc_np(errno));
    }
    if (!S_ISREG(ret->st_mode))
        FAIL(err, RC_STORE, "database %s: not a file", path);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0)
        FAIL(err, RC_STORE, "database %s: %s", path, strerrordesc_np(errno));
    return RC_OK;
}

static enum rc open_all(struct sqlite_store *s, struct err *err)
{
    struct stat st;
    TRY(look_at_file(s->path, &st, err));
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    TRY(conn_open(s->path, true, &s->writer, err));
    for (; s->n_idle < READERS; s->n_idle++)
        TRY(conn_open(s->path, false, &s->idle[s->n_idle], err));
    return RC_OK;
}

static enum rc sqlite_open(const char *path, struct store **ret, struct err *err)
{
    SCOPED(half_open_free) struct sqlite_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    s->base.ops = &sqlite_ops;
    pthread_mutex_init(&s->turns.lock, NULL);
    pthread_cond_init(&s->turns.changed, NULL);
    pthread_mutex_init(&s->recordings.lock, NULL);
    pthread_cond_init(&s->recordings.changed, NULL);
    pthread_mutex_init(&s->pool_lock, NULL);
    pthread_cond_init(&s->pool_changed, NULL);
    TRY(sqlite_path(path, &s->path, err));
    TRY(open_all(s, err));
    *ret = &TAKE(s)->base;
    return RC_OK;
}

static enum rc sqlite_generation(struct store *store, uint64_t *ret, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    return read_generation(r.conn, ret, err);
}

/* A file that was removed or replaced takes writes that nobody will read again. */
static enum rc check_still_there(const struct sqlite_store *s, struct err *err)
{
    struct stat st;
    if (stat(s->path, &st) != 0 || st.st_dev != s->dev || st.st_ino != s->ino)
        FAIL(err, RC_STORE, "database %s: was removed or replaced while in use", s->path);
    return RC_OK;
}

static enum rc check_free_space(const struct sqlite_store *s, struct err *err)
{
    struct statvfs disk;
    if (statvfs(s->path, &disk) != 0)
        FAIL(err, RC_STORE, "database %s: %s", s->path, strerrordesc_np(errno));
    uint64_t free_mib = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
    if (free_mib < FREE_MIB_MIN)
        FAIL(err, RC_STORE, "database %s: disk almost full: %llu MiB left, needs %d", s->path,
             (unsigned long long)free_mib, FREE_MIB_MIN);
    return RC_OK;
}

static enum rc sqlite_ping(struct store *store, struct err *err)
{
    uint64_t generation = 0;
    TRY(check_still_there(sqlite_of(store), err));
    TRY(sqlite_generation(store, &generation, err));
    return check_free_space(sqlite_of(store), err);
}

const struct store_ops sqlite_ops = {
    .scheme = "sqlite:",
    .open = sqlite_open,
    .init = sqlite_init,
    .free = sqlite_free,
    .ping = sqlite_ping,
    .generation = sqlite_generation,
    .bank_create = sqlite_bank_create,
    .bank_update = sqlite_bank_update,
    .bank_get = sqlite_bank_get,
    .bank_list = sqlite_bank_list,
    .entry_add = sqlite_entry_add,
    .entry_get = sqlite_entry_get,
    .entry_update = sqlite_entry_update,
    .entry_list = sqlite_entry_list,
    .entry_labels = sqlite_entry_labels,
    .import = sqlite_import,
    .export = sqlite_export,
    .changes = sqlite_changes,
    .mark = sqlite_mark,
    .mark_check = sqlite_mark_check,
    .key_create = sqlite_key_create,
    .key_revoke = sqlite_key_revoke,
    .key_list = sqlite_key_list,
    .check_begin = sqlite_check_begin,
    .check_end = sqlite_check_end,
    .check_get = sqlite_check_get,
    .checks_abandon = sqlite_checks_abandon,
    .checks_forget = sqlite_checks_forget,
    .decisions_add = sqlite_decisions_add,
    .audit_list = sqlite_audit_list,
    .audit_verify = sqlite_audit_verify,
};
