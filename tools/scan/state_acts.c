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

/* --- telling --- */

static void forget(struct state_acts *acts)
{
    for (size_t i = 0; i < acts->n; i++) {
        free((void *)acts->act[i].act);
        free((void *)acts->act[i].outcome);
    }
    acts->n = 0;
}

void state_acts_clear_scoped(struct state_acts *acts)
{
    forget(acts);
    free(acts->act);
}

static struct state_act act_in(sqlite3_stmt *q)
{
    return (struct state_act){.act = state_text(q, 0),
                              .outcome = state_text(q, 1),
                              .at_ms = sqlite3_column_int64(q, 2),
                              .done = sqlite3_column_int(q, 3) != 0};
}

static enum rc keep(struct state_acts *acts, struct state_act act, struct err *err)
{
    if (acts->n == acts->room) {
        size_t room = 2 * acts->room + 4;
        struct state_act *more = reallocarray(acts->act, room, sizeof *more);
        if (more == NULL)
            FAIL(err, RC_NOMEM, "no memory for acts");
        acts->act = more;
        acts->room = room;
    }
    act.act = strdup(act.act);
    act.outcome = strdup(act.outcome);
    acts->act[acts->n++] = act; /* to be freed with the others */
    if (act.act == NULL || act.outcome == NULL)
        FAIL(err, RC_NOMEM, "no memory for acts");
    return RC_OK;
}

enum rc state_acts_of(struct state *state, struct bytes name, struct bytes sha256,
                      struct state_acts *ret, struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    forget(ret);
    TRY(state_bind(state, STATE_SQL_ACTS_OF, &q, err, "bb", name, sha256));
    TRY(state_step(state, q, &row, err));
    while (row) {
        struct state_act act = act_in(q);
        act.name = name;
        act.sha256 = sha256.p;
        TRY(keep(ret, act, err));
        TRY(state_step(state, q, &row, err));
    }
    return RC_OK;
}

enum rc state_acts_any(struct state *state, bool *ret, struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    TRY(state_bind(state, STATE_SQL_ACTS_ALL, &q, err, ""));
    return state_step(state, q, ret, err);
}

enum rc state_each_act(struct state *state, state_tell_act *tell, void *ctx, struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_ACTS_ALL, &q, err, ""));
    TRY(state_step(state, q, &row, err));
    while (row) {
        struct state_act act = act_in(q);
        struct bytes sha256 = state_blob(q, 5);
        act.name = state_blob(q, 4);
        act.sha256 = sha256.p;
        act.gone = sqlite3_column_int(q, 6) != 0;
        if (sha256.n != 32)
            FAIL(err, RC_STORE, "an act of the state has no digest");
        TRY(tell(ctx, &act, err));
        TRY(state_step(state, q, &row, err));
    }
    return RC_OK;
}
