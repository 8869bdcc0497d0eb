/* Shared by state_*.c: the connection, its statements by number, and binding values to them. */
#ifndef TOOLS_SCAN_STATE_INTERNAL_H
#define TOOLS_SCAN_STATE_INTERNAL_H

#include <pthread.h>

#include <sqlite3.h>

#include "tools/scan/state.h"

enum { STATE_APPLICATION = 0x48475343 /* "HGSC" */, STATE_VERSION = 1 };

enum state_container {
    STATE_CONTAINER_NOT,
    STATE_CONTAINER_BEGUN, /* its members are not all known */
    STATE_CONTAINER_DONE
};

enum state_sql {
    STATE_SQL_BEGIN,
    STATE_SQL_COMMIT,
    STATE_SQL_META_GET,
    STATE_SQL_META_SET,
    STATE_SQL_ROOT_ADD,
    STATE_SQL_ROOT_KEPT,
    STATE_SQL_ROOT_DONE,
    STATE_SQL_DROP_GONE,
    STATE_SQL_FILE_BY_NAME,
    STATE_SQL_FILE_BY_INODE,
    STATE_SQL_FILE_SEEN,
    STATE_SQL_FILE_PUT,
    STATE_SQL_KEEP_UNDER,
    STATE_SQL_FAILED_UNDER,
    STATE_SQL_CONTAINER_DONE,
    STATE_SQL_CONTENT_FIND,
    STATE_SQL_CONTENT_PUT,
    STATE_SQL_SIGNALS_PUT,
    STATE_SQL_ASKED_NEXT,
    STATE_SQL_ASKED_UNMATCHED,
    STATE_SQL_HITS_CLEAR,
    STATE_SQL_HIT_PUT,
    STATE_SQL_MATCHED,
    STATE_SQL_ANSWERED,
    STATE_SQL_DUE_NEXT,
    STATE_SQL_ACT_PUT,
    STATE_SQL_ACTS_OF,
    STATE_SQL_ACTS_ALL,
    STATE_SQL_TOTAL_FILES,
    STATE_SQL_TOTAL_CONTENTS,
    STATE_SQL_TOTAL_MATCHED,
    STATE_SQL_EACH,
    STATE_SQL_EACH_SOME,
    STATE_SQL_EACH_GROUP,
    STATE_SQL_EACH_ROOT,
    STATE_SQL_COUNT
};
extern const char *const state_sql[STATE_SQL_COUNT];

struct state {
    sqlite3 *db;
    sqlite3_stmt *statement[STATE_SQL_COUNT];
    pthread_mutex_t lock;
    char *path;
    int64_t run;
    unsigned pending; /* changes of the open transaction */
    int64_t began_ns; /* when it was opened */
    bool broken;      /* a statement failed: nothing more is committed */
};

void state_unlock_scoped(struct state **state);
struct state *state_locked(struct state *state);
/* Holds the state until the end of the scope. */
#define STATE_HOLD(state)                                                                          \
    SCOPED(state_unlock) __attribute__((unused)) struct state *held_ = state_locked(state)

/* What SQLite says went wrong, as RC_STORE; the transaction will not be committed. */
enum rc state_fail(struct state *state, const char *at, struct err *err);

/*
 * Binds by a letter each: i int64_t · b struct bytes · B struct bytes, NULL when empty ·
 * t const char *.  The statement is ready to step; what was bound must live until it is reset.
 */
MUST_CHECK enum rc state_bind(struct state *state, enum state_sql sql, sqlite3_stmt **ret,
                              struct err *err, const char *kinds, ...);

/* Binds and runs a change, in the transaction that state_settle() ends. */
MUST_CHECK enum rc state_change(struct state *state, enum state_sql sql, struct err *err,
                                const char *kinds, ...);

/* Steps; *ret_row is false at the end.  The statement must be reset with state_reset(). */
MUST_CHECK enum rc state_step(struct state *state, sqlite3_stmt *q, bool *ret_row, struct err *err);
void state_reset_scoped(sqlite3_stmt **q);

struct bytes state_blob(sqlite3_stmt *q, int column);
const char *state_text(sqlite3_stmt *q, int column); /* never NULL */

MUST_CHECK enum rc state_meta_get(struct state *state, const char *key, int64_t otherwise,
                                  int64_t *ret, struct err *err);
MUST_CHECK enum rc state_meta_set(struct state *state, const char *key, int64_t value,
                                  struct err *err);

/* The number that a statement without parameters gives. */
MUST_CHECK enum rc state_number(struct state *state, const char *sql, int *ret, struct err *err);

/* The acts about one file. */
struct state_acts {
    struct state_act *act; /* owned, n, with room for `room` */
    size_t n, room;
};
void state_acts_clear_scoped(struct state_acts *acts);
/* With the lock held: *ret is overwritten. */
MUST_CHECK enum rc state_acts_of(struct state *state, struct bytes name, struct bytes sha256,
                                 struct state_acts *ret, struct err *err);
MUST_CHECK enum rc state_acts_any(struct state *state, bool *ret, struct err *err);

/* With the lock held. */
MUST_CHECK enum rc state_settle_held(struct state *state, bool now, struct err *err);

#endif
