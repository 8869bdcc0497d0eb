/*
 * What the files of the SQLite backend share: connections, statements, transactions, audit.
 * Internal to store_sqlite*.c.
 *
 * One connection writes: writers take turns in the order they came (so that an import, which
 * writes batch after batch, cannot starve the others), and begin with BEGIN IMMEDIATE, so another
 * process' writer is waited for at the begin and never met half-way.  Decisions that wait at the
 * same time are one writer: they share a turn, a transaction and its sync.  A few connections read,
 * each call in one transaction on a connection of its own: WAL lets them go on while a writer
 * writes.
 */
#ifndef DB_STORE_SQLITE_H
#define DB_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "db/sql_sqlite.h"
#include "db/store_ops.h"
#include "hashing/base/bytes.h"

enum {
    APPLICATION_ID = 0x48474154, /* "HGAT" in the file's header: it is ours */
    READERS = 4,
    LOCK_WAIT_MS = 5000, /* for another process' writer, then RC_BUSY */
    LOCK_POLL_MS = 2
};

/* The schema's numbers are these enums; a reordered enum would change what is on disk. */
_Static_assert(ACTION_OBSERVE == 0 && ACTION_REVIEW == 1 && ACTION_BLOCK == 2, "banks.action");
_Static_assert(VERDICT_ALLOW == 0 && VERDICT_REVIEW == 1 && VERDICT_BLOCK == 2, "decisions");
_Static_assert(ENTRY_ACTIVE == 0 && ENTRY_REVOKED == 1, "entries.state");
_Static_assert(SIGNAL_PDQ == 0 && SIGNAL_SHA256 == 1 && SIGNAL_SHA1 == 2 && SIGNAL_MD5 == 3,
               "signals.type");
_Static_assert(CHANGE_BANK == 0 && CHANGE_ENTRY == 1 && CHANGE_KEY == 2, "changes.kind");
_Static_assert(CHECK_RUNNING == 0 && CHECK_DONE == 1 && CHECK_ERROR == 2, "checks.state");
_Static_assert(ORIENT_AS_IS == 0 && ORIENT_FLIPMINUS1 == 7, "decision_matches.orientation");

static inline const char *or_empty(const char *s)
{
    return s != NULL ? s : "";
}

/* --- a database handle (store_sqlite_conn.c) --- */

struct conn {
    sqlite3 *db;
    sqlite3_stmt *stmt[SQL_COUNT];
};

/* Fills *err for an SQLite result code; db may be NULL. */
enum rc db_fail(sqlite3 *db, int code, const char *at, struct err *err);

/* Opens the file with our settings, whatever is in it. */
MUST_CHECK enum rc db_open(const char *path, sqlite3 **ret, struct err *err);
MUST_CHECK enum rc db_exec(sqlite3 *db, const char *sql, struct err *err);
/* The number that a PRAGMA or a SELECT of one row gives. */
MUST_CHECK enum rc db_number(sqlite3 *db, const char *sql, int64_t *ret, struct err *err);
void db_close(sqlite3 *db);
SCOPED_DEFINE(db_close, sqlite3 *)

/* Opens a Hashgate database of our schema version and prepares every statement. */
MUST_CHECK enum rc conn_open(const char *path, bool writer, struct conn **ret, struct err *err);
/* An import's new hashes fall on any page of the index by value: it has 64 MiB for pages, which it
 * gives back afterwards; decisions, one after the other, need none that was written before. */
MUST_CHECK enum rc conn_cache(struct conn *conn, bool for_import, struct err *err);
void conn_free(struct conn *conn);
SCOPED_DEFINE(conn_free, struct conn *)

/* --- running a statement (store_sqlite_query.c) --- */

/*
 *     SCOPED(query_end) struct query q = query_on(conn, SQL_BANK_NUMBER);
 *     query_text(&q, name);                  // parameters in the order of their numbers
 *     TRY(query_row(&q, &found, err));       // or query_run() for no rows
 *
 * Texts and blobs are borrowed until query_end().  A bind that fails is reported by the run.
 */
struct query {
    struct conn *conn;
    sqlite3_stmt *stmt;
    int at;
    int failed;
};
struct query query_on(struct conn *conn, enum sql which);
/* Makes it ready for other parameters. */
void query_again(struct query *q);
void query_end_scoped(struct query *q);

void query_text(struct query *q, const char *s); /* NULL binds NULL */
void query_int(struct query *q, int64_t n);
void query_number(struct query *q, uint64_t n); /* beyond INT64_MAX binds INT64_MAX */
void query_real(struct query *q, double n);
void query_blob(struct query *q, const void *p, size_t n);
void query_null(struct query *q);

MUST_CHECK enum rc query_run(struct query *q, struct err *err);
MUST_CHECK enum rc query_row(struct query *q, bool *ret_row, struct err *err);

int64_t col_int(const struct query *q, int column);
uint64_t col_number(const struct query *q, int column);
const char *col_text(const struct query *q, int column); /* valid until the next step */
struct bytes col_bytes(const struct query *q, int column);
MUST_CHECK enum rc col_dup(const struct query *q, int column, char **ret, struct err *err);
/* At most n bytes; the rest of out is zero. */
void col_blob(const struct query *q, int column, uint8_t *out, size_t n);
struct ulid col_ulid(const struct query *q, int column);

/* --- the store and its transactions (store_sqlite.c, store_sqlite_tx.c) --- */

struct turns {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next, serving;
};

/* Decisions that wait for their turn, to be written together (store_sqlite_decisions.c). */
struct recording;
struct recordings {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct recording *first, *last;
    size_t waiting; /* callers that no transaction has taken up yet */
    bool led;       /* one caller is in line for a turn, for all of them */
};

struct sqlite_store {
    struct store base;
    char *path;
    dev_t dev; /* of the file when it was opened: is it still there? */
    ino_t ino;
    struct turns turns;
    struct recordings recordings;
    struct conn *writer; /* whose turn it is */
    pthread_mutex_t pool_lock;
    pthread_cond_t pool_changed;
    struct conn *idle[READERS];
    unsigned n_idle;
};

/* The URL's path, so written that SQLite takes it for nothing but a path (":memory:", "file:…").
 * *ret is freed with free(). */
MUST_CHECK enum rc sqlite_path(const char *rest, char **ret, struct err *err);

static inline struct sqlite_store *sqlite_of(struct store *store)
{
    return (struct sqlite_store *)store;
}

/*
 * A write.  Whatever way the scope is left, the turn ends, and without a tx_commit() that
 * returned RC_OK the transaction is rolled back.
 */
struct tx {
    struct sqlite_store *store;
    struct conn *conn;
    const struct actor *actor;
    int64_t now_ms;
    uint64_t generation; /* of the list; after tx_next_generation() the one that this tx makes */
    bool took_generation;
};
MUST_CHECK enum rc tx_begin(struct store *store, const struct actor *actor, struct tx *tx,
                            struct err *err);
MUST_CHECK enum rc tx_next_generation(struct tx *tx, struct err *err);
/* Tells followers; takes the generation when it was not yet. */
MUST_CHECK enum rc tx_change(struct tx *tx, enum change_kind kind, uint64_t ref, struct err *err);
MUST_CHECK enum rc tx_commit(struct tx *tx, struct err *err);
void tx_end_scoped(struct tx *tx);

/* A read: one consistent view, until the scope is left. */
struct reading {
    struct sqlite_store *store;
    struct conn *conn;
    bool own; /* a connection of its own, not the pool's */
};
MUST_CHECK enum rc reading_begin(struct store *store, struct reading *r, struct err *err);
/* For reads as long as their consumer is slow: they must not use up the pool. */
MUST_CHECK enum rc reading_begin_long(struct store *store, struct reading *r, struct err *err);
void reading_end_scoped(struct reading *r);

MUST_CHECK enum rc read_generation(struct conn *conn, uint64_t *ret, struct err *err);

/* --- audit (store_sqlite_audit.c) --- */

struct audit_new {
    const char *action;
    const char *bank, *target, *reason; /* NULL: "" */
    const char *details;
};
MUST_CHECK enum rc audit_append(struct tx *tx, const struct audit_new *row, struct err *err);

/* --- banks, entries and signals, shared (store_sqlite_{banks,entries,signals}.c) --- */

/* RC_NOTFOUND names the bank.  ret_active may be NULL. */
MUST_CHECK enum rc bank_find(struct conn *conn, const char *name, uint32_t *ret_number,
                             uint64_t *ret_active, struct err *err);
MUST_CHECK enum rc bank_read(const struct query *q, struct bank *ret, struct err *err);
MUST_CHECK enum rc bank_add_active(struct tx *tx, uint32_t bank, int64_t more, struct err *err);

struct entry_insert {
    struct ulid id;
    uint32_t bank;
    const char *reason, *case_ref, *source, *media_type, *import_id, *labels; /* NULL: "" */
};
/* The queries are on SQL_ENTRY_ADD and SQL_SIGNAL_ADD: bulk work keeps them. */
MUST_CHECK enum rc entry_insert(struct tx *tx, struct query *q, const struct entry_insert *entry,
                                uint64_t *ret_number, struct err *err);
MUST_CHECK enum rc signal_insert(struct query *q, uint64_t entry, uint64_t position, uint32_t bank,
                                 const struct signal *signal, struct err *err);

/* The oldest entry of the bank with this signal.  The query is on SQL_SIGNAL_FIND. */
MUST_CHECK enum rc signal_find(struct query *q, uint32_t bank, const struct signal *signal,
                               bool *ret_found, struct ulid *ret_entry, struct err *err);

struct signals {
    struct signal *item; /* owned */
    size_t n, room;
};
void signals_free_scoped(struct signals *signals);
/* Adds the row's signal: type, value, quality, ms from this column on. */
MUST_CHECK enum rc signals_add_row(struct signals *signals, const struct query *q, int column,
                                   struct err *err);
void signal_read(const struct query *q, int column, struct signal *ret);
/* Replaces what is there. */
MUST_CHECK enum rc signals_of_entry(struct conn *conn, uint64_t entry, struct signals *ret,
                                    struct err *err);

MUST_CHECK enum rc entry_read(struct conn *conn, const struct query *q, struct entry *ret,
                              struct err *err);
/* RC_NOTFOUND names the id. */
MUST_CHECK enum rc entry_find(struct conn *conn, const struct ulid *id, struct entry *ret,
                              struct err *err);

static inline void entry_drop_scoped(struct entry *entry)
{
    entry_clear(entry);
}
static inline void bank_drop_scoped(struct bank *bank)
{
    bank_clear(bank);
}

/* --- the functions of the table (store_ops.h) --- */

enum rc sqlite_init(const char *rest, bool *ret_created, struct err *err);

enum rc sqlite_bank_create(struct store *store, struct bank *bank, const struct actor *actor,
                           struct err *err);
enum rc sqlite_bank_update(struct store *store, const char *name, const struct bank_patch *patch,
                           const struct actor *actor, struct bank *ret, struct err *err);
enum rc sqlite_bank_get(struct store *store, const char *name, struct bank *ret, struct err *err);
enum rc sqlite_bank_list(struct store *store, store_bank_visit *visit, void *ctx, struct err *err);

enum rc sqlite_entry_add(struct store *store, const struct entry_new *entry,
                         const struct actor *actor, struct ulid *ret_id, uint64_t *ret_generation,
                         struct err *err);
enum rc sqlite_entry_get(struct store *store, const struct ulid *id, struct entry *ret,
                         struct err *err);
enum rc sqlite_entry_update(struct store *store, const struct ulid *id,
                            const struct entry_patch *patch, const struct actor *actor,
                            struct entry *ret, struct err *err);
enum rc sqlite_entry_list(struct store *store, const struct entry_filter *filter,
                          store_entry_visit *visit, void *ctx, struct err *err);
enum rc sqlite_entry_labels(struct store *store, const struct ulid *ids, size_t n,
                            struct labels *ret, struct err *err);

enum rc sqlite_import(struct store *store, const char *bank, const char *import_id,
                      const char *reason, const struct import_line *lines, size_t n,
                      const struct actor *actor, struct import_result *ret, struct err *err);
enum rc sqlite_export(struct store *store, const char *bank, const struct actor *actor,
                      store_export_visit *visit, void *ctx, struct err *err);
enum rc sqlite_changes(struct store *store, uint64_t since, store_change_visit *visit, void *ctx,
                       uint64_t *ret_generation, struct err *err);

enum rc sqlite_mark(struct store *store, struct store_mark *ret, struct err *err);
enum rc sqlite_mark_check(struct store *store, const struct store_mark *mark, struct err *err);

enum rc sqlite_key_create(struct store *store, struct key *key, const struct actor *actor,
                          struct err *err);
enum rc sqlite_key_revoke(struct store *store, const char *id, const struct actor *actor,
                          struct err *err);
enum rc sqlite_key_list(struct store *store, store_key_visit *visit, void *ctx, struct err *err);

enum rc sqlite_check_begin(struct store *store, const struct ulid *id, const char *key_id,
                           const char *ref, const char *node, struct err *err);
enum rc sqlite_check_end(struct store *store, const struct ulid *id, enum check_state state,
                         unsigned status, const char *answer, struct err *err);
enum rc sqlite_check_get(struct store *store, const struct ulid *id, struct check_row *ret,
                         struct err *err);
enum rc sqlite_checks_abandon(struct store *store, const char *node, unsigned status,
                              const char *answer, uint64_t *ret_n, struct err *err);
enum rc sqlite_checks_forget(struct store *store, int64_t before_ms, uint64_t *ret_n,
                             struct err *err);

enum rc sqlite_decisions_add(struct store *store, const struct decision *decisions, size_t n,
                             struct err *err);
enum rc sqlite_audit_list(struct store *store, const struct audit_filter *filter,
                          store_audit_visit *visit, void *ctx, struct err *err);
enum rc sqlite_audit_verify(struct store *store, struct audit_check *ret, struct err *err);

#endif
