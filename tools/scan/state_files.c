/* Roots and files: what was seen, and whether it is what it was. */
#include <string.h>

#include "tools/scan/state_internal.h"

enum rc state_root(struct state *state, struct bytes name, int64_t *ret, struct err *err)
{
    STATE_HOLD(state);
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_meta_set(state, "run", state->run, err)); /* opens the transaction */
    TRY(state_bind(state, STATE_SQL_ROOT_ADD, &q, err, "bi", name, state->run));
    TRY(state_step(state, q, &row, err));
    *ret = sqlite3_column_int64(q, 0);
    return state_step(state, q, &row, err);
}

enum rc state_root_done(struct state *state, int64_t root, struct err *err)
{
    STATE_HOLD(state);
    return state_change(state, STATE_SQL_ROOT_DONE, err, "ii", root, state->run);
}

enum rc state_drop_gone(struct state *state, uint64_t *ret, struct err *err)
{
    STATE_HOLD(state);
    TRY(state_change(state, STATE_SQL_DROP_GONE, err, "i", state->run));
    *ret = (uint64_t)sqlite3_changes64(state->db);
    return RC_OK;
}

/* A file as it was when it was read. */
struct known {
    int64_t number, content;
    bool same, failed;
    enum state_container container;
};

/* A row that was never read has no content; a failed one is known too, until it is tried again. */
static void take_known(sqlite3_stmt *q, const struct source_identity *id, struct known *ret)
{
    ret->number = sqlite3_column_int64(q, 0);
    ret->same = (uint64_t)sqlite3_column_int64(q, 1) == id->size &&
                sqlite3_column_int64(q, 2) == id->mtime_ns &&
                (uint64_t)sqlite3_column_int64(q, 3) == id->device &&
                (uint64_t)sqlite3_column_int64(q, 4) == id->inode &&
                strcmp(state_text(q, 5), id->etag) == 0;
    ret->content = sqlite3_column_int64(q, 6);
    ret->failed = sqlite3_column_int64(q, 7) == STATE_FAILED;
    ret->container = (enum state_container)sqlite3_column_int(q, 8);
}

static enum rc by_name(struct state *state, const struct source_item *item, struct known *ret,
                       struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;
    TRY(state_bind(state, STATE_SQL_FILE_BY_NAME, &q, err, "bi", item->name,
                   (int64_t)item->member));
    TRY(state_step(state, q, &row, err));
    if (row)
        take_known(q, &item->identity, ret);
    return RC_OK;
}

static enum rc by_inode(struct state *state, const struct source_item *item, enum state_trust trust,
                        int64_t *ret, struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    const struct source_identity *id = &item->identity;
    bool row;

    *ret = 0;
    if (id->device == 0 || id->inode == 0 || item->member)
        return RC_OK;
    TRY(state_bind(state, STATE_SQL_FILE_BY_INODE, &q, err, "iiii", (int64_t)id->device,
                   (int64_t)id->inode, (int64_t)id->size, id->mtime_ns));
    TRY(state_step(state, q, &row, err));
    if (row && (trust == STATE_TRUST || sqlite3_column_int64(q, 1) != STATE_FAILED))
        *ret = sqlite3_column_int64(q, 0);
    return RC_OK;
}

static enum rc put_file(struct state *state, const struct state_file *file, struct err *err)
{
    static const struct source_identity none = {.mtime_ns = INT64_MIN};
    const struct source_identity *id = file->identity != NULL ? file->identity : &none;
    return state_change(state, STATE_SQL_FILE_PUT, err, "biiiiititiii", file->name, file->root,
                        (int64_t)id->size, id->mtime_ns, (int64_t)id->device, (int64_t)id->inode,
                        id->etag, file->content, file->reason, state->run, (int64_t)file->member,
                        (int64_t)(file->container ? STATE_CONTAINER_BEGUN : STATE_CONTAINER_NOT));
}

/* The names that begin with `name` and a separator: '/' of a folder, '!' of a container. */
struct under {
    uint8_t *from, *to; /* owned: between these, without them */
    size_t n;
};

static void under_clear_scoped(struct under *under)
{
    free(under->from);
    free(under->to);
}

static enum rc under_of(struct bytes name, char separator, struct under *ret, struct err *err)
{
    ret->n = name.n + 1;
    ret->from = malloc(ret->n);
    ret->to = malloc(ret->n);
    if (ret->from == NULL || ret->to == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    memcpy(ret->from, name.p, name.n);
    memcpy(ret->to, name.p, name.n);
    ret->from[name.n] = (uint8_t)separator;
    ret->to[name.n] = (uint8_t)(separator + 1);
    return RC_OK;
}

static enum rc keep_under(struct state *state, int64_t root, struct bytes name, char separator,
                          struct err *err)
{
    SCOPED(under_clear) struct under under = {0};
    TRY(under_of(name, separator, &under, err));
    return state_change(state, STATE_SQL_KEEP_UNDER, err, "iibbi", state->run, root,
                        bytes_of(under.from, under.n), bytes_of(under.to, under.n),
                        (int64_t)(separator == '!'));
}

static enum rc keep_all_under(struct state *state, int64_t root, struct bytes name, struct err *err)
{
    TRY(keep_under(state, root, name, '/', err));
    return keep_under(state, root, name, '!', err);
}

static enum rc failed_under(struct state *state, struct bytes name, bool *ret, struct err *err)
{
    SCOPED(under_clear) struct under under = {0};
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    TRY(under_of(name, '!', &under, err));
    TRY(state_bind(state, STATE_SQL_FAILED_UNDER, &q, err, "bb", bytes_of(under.from, under.n),
                   bytes_of(under.to, under.n)));
    return state_step(state, q, ret, err);
}

/* Whether what is known of a file by its name stands. */
static enum rc stands(struct state *state, const struct source_item *item,
                      const struct known *known, enum state_trust trust, bool *ret, struct err *err)
{
    bool failed = known->failed;
    *ret = false;
    if (!known->same || known->container == STATE_CONTAINER_BEGUN)
        return RC_OK;
    if (trust == STATE_TRUST_GOOD && !failed && known->container == STATE_CONTAINER_DONE)
        TRY(failed_under(state, item->name, &failed, err));
    *ret = trust == STATE_TRUST || !failed;
    return RC_OK;
}

static enum rc seen(struct state *state, int64_t root, const struct source_item *item,
                    const struct known *known, struct err *err)
{
    TRY(state_change(state, STATE_SQL_FILE_SEEN, err, "iii", known->number, state->run, root));
    return known->container == STATE_CONTAINER_DONE ? keep_under(state, root, item->name, '!', err)
                                                    : RC_OK;
}

enum rc state_see(struct state *state, int64_t root, const struct source_item *item,
                  enum state_trust trust, enum state_known *ret, struct err *err)
{
    STATE_HOLD(state);
    struct known known = {0};
    int64_t content = 0;
    bool good = false;

    if (trust != STATE_TRUST_NONE)
        TRY(by_name(state, item, &known, err));
    TRY(stands(state, item, &known, trust, &good, err));
    if (good) {
        TRY(seen(state, root, item, &known, err));
        *ret = STATE_KNOWN;
        return state_settle_held(state, false, err);
    }
    if (trust != STATE_TRUST_NONE && known.container == STATE_CONTAINER_NOT)
        TRY(by_inode(state, item, trust, &content, err));
    *ret = STATE_NEW;
    if (content == 0)
        return RC_OK;
    const struct state_file file = {.name = item->name,
                                    .root = root,
                                    .identity = &item->identity,
                                    .content = content,
                                    .reason = ""};
    TRY(put_file(state, &file, err));
    *ret = STATE_MOVED;
    return state_settle_held(state, false, err);
}

enum rc state_put_file(struct state *state, const struct state_file *file, struct err *err)
{
    STATE_HOLD(state);
    TRY(put_file(state, file, err));
    return state_settle_held(state, false, err);
}

enum rc state_keep_under(struct state *state, int64_t root, struct bytes name, struct err *err)
{
    STATE_HOLD(state);
    return keep_all_under(state, root, name, err);
}

enum rc state_container_done(struct state *state, struct bytes name, const char *reason, bool again,
                             struct err *err)
{
    STATE_HOLD(state);
    TRY(state_change(state, STATE_SQL_CONTAINER_DONE, err, "bti", name, reason,
                     (int64_t)(again ? STATE_CONTAINER_BEGUN : STATE_CONTAINER_DONE)));
    return state_settle_held(state, false, err);
}

static enum rc root_known(struct state *state, struct bytes name, int64_t *ret, struct err *err)
{
    SCOPED(state_reset) sqlite3_stmt *q = NULL;
    bool row;

    TRY(state_meta_set(state, "run", state->run, err)); /* opens the transaction */
    TRY(state_bind(state, STATE_SQL_ROOT_KEPT, &q, err, "bi", name, state->run));
    TRY(state_step(state, q, &row, err));
    *ret = row ? sqlite3_column_int64(q, 0) : 0;
    return row ? state_step(state, q, &row, err) : RC_OK;
}

/* A root may be a file, too. */
enum rc state_root_kept(struct state *state, struct bytes name, struct err *err)
{
    STATE_HOLD(state);
    const struct source_item item = {.name = name};
    struct known known = {0};
    int64_t root;

    TRY(root_known(state, name, &root, err));
    if (root == 0)
        return RC_OK;
    TRY(by_name(state, &item, &known, err));
    if (known.number != 0)
        TRY(state_change(state, STATE_SQL_FILE_SEEN, err, "iii", known.number, state->run, root));
    return keep_all_under(state, root, name, err);
}
