/* Import in batches, export as a stream. */
#include <string.h>
#include <time.h>

#include "db/json_text.h"
#include "db/store_sqlite.h"

enum {
    BATCH_LINES = 2000,               /* about 50 ms: how long another writer waits */
    BATCH_PAUSE_MS = LOCK_POLL_MS + 1 /* so that a waiting process' poll meets the gap */
};

/* What every line of one import shares. */
struct import {
    const char *bank, *id, *reason;
    const struct actor *actor;
    const struct import_line *lines;
};

static enum rc import_line(struct tx *tx, struct query *find, struct query *add_entry,
                           struct query *add_signal, const struct import *in, size_t at,
                           uint32_t bank, bool *ret_added, struct err *err)
{
    const struct import_line *line = &in->lines[at];
    struct ulid known;
    bool found = false;
    uint64_t number = 0;

    TRY(signal_find(find, bank, &line->signal, &found, &known, err));
    *ret_added = !found;
    if (found)
        return RC_OK;
    TRY(tx_next_generation(tx, err));
    struct entry_insert row = {.id = ulid_new(),
                               .bank = bank,
                               .reason = in->reason,
                               .source = line->source,
                               .import_id = in->id,
                               .labels = line->labels};
    TRY(entry_insert(tx, add_entry, &row, &number, err));
    TRY(signal_insert(add_signal, number, 0, bank, &line->signal, err));
    return tx_change(tx, CHANGE_ENTRY, number, err);
}

static enum rc import_lines(struct tx *tx, const struct import *in, size_t from, size_t to,
                            uint32_t bank, uint64_t *ret_added, struct err *err)
{
    SCOPED(query_end) struct query find = query_on(tx->conn, SQL_SIGNAL_FIND);
    SCOPED(query_end) struct query add_entry = query_on(tx->conn, SQL_ENTRY_ADD);
    SCOPED(query_end) struct query add_signal = query_on(tx->conn, SQL_SIGNAL_ADD);
    uint64_t added = 0;
    for (size_t i = from; i < to; i++) {
        bool new = false;
        TRY(import_line(tx, &find, &add_entry, &add_signal, in, i, bank, &new, err));
        added += new;
    }
    *ret_added = added;
    return added > 0 ? bank_add_active(tx, bank, (int64_t)added, err) : RC_OK;
}

static enum rc audit_batch(struct tx *tx, const struct import *in, size_t from, size_t to,
                           uint64_t added, struct err *err)
{
    SCOPED(mem_free) char *details = NULL;
    struct json_text j = details_begin();
    details_string(&j, "import", or_empty(in->id));
    details_number(&j, "first_line", (int64_t)from + 1);
    details_number(&j, "last_line", (int64_t)to);
    details_number(&j, "added", (int64_t)added);
    details_number(&j, "duplicates", (int64_t)(to - from - added));
    TRY(details_finish(&j, &details, err));
    struct audit_new row = {.action = "import",
                            .bank = in->bank,
                            .target = in->id,
                            .reason = in->reason,
                            .details = details};
    return audit_append(tx, &row, err);
}

static enum rc import_batch(struct store *store, const struct import *in, size_t from, size_t to,
                            struct import_result *sum, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    uint32_t bank = 0;
    uint64_t added = 0;

    TRY(tx_begin(store, in->actor, &tx, err));
    TRY(conn_cache(tx.conn, true, err));
    TRY(bank_find(tx.conn, in->bank, &bank, NULL, err));
    TRY(import_lines(&tx, in, from, to, bank, &added, err));
    if (to > from)
        TRY(audit_batch(&tx, in, from, to, added, err));
    TRY(tx_commit(&tx, err));
    sum->added += added;
    sum->duplicates += to - from - added;
    sum->generation = tx.generation;
    return RC_OK;
}

static enum rc import_all(struct store *store, const struct import *in, size_t n,
                          struct import_result *ret, struct err *err)
{
    struct import_result sum = {0};
    size_t done = 0;
    do {
        size_t to = n - done > BATCH_LINES ? done + BATCH_LINES : n;
        if (done > 0)
            nanosleep(&(struct timespec){.tv_nsec = BATCH_PAUSE_MS * 1000000L}, NULL);
        TRY(import_batch(store, in, done, to, &sum, err));
        done = to;
    } while (done < n);
    *ret = sum;
    return RC_OK;
}

/* In a turn of its own; the import has its outcome already, and who cannot now does so next time.
 */
static void give_cache_back(struct store *store)
{
    SCOPED(tx_end) struct tx tx = {0};
    if (tx_begin(store, NULL, &tx, NULL) == RC_OK && conn_cache(tx.conn, false, NULL) != RC_OK)
        return;
}

enum rc sqlite_import(struct store *store, const char *bank, const char *import_id,
                      const char *reason, const struct import_line *lines, size_t n,
                      const struct actor *actor, struct import_result *ret, struct err *err)
{
    const struct import in = {
        .bank = bank, .id = import_id, .reason = reason, .actor = actor, .lines = lines};
    enum rc rc = import_all(store, &in, n, ret, err);
    give_cache_back(store);
    return rc;
}

/* Written before the first line leaves: a reader who hangs up half-way has seen hashes too. */
static enum rc audit_export(struct store *store, const char *bank, const struct actor *actor,
                            struct err *err)
{
    SCOPED(mem_free) char *details = NULL;
    SCOPED(tx_end) struct tx tx = {0};
    uint32_t number = 0;
    uint64_t active = 0;

    TRY(tx_begin(store, actor, &tx, err));
    TRY(bank_find(tx.conn, bank, &number, &active, err));
    struct json_text j = details_begin();
    details_number(&j, "entries", (int64_t)active);
    TRY(details_finish(&j, &details, err));
    struct audit_new row = {.action = "export", .bank = bank, .target = bank, .details = details};
    TRY(audit_append(&tx, &row, err));
    return tx_commit(&tx, err);
}

enum rc sqlite_export(struct store *store, const char *bank, const struct actor *actor,
                      store_export_visit *visit, void *ctx, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    uint32_t number = 0;

    TRY(audit_export(store, bank, actor, err));
    TRY(reading_begin_long(store, &r, err));
    TRY(bank_find(r.conn, bank, &number, NULL, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_EXPORT);
    query_int(&q, number);
    for (bool row = true;;) {
        struct signal signal;
        TRY(query_row(&q, &row, err));
        if (!row)
            return RC_OK;
        signal_read(&q, 4, &signal);
        struct ulid id = col_ulid(&q, 0);
        struct export_line line = {.entry = &id,
                                   .signal = &signal,
                                   .labels = col_text(&q, 1),
                                   .reason = col_text(&q, 2),
                                   .source = col_text(&q, 3)};
        if (!visit(ctx, &line))
            return RC_OK;
    }
}
