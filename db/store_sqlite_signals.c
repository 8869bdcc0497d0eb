#include "db/store_sqlite.h"

void signals_free_scoped(struct signals *signals)
{
    free(signals->item);
}

void signal_read(const struct query *q, int column, struct signal *ret)
{
    *ret = (struct signal){.type = (enum signal_type)col_int(q, column),
                           .quality = (int)col_int(q, column + 2),
                           .ms = col_int(q, column + 3)};
    col_blob(q, column + 1, ret->value, sizeof ret->value);
}

enum rc signals_add_row(struct signals *signals, const struct query *q, int column, struct err *err)
{
    if (signals->n == signals->room) {
        size_t room = signals->room == 0 ? 4 : signals->room * 2;
        struct signal *grown = realloc(signals->item, room * sizeof *grown);
        if (grown == NULL)
            FAIL(err, RC_NOMEM, "out of memory");
        signals->item = grown;
        signals->room = room;
    }
    signal_read(q, column, &signals->item[signals->n++]);
    return RC_OK;
}

enum rc signals_of_entry(struct conn *conn, uint64_t entry, struct signals *ret, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_SIGNAL_OF_ENTRY);
    query_number(&q, entry);
    ret->n = 0;
    for (bool row = true;;) {
        TRY(query_row(&q, &row, err));
        if (!row)
            return RC_OK;
        TRY(signals_add_row(ret, &q, 0, err));
    }
}

enum rc signal_insert(struct query *q, uint64_t entry, uint64_t position, uint32_t bank,
                      const struct signal *signal, struct err *err)
{
    query_again(q);
    query_number(q, entry);
    query_number(q, position);
    query_int(q, bank);
    query_int(q, signal->type);
    query_blob(q, signal->value, signal_size(signal->type));
    query_int(q, signal->quality);
    query_int(q, signal->ms);
    return query_run(q, err);
}

enum rc signal_find(struct query *q, uint32_t bank, const struct signal *signal, bool *ret_found,
                    struct ulid *ret_entry, struct err *err)
{
    query_again(q);
    query_int(q, bank);
    query_int(q, signal->type);
    query_blob(q, signal->value, signal_size(signal->type));
    TRY(query_row(q, ret_found, err));
    if (*ret_found)
        *ret_entry = col_ulid(q, 0);
    return RC_OK;
}
