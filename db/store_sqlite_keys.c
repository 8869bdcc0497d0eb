#include <stdio.h>
#include <string.h>

#include "db/json_text.h"
#include "db/store_sqlite.h"

static enum rc insert(struct tx *tx, const struct key *key, const char *id, uint64_t *ret_number,
                      struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_KEY_ADD);
    query_text(&q, id);
    query_text(&q, key->name);
    query_int(&q, key->scopes);
    query_blob(&q, key->token_sha256, sizeof key->token_sha256);
    query_int(&q, key->banks == NULL);
    query_real(&q, key->rate);
    query_real(&q, key->burst);
    query_int(&q, tx->now_ms);
    query_int(&q, key->expires_ms);
    query_text(&q, or_empty(tx->actor->name));
    TRY(query_run(&q, err));
    *ret_number = (uint64_t)sqlite3_last_insert_rowid(tx->conn->db);
    return RC_OK;
}

static enum rc insert_banks(struct tx *tx, uint64_t number, char *const *banks, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_KEY_BANK_ADD);
    for (; banks != NULL && *banks != NULL; banks++) {
        uint32_t bank = 0;
        TRY(bank_find(tx->conn, *banks, &bank, NULL, err));
        query_again(&q);
        query_number(&q, number);
        query_int(&q, bank);
        TRY(query_run(&q, err));
    }
    return RC_OK;
}

/* Names separated by spaces.  *ret is freed with free(). */
static enum rc join(char *const *names, char **ret, struct err *err)
{
    size_t size = 1;
    for (char *const *name = names; *name != NULL; name++)
        size += strlen(*name) + 1;
    char *text = malloc(size);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    char *end = text;
    for (char *const *name = names; *name != NULL; name++)
        end = stpcpy(stpcpy(end, *name), " ");
    *end = '\0';
    *ret = text;
    return RC_OK;
}

static void scope_words(unsigned scopes, char *out, size_t size)
{
    out[0] = '\0';
    for (unsigned i = 0; scope_name(i) != NULL; i++) {
        size_t used = strlen(out);
        if (scopes & 1u << i)
            snprintf(out + used, size - used, "%s ", scope_name(i));
    }
}

static enum rc audit_create(struct tx *tx, const struct key *key, const char *id, struct err *err)
{
    SCOPED(mem_free) char *details = NULL;
    SCOPED(mem_free) char *banks = NULL;
    char scopes[128];

    if (key->banks != NULL)
        TRY(join(key->banks, &banks, err));
    scope_words(key->scopes, scopes, sizeof scopes);
    struct json_text j = details_begin();
    details_string(&j, "name", key->name);
    details_words(&j, "scopes", scopes);
    if (banks != NULL)
        details_words(&j, "banks", banks);
    details_decimal(&j, "rate", key->rate);
    details_decimal(&j, "burst", key->burst);
    details_number(&j, "expires_ms", key->expires_ms);
    TRY(details_finish(&j, &details, err));
    struct audit_new row = {.action = "key.create", .target = id, .details = details};
    return audit_append(tx, &row, err);
}

enum rc sqlite_key_create(struct store *store, struct key *key, const struct actor *actor,
                          struct err *err)
{
    SCOPED(mem_free) char *created_by = strdup(or_empty(actor->name));
    SCOPED(tx_end) struct tx tx = {0};
    uint64_t number = 0;
    char id[ULID_SIZE];

    if (created_by == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    struct ulid ulid = ulid_new();
    ulid_text(&ulid, id);
    TRY(tx_begin(store, actor, &tx, err));
    TRY(insert(&tx, key, id, &number, err));
    TRY(insert_banks(&tx, number, key->banks, err));
    TRY(tx_change(&tx, CHANGE_KEY, number, err));
    TRY(audit_create(&tx, key, id, err));
    TRY(tx_commit(&tx, err));

    memcpy(key->id, id, sizeof id);
    key->created_ms = tx.now_ms;
    key->revoked_ms = 0;
    free(key->created_by);
    key->created_by = TAKE(created_by);
    return RC_OK;
}

static enum rc find(struct conn *conn, const char *id, uint64_t *ret_number, char **ret_name,
                    bool *ret_revoked, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_KEY_BY_ID);
    bool row = false;
    query_text(&q, id);
    TRY(query_row(&q, &row, err));
    if (!row)
        FAIL(err, RC_NOTFOUND, "no key %s", id);
    *ret_number = col_number(&q, 0);
    *ret_revoked = col_int(&q, 2) != 0;
    return col_dup(&q, 1, ret_name, err);
}

static enum rc mark_revoked(struct tx *tx, uint64_t number, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_KEY_REVOKE);
    query_number(&q, number);
    query_int(&q, tx->now_ms);
    return query_run(&q, err);
}

/* Revoking twice is harmless and leaves one audit row. */
enum rc sqlite_key_revoke(struct store *store, const char *id, const struct actor *actor,
                          struct err *err)
{
    SCOPED(mem_free) char *name = NULL;
    SCOPED(mem_free) char *details = NULL;
    SCOPED(tx_end) struct tx tx = {0};
    uint64_t number = 0;
    bool revoked = false;

    TRY(tx_begin(store, actor, &tx, err));
    TRY(find(tx.conn, id, &number, &name, &revoked, err));
    if (revoked)
        return RC_OK;
    TRY(mark_revoked(&tx, number, err));
    TRY(tx_change(&tx, CHANGE_KEY, number, err));
    struct json_text j = details_begin();
    details_string(&j, "name", name);
    TRY(details_finish(&j, &details, err));
    struct audit_new row = {.action = "key.revoke", .target = id, .details = details};
    TRY(audit_append(&tx, &row, err));
    return tx_commit(&tx, err);
}

static enum rc read_banks(struct conn *conn, uint64_t number, struct key *key, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_KEY_BANKS);
    query_number(&q, number);
    key->banks = calloc(1, sizeof *key->banks);
    if (key->banks == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    for (size_t n = 0;; n++) {
        bool row = false;
        TRY(query_row(&q, &row, err));
        if (!row)
            return RC_OK;
        char **grown = realloc(key->banks, (n + 2) * sizeof *grown);
        if (grown == NULL)
            FAIL(err, RC_NOMEM, "out of memory");
        key->banks = grown;
        grown[n + 1] = NULL;
        TRY(col_dup(&q, 0, &grown[n], err));
    }
}

static enum rc read_key(struct conn *conn, const struct query *q, struct key *key, struct err *err)
{
    *key = (struct key){.scopes = (unsigned)col_int(q, 3),
                        .rate = sqlite3_column_double(q->stmt, 6),
                        .burst = sqlite3_column_double(q->stmt, 7),
                        .created_ms = col_int(q, 8),
                        .expires_ms = col_int(q, 9),
                        .revoked_ms = col_int(q, 10)};
    snprintf(key->id, sizeof key->id, "%s", col_text(q, 1));
    col_blob(q, 4, key->token_sha256, sizeof key->token_sha256);
    TRY(col_dup(q, 2, &key->name, err));
    TRY(col_dup(q, 11, &key->created_by, err));
    return col_int(q, 5) ? RC_OK : read_banks(conn, col_number(q, 0), key, err);
}

static void key_drop_scoped(struct key *key)
{
    key_clear(key);
}

enum rc sqlite_key_list(struct store *store, store_key_visit *visit, void *ctx, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_KEY_ALL);
    for (bool row = true;;) {
        SCOPED(key_drop) struct key key = {0};
        TRY(query_row(&q, &row, err));
        if (!row)
            return RC_OK;
        TRY(read_key(r.conn, &q, &key, err));
        if (!visit(ctx, &key))
            return RC_OK;
    }
}
