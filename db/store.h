/*
 * The block-list at rest: banks, entries, signals, keys, decisions that matched, audit.
 *
 * One interface, several backends (store_ops.h): SQLite embedded now; PostgreSQL, where many
 * nodes share one list, must fit without a change here.  So:
 *  - every write is one transaction that also writes its audit row, and is durable when the
 *    function returns RC_OK; on RC_STORE nothing is acknowledged and the outcome may be unknown;
 *  - every write takes the next generation from a counter row that the transaction locks, so
 *    generations become visible in order (a sequence would not promise that), and a follower that
 *    has read up to g has seen every change up to g, whoever made it;
 *  - nobody assumes to be the only writer: a node learns of changes, its own included, from
 *    store_changes().
 *
 * Any thread may call any function; calls block on disk, so never from an event thread.
 * Callbacks run while a read is open: they must not call the store, and return false to stop.
 */
#ifndef DB_STORE_H
#define DB_STORE_H

#include "db/records.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

struct store;

/* --- life --- */

/*
 * Opens "sqlite:/path" for service.  RC_STORE when it does not exist, has another schema version
 * or does not open: a mistyped path never serves an empty list.
 */
MUST_CHECK enum rc store_open(const char *url, struct store **ret, struct err *err);

/* Creates the database or brings its schema up to date; harmless when it is both. */
MUST_CHECK enum rc store_init(const char *url, bool *ret_created, struct err *err);
void store_free(struct store *store);
SCOPED_DEFINE(store_free, struct store *)

/* A trivial read and the free space of the disk: is it reachable and writable? */
MUST_CHECK enum rc store_ping(struct store *store, struct err *err);
MUST_CHECK enum rc store_generation(struct store *store, uint64_t *ret, struct err *err);

/* --- banks --- */

/* RC_CONFLICT when the name exists, RC_LIMIT over INDEX_BANKS_MAX.  Fills number, times,
 * generation. */
MUST_CHECK enum rc store_bank_create(struct store *store, struct bank *bank,
                                     const struct actor *actor, struct err *err);

/* NULL members stay as they are. */
struct bank_patch {
    const char *description, *owner, *sharing;
    const enum action *action;
    const unsigned *threshold, *bank_match_percent, *query_match_percent, *match_run;
    const struct labels *labels;
    const char *reason; /* for the audit row; may be NULL */
};
MUST_CHECK enum rc store_bank_update(struct store *store, const char *name,
                                     const struct bank_patch *patch, const struct actor *actor,
                                     struct bank *ret, struct err *err);
MUST_CHECK enum rc store_bank_get(struct store *store, const char *name, struct bank *ret,
                                  struct err *err);
typedef bool store_bank_visit(void *ctx, const struct bank *bank);
MUST_CHECK enum rc store_bank_list(struct store *store, store_bank_visit *visit, void *ctx,
                                   struct err *err);

/* --- entries --- */

/* Borrowed: what to list. */
struct entry_new {
    const char *bank;
    const char *reason, *case_ref, *source, *media_type; /* reason required, others may be "" */
    const struct labels *labels;
    const struct signal *signals;
    size_t n_signals; /* >= 1 */
};

/*
 * RC_CONFLICT, with the entry's id in err.ref, when this bank has every one of the signals
 * already (in an active or a revoked entry).
 */
MUST_CHECK enum rc store_entry_add(struct store *store, const struct entry_new *entry,
                                   const struct actor *actor, struct ulid *ret_id,
                                   uint64_t *ret_generation, struct err *err);

/* With its signals. */
MUST_CHECK enum rc store_entry_get(struct store *store, const struct ulid *id, struct entry *ret,
                                   struct err *err);

struct entry_patch {
    const enum entry_state *state;
    const struct labels *labels;
    const char *case_ref, *source; /* NULL: stays */
    const char *reason;            /* required: why the change */
};
MUST_CHECK enum rc store_entry_update(struct store *store, const struct ulid *id,
                                      const struct entry_patch *patch, const struct actor *actor,
                                      struct entry *ret, struct err *err);

struct entry_filter {
    const char *bank; /* required */
    const enum entry_state *state;
    const char *label;           /* NULL: any */
    const struct signal *signal; /* type and value; NULL: any */
    const struct ulid *after;    /* cursor: ids greater than this; NULL: from the start */
    unsigned limit;
};
typedef bool store_entry_visit(void *ctx, const struct entry *entry);
/* In order of id, with signals.  RC_NOTFOUND for an unknown bank. */
MUST_CHECK enum rc store_entry_list(struct store *store, const struct entry_filter *filter,
                                    store_entry_visit *visit, void *ctx, struct err *err);

/* Labels of a few entries by id (for answers with detail); missing ones are left empty. */
MUST_CHECK enum rc store_entry_labels(struct store *store, const struct ulid *ids, size_t n,
                                      struct labels *ret, struct err *err);

/* --- import and export --- */

struct import_line {
    struct signal signal;
    const char *labels; /* space separated, borrowed, may be "" */
    const char *source; /* borrowed, may be "" */
};
struct import_result {
    uint64_t added, duplicates;
    uint64_t generation;
};
/*
 * One entry a line, in transactions of a few thousand lines each with an audit row of its own, so
 * that other writers get their turn; a signal that the bank has already counts as duplicate.
 * After a failure the batches before it stand: importing the same lines again is harmless.
 */
MUST_CHECK enum rc store_import(struct store *store, const char *bank, const char *import_id,
                                const char *reason, const struct import_line *lines, size_t n,
                                const struct actor *actor, struct import_result *ret,
                                struct err *err);

struct export_line {
    const struct ulid *entry;
    const struct signal *signal;
    const char *labels; /* space separated */
    const char *reason, *source;
};
typedef bool store_export_visit(void *ctx, const struct export_line *line);
/* Every signal of every active entry, in one consistent read.  Writes an audit row ("export"). */
MUST_CHECK enum rc store_export(struct store *store, const char *bank, const struct actor *actor,
                                store_export_visit *visit, void *ctx, struct err *err);

/* --- following changes --- */

enum change_kind { CHANGE_BANK, CHANGE_ENTRY, CHANGE_KEY };
/* State of the thing as it is now, not what the change did: applying twice is harmless. */
struct change {
    uint64_t generation;
    enum change_kind kind;
    const struct bank *bank;     /* CHANGE_BANK */
    const struct ulid *entry_id; /* CHANGE_ENTRY */
    uint64_t entry_number;
    uint32_t entry_bank;
    bool entry_active;
    const struct signal *signals; /* CHANGE_ENTRY, when active */
    size_t n_signals;
};
typedef bool store_change_visit(void *ctx, const struct change *change);
/*
 * Everything that changed after `since`, once, with the generation of its last change: banks first,
 * then entries by number.  *ret_generation is the last one that was visible, to be asked for next.
 * since = 0 gives the whole list (active entries only), in a form that loads quickly.
 */
MUST_CHECK enum rc store_changes(struct store *store, uint64_t since, store_change_visit *visit,
                                 void *ctx, uint64_t *ret_generation, struct err *err);

/*
 * A moment in the life of one database, to be kept beside something that was made from it: the last
 * row of its audit chain.  Every write adds a row whose chain value depends on all before it, so
 * that a database which has the row has gone through that moment.
 */
struct store_mark {
    uint64_t generation;
    uint64_t audit_seq; /* >= 1 */
    uint8_t audit_chain[32];
};
/* As it is now.  RC_NOTFOUND while nothing was ever written. */
MUST_CHECK enum rc store_mark(struct store *store, struct store_mark *ret, struct err *err);
/* RC_CONFLICT, in words, when the mark is of another database, or of this one before it went back
 * to an older copy. */
MUST_CHECK enum rc store_mark_check(struct store *store, const struct store_mark *mark,
                                    struct err *err);

/* --- keys --- */

/* The caller made the token and its sha256; id and created_ms are filled here. */
MUST_CHECK enum rc store_key_create(struct store *store, struct key *key, const struct actor *actor,
                                    struct err *err);
MUST_CHECK enum rc store_key_revoke(struct store *store, const char *id, const struct actor *actor,
                                    struct err *err);
typedef bool store_key_visit(void *ctx, const struct key *key);
MUST_CHECK enum rc store_key_list(struct store *store, store_key_visit *visit, void *ctx,
                                  struct err *err);

/* --- checks that outlive their request --- */

/*
 * No change of the list: they take no generation and leave no audit row; but durable when they
 * return.  node: a name that this service has for itself alone, the same after a restart.
 */
MUST_CHECK enum rc store_check_begin(struct store *store, const struct ulid *id, const char *key_id,
                                     const char *ref, const char *node, struct err *err);

/* state: CHECK_DONE or CHECK_ERROR.  RC_NOTFOUND; RC_CONFLICT for one that ended already, which
 * stays as it is. */
MUST_CHECK enum rc store_check_end(struct store *store, const struct ulid *id,
                                   enum check_state state, unsigned status, const char *answer,
                                   struct err *err);

/* *ret is freed with check_row_clear().  RC_NOTFOUND. */
MUST_CHECK enum rc store_check_get(struct store *store, const struct ulid *id,
                                   struct check_row *ret, struct err *err);

/* Ends every running check of this node with CHECK_ERROR: at start nobody works on them. */
MUST_CHECK enum rc store_checks_abandon(struct store *store, const char *node, unsigned status,
                                        const char *answer, uint64_t *ret_n, struct err *err);

/* Deletes those that ended before that time, some hundred in a transaction, so that other writers
 * get their turn. */
MUST_CHECK enum rc store_checks_forget(struct store *store, int64_t before_ms, uint64_t *ret_n,
                                       struct err *err);

/* --- decisions and audit --- */

/*
 * Durable when it returns RC_OK.  Callers that wait at the same time may share a transaction:
 * when that one fails all of them are told, and none of their decisions is there unless the outcome
 * is unknown; but what cannot be written of one (RC_CONFLICT: its check_id exists) fails that one
 * alone.
 */
MUST_CHECK enum rc store_decision_add(struct store *store, const struct decision *decision,
                                      struct err *err);

/* The same for several, all of them or none. */
MUST_CHECK enum rc store_decisions_add(struct store *store, const struct decision *decisions,
                                       size_t n, struct err *err);

struct audit_filter {
    uint64_t before; /* rows with seq < before; 0 = from the newest */
    unsigned limit;
    const char *bank, *actor, *action, *target; /* NULL: any */
};
typedef bool store_audit_visit(void *ctx, const struct audit_row *row);
/* Newest first. */
MUST_CHECK enum rc store_audit_list(struct store *store, const struct audit_filter *filter,
                                    store_audit_visit *visit, void *ctx, struct err *err);

struct audit_check {
    uint64_t rows;
    uint64_t bad_seq; /* first row whose chain value is wrong or missing; 0 = none */
    uint8_t head[32]; /* chain value of the last row */
};
MUST_CHECK enum rc store_audit_verify(struct store *store, struct audit_check *ret,
                                      struct err *err);

#endif
