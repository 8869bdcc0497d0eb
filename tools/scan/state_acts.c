/* What was done about files that matched. */
#include <string.h>

#include "hashing/base/clock.h"
#include "tools/scan/state_internal.h"

void state_due_clear(struct state_due *due)
{
    free(due->name);
    due->name = NULL;
}

static enum rc take_due(sqlite3_stmt *q, struct state_due *ret, struct err *err)
{
    struct bytes name = state_blob(q, 0), sha256 = state_blob(q, 5);
    struct state_due due = {.identity = {.size = (uint64_t)sqlite3_column_int64(q, 1),
                                         .mtime_ns = sqlite3_column_int64(q, 2),
                                         .device = (uint64_t)sqlite3_column_int64(q, 3),
                                         .inode = (uint64_t)sqlite3_column_int64(q, 4)},
                            .name_n = name.n,
                            .member = sqlite3_column_int(q, 6) != 0};
    if (sha256.n != sizeof due.sha256)
        FAIL(err, RC_STORE, "a content of the state has no digest");
    memcpy(due.sha256, sha256.p, sizeof due.sha256);
    due.name = malloc(name.n + 1);
    if (due.name == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    memcpy(due.name, name.p, name.n);
    due.name[name.n] = '\0';
    *ret = due;
    return RC_OK;
}

enum rc state_next_due(struct state *state, bool everything, const char *act,
                       const struct state_due *after, struct state_due *ret, bool *ret_found,
                       struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_DUE_NEXT, &q, err, "itbi", everything ? -1 : state->run, act,
                   bytes_of(after->name, after->name_n), (int64_t)after->member));
    TRY(state_step(state, q, &row, err));
    if (row)
        TRY(take_due(q, ret, err));
    *ret_found = row;
    return RC_OK;
}

enum rc state_put_act(struct state *state, const struct state_due *due, const char *act,
                      const char *outcome, bool done, struct err *err)
{
    STATE_HOLD(state);
    TRY(state_change(state, STATE_SQL_ACT_PUT, err, "bbtiti", bytes_of(due->name, due->name_n),
                     bytes_of(due->sha256, sizeof due->sha256), act, clock_wall_ms(), outcome,
                     (int64_t)done));
    return state_settle_held(state, true, err);
}
