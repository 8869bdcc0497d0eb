/* Reading entries: one, a page of them, the labels of a few. */
#include <string.h>

#include "db/labels_text.h"
#include "db/store_sqlite.h"
#include "hashing/base/text.h"

static enum rc read_texts(const struct query *q, struct entry *entry, struct err *err)
{
    const char *name = col_text(q, 3);
    if (!text_copy(entry->bank_name, sizeof entry->bank_name, name))
        FAIL(err, RC_STORE, "database: bank %u has a name too long", entry->bank);
    TRY(col_dup(q, 5, &entry->reason, err));
    TRY(col_dup(q, 6, &entry->case_ref, err));
    TRY(col_dup(q, 7, &entry->source, err));
    TRY(col_dup(q, 8, &entry->media_type, err));
    TRY(col_dup(q, 9, &entry->import_id, err));
    TRY(col_dup(q, 11, &entry->created_by, err));
    return labels_split(col_text(q, 10), &entry->labels, err);
}

enum rc entry_read(struct conn *conn, const struct query *q, struct entry *ret, struct err *err)
{
    SCOPED(signals_free) struct signals signals = {0};
    SCOPED(entry_drop)
    struct entry entry = {.number = col_number(q, 0),
                          .id = col_ulid(q, 1),
                          .bank = (uint32_t)col_int(q, 2),
                          .state = (enum entry_state)col_int(q, 4),
                          .created_ms = col_int(q, 12),
                          .updated_ms = col_int(q, 13),
                          .generation = col_number(q, 14)};
    TRY(read_texts(q, &entry, err));
    TRY(signals_of_entry(conn, entry.number, &signals, err));
    entry.n_signals = signals.n;
    entry.signals = TAKE(signals.item);
    *ret = entry;
    entry = (struct entry){0};
    return RC_OK;
}

static enum rc no_entry(const struct ulid *id, struct err *err)
{
    char text[ULID_SIZE];
    ulid_text(id, text);
    FAIL(err, RC_NOTFOUND, "no entry %s", text);
}

enum rc entry_find(struct conn *conn, const struct ulid *id, struct entry *ret, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_ENTRY_BY_ID);
    bool row = false;
    query_blob(&q, id->b, sizeof id->b);
    TRY(query_row(&q, &row, err));
    if (!row)
        return no_entry(id, err);
    return entry_read(conn, &q, ret, err);
}

enum rc sqlite_entry_get(struct store *store, const struct ulid *id, struct entry *ret,
                         struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    return entry_find(r.conn, id, ret, err);
}

static void bind_filter(struct query *q, uint32_t bank, const struct entry_filter *filter)
{
    query_int(q, bank);
    /* An empty blob sorts before every id. */
    query_blob(q, filter->after != NULL ? filter->after->b : (const uint8_t *)"",
               filter->after != NULL ? sizeof filter->after->b : 0);
    if (filter->state != NULL)
        query_int(q, *filter->state);
    else
        query_null(q);
    query_text(q, filter->label);
    query_int(q, filter->limit);
    if (filter->signal != NULL) {
        query_int(q, filter->signal->type);
        query_blob(q, filter->signal->value, signal_size(filter->signal->type));
    }
}

enum rc sqlite_entry_list(struct store *store, const struct entry_filter *filter,
                          store_entry_visit *visit, void *ctx, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    uint32_t bank = 0;

    TRY(reading_begin(store, &r, err));
    TRY(bank_find(r.conn, filter->bank, &bank, NULL, err));
    SCOPED(query_end)
    struct query q =
        query_on(r.conn, filter->signal != NULL ? SQL_ENTRY_LIST_BY_SIGNAL : SQL_ENTRY_LIST);
    bind_filter(&q, bank, filter);
    for (bool row = true;;) {
        SCOPED(entry_drop) struct entry entry = {0};
        TRY(query_row(&q, &row, err));
        if (!row)
            return RC_OK;
        TRY(entry_read(r.conn, &q, &entry, err));
        if (!visit(ctx, &entry))
            return RC_OK;
    }
}

static enum rc read_labels(struct query *q, const struct ulid *id, struct labels *ret,
                           struct err *err)
{
    bool row = false;
    query_again(q);
    query_blob(q, id->b, sizeof id->b);
    TRY(query_row(q, &row, err));
    *ret = (struct labels){0};
    return row ? labels_split(col_text(q, 0), ret, err) : RC_OK;
}

enum rc sqlite_entry_labels(struct store *store, const struct ulid *ids, size_t n,
                            struct labels *ret, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_ENTRY_LABELS);
    for (size_t i = 0; i < n; i++) {
        enum rc rc = read_labels(&q, &ids[i], &ret[i], err);
        if (rc == RC_OK)
            continue;
        while (i-- > 0)
            labels_clear(&ret[i]);
        return rc;
    }
    return RC_OK;
}
