/* What is told of a state: totals, files with their hits, hits by bank. */
#include <string.h>

#include "tools/scan/state_internal.h"

static enum rc total_files(struct state *state, int64_t run, struct state_totals *ret,
                           struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_TOTAL_FILES, &q, err, "i", run));
    TRY(state_step(state, q, &row, err));
    ret->files = (uint64_t)sqlite3_column_int64(q, 0);
    ret->hashed = (uint64_t)sqlite3_column_int64(q, 1);
    ret->other = (uint64_t)sqlite3_column_int64(q, 2);
    ret->failed = (uint64_t)sqlite3_column_int64(q, 3);
    ret->bytes = (uint64_t)sqlite3_column_int64(q, 4);
    return RC_OK;
}

static enum rc total_matched(struct state *state, int64_t run, struct state_totals *ret,
                             struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_TOTAL_MATCHED, &q, err, "i", run));
    TRY(state_step(state, q, &row, err));
    ret->matched = (uint64_t)sqlite3_column_int64(q, 0);
    return RC_OK;
}

enum rc state_totals(struct state *state, bool everything, struct state_totals *ret,
                     struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    struct state_totals totals = {0};
    int64_t run = everything ? -1 : state->run;
    bool row;

    TRY(total_files(state, run, &totals, err));
    TRY(total_matched(state, run, &totals, err));
    TRY(state_bind(state, STATE_SQL_TOTAL_CONTENTS, &q, err, "i", run));
    TRY(state_step(state, q, &row, err));
    totals.contents = (uint64_t)sqlite3_column_int64(q, 0);
    totals.unmatched = (uint64_t)sqlite3_column_int64(q, 1);
    totals.generation_min = sqlite3_column_int64(q, 2);
    totals.generation_max = sqlite3_column_int64(q, 3);
    *ret = totals;
    return RC_OK;
}

static void take_hit(sqlite3_stmt *q, struct state_hit *ret)
{
    *ret = (struct state_hit){.orientation = state_text(q, 11),
                              .bank = state_text(q, 12),
                              .action = state_text(q, 13),
                              .entry = state_text(q, 14),
                              .type = state_text(q, 15),
                              .distance = sqlite3_column_int64(q, 16),
                              .threshold = sqlite3_column_int64(q, 17),
                              .ms = sqlite3_column_int64(q, 18),
                              .entry_ms = sqlite3_column_int64(q, 19),
                              .labels = state_text(q, 20)};
}

static enum rc tell_row(sqlite3_stmt *q, const struct state_acts *acts, state_tell *tell, void *ctx,
                        struct err *err)
{
    struct bytes sha256 = state_blob(q, 4);
    struct state_hit hit;
    struct state_told told = {
        .name = state_blob(q, 0),
        .member = sqlite3_column_int(q, 21) != 0,
        .outcome = (enum state_outcome)sqlite3_column_int(q, 1),
        .reason = state_text(q, 2),
        .type = state_text(q, 3),
        .sha256 = sha256.n == 32 ? sha256.p : NULL,
        .bytes = (uint64_t)sqlite3_column_int64(q, 5),
        .width = (uint32_t)sqlite3_column_int64(q, 6),
        .height = (uint32_t)sqlite3_column_int64(q, 7),
        .frames = (uint32_t)sqlite3_column_int64(q, 8),
        .duration_ms = sqlite3_column_int64(q, 9),
        .generation = sqlite3_column_type(q, 10) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 10),
        .act = acts->act,
        .n_acts = acts->n,
    };
    if (sqlite3_column_type(q, 12) != SQLITE_NULL) {
        take_hit(q, &hit);
        told.hit = &hit;
    }
    return tell(ctx, &told, err);
}

enum rc state_each(struct state *state, bool everything, enum state_which which, state_tell *tell,
                   void *ctx, struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    SCOPED(state_acts_clear) struct state_acts acts = {0};
    bool row, any;
    int64_t run = everything ? -1 : state->run;

    TRY(state_acts_any(state, &any, err));
    TRY(which == STATE_ALL
            ? state_bind(state, STATE_SQL_EACH, &q, err, "i", run)
            : state_bind(state, STATE_SQL_EACH_SOME, &q, err, "ii", run, (int64_t)which));
    TRY(state_step(state, q, &row, err));
    while (row) {
        if (any)
            TRY(state_acts_of(state, state_blob(q, 0), state_blob(q, 4), &acts, err));
        TRY(tell_row(q, &acts, tell, ctx, err));
        TRY(state_step(state, q, &row, err));
    }
    return RC_OK;
}

enum rc state_each_group(struct state *state, bool everything, state_tell_group *tell, void *ctx,
                         struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_EACH_GROUP, &q, err, "i", everything ? -1 : state->run));
    TRY(state_step(state, q, &row, err));
    while (row) {
        const struct state_group group = {.bank = state_text(q, 0),
                                          .action = state_text(q, 1),
                                          .labels = state_text(q, 2),
                                          .files = (uint64_t)sqlite3_column_int64(q, 3)};
        TRY(tell(ctx, &group, err));
        TRY(state_step(state, q, &row, err));
    }
    return RC_OK;
}

enum rc state_each_root(struct state *state, bool everything, state_tell_root *tell, void *ctx,
                        struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_EACH_ROOT, &q, err, "i", everything ? -1 : state->run));
    TRY(state_step(state, q, &row, err));
    while (row) {
        const struct state_root_told root = {.name = state_blob(q, 0),
                                             .whole = sqlite3_column_int(q, 1) != 0};
        TRY(tell(ctx, &root, err));
        TRY(state_step(state, q, &row, err));
    }
    return RC_OK;
}
