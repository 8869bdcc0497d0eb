/* Contents and their signals; what is asked about them and what was answered. */
#include <string.h>

#include "tools/scan/state_internal.h"

/* Signals of clips are large: what is read at once stays small. */
enum { ASKED_BYTES = 1 << 20 };

enum rc state_content_find(struct state *state, const uint8_t sha256[32], enum state_trust trust,
                           int64_t *ret, struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_CONTENT_FIND, &q, err, "b", bytes_of(sha256, 32)));
    TRY(state_step(state, q, &row, err));
    bool again = row && trust == STATE_TRUST_GOOD && sqlite3_column_int64(q, 1) == STATE_FAILED;
    *ret = row && !again ? sqlite3_column_int64(q, 0) : 0;
    return RC_OK;
}

static enum rc put_row(struct state *state, const struct state_content *c, int64_t *ret,
                       struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_bind(state, STATE_SQL_CONTENT_PUT, &q, err, "biittiiii", bytes_of(c->sha256, 32),
                   (int64_t)c->bytes, (int64_t)c->outcome, c->reason, c->type, (int64_t)c->width,
                   (int64_t)c->height, (int64_t)c->frames, c->duration_ms));
    TRY(state_step(state, q, &row, err));
    *ret = sqlite3_column_int64(q, 0);
    return state_step(state, q, &row, err);
}

enum rc state_put_content(struct state *state, const struct state_content *content, int64_t *ret,
                          struct err *err)
{
    STATE_HOLD(state);
    int64_t number = 0;

    TRY(state_meta_set(state, "run", state->run, err)); /* opens the transaction */
    TRY(put_row(state, content, &number, err));
    TRY(state_change(state, STATE_SQL_SIGNALS_PUT, err, "iB", number, content->signals));
    *ret = number;
    return RC_OK;
}

void state_asked_clear(struct state_asked *asked)
{
    free((void *)asked->signals.p);
    asked->signals = (struct bytes){0};
}

static enum rc take_asked(sqlite3_stmt *q, struct state_asked *ret, struct err *err)
{
    struct bytes sha256 = state_blob(q, 2), frames = state_blob(q, 3);
    struct state_asked asked = {.content = sqlite3_column_int64(q, 0),
                                .generation = -1,
                                .hits = sqlite3_column_int(q, 4) != 0};

    if (sqlite3_column_type(q, 1) != SQLITE_NULL)
        asked.generation = sqlite3_column_int64(q, 1);
    if (sha256.n != sizeof asked.sha256)
        FAIL(err, RC_STORE, "content %lld of the state has no digest", (long long)asked.content);
    memcpy(asked.sha256, sha256.p, sizeof asked.sha256);
    if (frames.n > 0) {
        uint8_t *copy = malloc(frames.n);
        if (copy == NULL)
            FAIL(err, RC_NOMEM, "no memory for a medium's signals");
        memcpy(copy, frames.p, frames.n);
        asked.signals = bytes_of(copy, frames.n);
    }
    *ret = asked;
    return RC_OK;
}

enum rc state_next_asked(struct state *state, int64_t after, bool unmatched,
                         struct state_asked *ret, size_t max, size_t *ret_n, struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    size_t n = 0, bytes = 0;
    bool row = true;
    enum rc rc;

    TRY(state_bind(state, unmatched ? STATE_SQL_ASKED_UNMATCHED : STATE_SQL_ASKED_NEXT, &q, err,
                   "ii", after, (int64_t)max));
    while ((rc = state_step(state, q, &row, err)) == RC_OK && row) {
        rc = take_asked(q, &ret[n], err);
        if (rc != RC_OK)
            break;
        bytes += ret[n++].signals.n;
        if (bytes > ASKED_BYTES)
            break;
    }
    *ret_n = n;
    for (; rc != RC_OK && n > 0; n--)
        state_asked_clear(&ret[n - 1]);
    return rc;
}

enum rc state_put_hits(struct state *state, int64_t content, int64_t generation, bool replace,
                       const struct state_hit *hits, size_t n, struct err *err)
{
    STATE_HOLD(state);
    if (replace)
        TRY(state_change(state, STATE_SQL_HITS_CLEAR, err, "i", content));
    for (const struct state_hit *h = hits; h < hits + n; h++)
        TRY(state_change(state, STATE_SQL_HIT_PUT, err, "itttiittiit", content, h->bank, h->entry,
                         h->orientation, h->ms, h->entry_ms, h->type, h->action, h->distance,
                         h->threshold, h->labels));
    return state_change(state, STATE_SQL_MATCHED, err, "ii", content, generation);
}

enum rc state_put_answered(struct state *state, int64_t after, int64_t last, int64_t generation,
                           struct err *err)
{
    STATE_HOLD(state);
    return state_change(state, STATE_SQL_ANSWERED, err, "iii", after, last, generation);
}

enum rc state_rematch_begin(struct state *state, int64_t since, int64_t *ret_after, struct err *err)
{
    STATE_HOLD(state);
    int64_t before, after;

    TRY(state_meta_get(state, "rematch_since", -1, &before, err));
    TRY(state_meta_get(state, "rematch_after", 0, &after, err));
    if (before != since)
        after = 0;
    TRY(state_meta_set(state, "rematch_since", since, err));
    TRY(state_meta_set(state, "rematch_after", after, err));
    *ret_after = after;
    return RC_OK;
}

enum rc state_rematch_at(struct state *state, int64_t after, bool done, struct err *err)
{
    STATE_HOLD(state);
    TRY(state_meta_set(state, "rematch_after", done ? 0 : after, err));
    return state_settle_held(state, false, err);
}
