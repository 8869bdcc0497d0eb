#include <string.h>

#include "db/json_text.h"
#include "db/labels_text.h"
#include "db/store_sqlite.h"
#include "hashing/base/text.h"

enum rc bank_find(struct conn *conn, const char *name, uint32_t *ret_number, uint64_t *ret_active,
                  struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_BANK_NUMBER);
    bool row = false;
    query_text(&q, name);
    TRY(query_row(&q, &row, err));
    if (!row)
        FAIL(err, RC_NOTFOUND, "no bank \"%s\"", name);
    *ret_number = (uint32_t)col_int(&q, 0);
    if (ret_active != NULL)
        *ret_active = col_number(&q, 1);
    return RC_OK;
}

enum rc bank_add_active(struct tx *tx, uint32_t bank, int64_t more, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_BANK_ACTIVE);
    query_int(&q, bank);
    query_int(&q, more);
    return query_run(&q, err);
}

enum rc bank_read(const struct query *q, struct bank *ret, struct err *err)
{
    SCOPED(bank_drop)
    struct bank bank = {.number = (uint32_t)col_int(q, 0),
                        .action = (enum action)col_int(q, 5),
                        .threshold = (unsigned)col_int(q, 6),
                        .entries = col_number(q, 8),
                        .created_ms = col_int(q, 9),
                        .updated_ms = col_int(q, 10),
                        .generation = col_number(q, 11),
                        .bank_match_percent = (unsigned)col_int(q, 12),
                        .query_match_percent = (unsigned)col_int(q, 13),
                        .match_run = (unsigned)col_int(q, 14)};
    const char *name = col_text(q, 1);
    if (!text_copy(bank.name, sizeof bank.name, name))
        FAIL(err, RC_STORE, "database: bank %u has a name too long", bank.number);
    TRY(col_dup(q, 2, &bank.description, err));
    TRY(col_dup(q, 3, &bank.owner, err));
    TRY(col_dup(q, 4, &bank.sharing, err));
    TRY(labels_split(col_text(q, 7), &bank.labels, err));
    *ret = bank;
    bank = (struct bank){0};
    return RC_OK;
}

static enum rc read_by_name(struct conn *conn, const char *name, struct bank *ret, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_BANK_BY_NAME);
    bool row = false;
    query_text(&q, name);
    TRY(query_row(&q, &row, err));
    if (!row)
        FAIL(err, RC_NOTFOUND, "no bank \"%s\"", name);
    return bank_read(&q, ret, err);
}

static enum rc free_number(struct conn *conn, const char *name, uint32_t *ret, struct err *err)
{
    uint32_t found;
    struct err none;
    enum rc rc = bank_find(conn, name, &found, NULL, &none);
    if (rc == RC_OK)
        FAIL(err, RC_CONFLICT, "bank \"%s\" exists already", name);
    if (rc != RC_NOTFOUND)
        return err_set(err, rc, none.at, "%s", none.msg);

    SCOPED(query_end) struct query q = query_on(conn, SQL_BANK_COUNT);
    bool row = false;
    TRY(query_row(&q, &row, err));
    int64_t n = row ? col_int(&q, 0) : 0;
    if (n >= INDEX_BANKS_MAX)
        FAIL(err, RC_LIMIT, "no more than %d banks", INDEX_BANKS_MAX);
    *ret = (uint32_t)n;
    return RC_OK;
}

static enum rc insert(struct tx *tx, uint32_t number, const struct bank *bank, const char *labels,
                      struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_BANK_ADD);
    query_int(&q, number);
    query_text(&q, bank->name);
    query_text(&q, or_empty(bank->description));
    query_text(&q, or_empty(bank->owner));
    query_text(&q, or_empty(bank->sharing));
    query_int(&q, bank->action);
    query_int(&q, bank->threshold);
    query_text(&q, labels);
    query_int(&q, tx->now_ms);
    query_number(&q, tx->generation);
    query_int(&q, bank->bank_match_percent);
    query_int(&q, bank->query_match_percent);
    query_int(&q, bank->match_run);
    return query_run(&q, err);
}

static enum rc audit_create(struct tx *tx, const struct bank *bank, const char *labels,
                            struct err *err)
{
    SCOPED(mem_free) char *details = NULL;
    struct json_text j = details_begin();
    details_string(&j, "action", action_name(bank->action));
    details_number(&j, "threshold", bank->threshold);
    details_number(&j, "bank_match_percent", bank->bank_match_percent);
    details_number(&j, "query_match_percent", bank->query_match_percent);
    details_number(&j, "match_run", bank->match_run);
    details_string(&j, "description", or_empty(bank->description));
    details_string(&j, "owner", or_empty(bank->owner));
    details_string(&j, "sharing", or_empty(bank->sharing));
    details_words(&j, "labels", labels);
    TRY(details_finish(&j, &details, err));
    struct audit_new row = {
        .action = "bank.create", .bank = bank->name, .target = bank->name, .details = details};
    return audit_append(tx, &row, err);
}

enum rc sqlite_bank_create(struct store *store, struct bank *bank, const struct actor *actor,
                           struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    SCOPED(mem_free) char *labels = NULL;
    uint32_t number = 0;

    TRY(labels_join(&bank->labels, &labels, err));
    TRY(tx_begin(store, actor, &tx, err));
    TRY(free_number(tx.conn, bank->name, &number, err));
    TRY(tx_change(&tx, CHANGE_BANK, number, err));
    TRY(insert(&tx, number, bank, labels, err));
    TRY(audit_create(&tx, bank, labels, err));
    TRY(tx_commit(&tx, err));

    bank->number = number;
    bank->entries = 0;
    bank->created_ms = bank->updated_ms = tx.now_ms;
    bank->generation = tx.generation;
    return RC_OK;
}

/* A bank's changeable fields, borrowed. */
struct fields {
    const char *description, *owner, *sharing, *labels;
    enum action action;
    unsigned threshold, bank_match_percent, query_match_percent, match_run;
};

static unsigned number_or(const unsigned *number, unsigned otherwise)
{
    return number != NULL ? *number : otherwise;
}

static struct fields patched(const struct fields *old, const struct bank_patch *patch,
                             const char *labels)
{
    struct fields f = *old;
    f.description = patch->description != NULL ? patch->description : f.description;
    f.owner = patch->owner != NULL ? patch->owner : f.owner;
    f.sharing = patch->sharing != NULL ? patch->sharing : f.sharing;
    f.labels = patch->labels != NULL ? labels : f.labels;
    f.action = patch->action != NULL ? *patch->action : f.action;
    f.threshold = number_or(patch->threshold, f.threshold);
    f.bank_match_percent = number_or(patch->bank_match_percent, f.bank_match_percent);
    f.query_match_percent = number_or(patch->query_match_percent, f.query_match_percent);
    f.match_run = number_or(patch->match_run, f.match_run);
    return f;
}

static enum rc describe(const struct fields *old, const struct fields *new, char **ret,
                        struct err *err)
{
    struct json_text j = details_begin();
    details_change(&j, "action", action_name(old->action), action_name(new->action));
    details_change_number(&j, "threshold", old->threshold, new->threshold);
    details_change_number(&j, "bank_match_percent", old->bank_match_percent,
                          new->bank_match_percent);
    details_change_number(&j, "query_match_percent", old->query_match_percent,
                          new->query_match_percent);
    details_change_number(&j, "match_run", old->match_run, new->match_run);
    details_change(&j, "description", old->description, new->description);
    details_change(&j, "owner", old->owner, new->owner);
    details_change(&j, "sharing", old->sharing, new->sharing);
    details_change_words(&j, "labels", old->labels, new->labels);
    return details_finish(&j, ret, err);
}

static enum rc set(struct tx *tx, uint32_t number, const struct fields *f, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_BANK_SET);
    query_int(&q, number);
    query_text(&q, f->description);
    query_text(&q, f->owner);
    query_text(&q, f->sharing);
    query_int(&q, f->action);
    query_int(&q, f->threshold);
    query_text(&q, f->labels);
    query_int(&q, tx->now_ms);
    query_number(&q, tx->generation);
    query_int(&q, f->bank_match_percent);
    query_int(&q, f->query_match_percent);
    query_int(&q, f->match_run);
    return query_run(&q, err);
}

static enum rc change(struct tx *tx, const struct bank *bank, const struct bank_patch *patch,
                      struct err *err)
{
    SCOPED(mem_free) char *old_labels = NULL;
    SCOPED(mem_free) char *labels = NULL;
    SCOPED(mem_free) char *details = NULL;

    TRY(labels_join(&bank->labels, &old_labels, err));
    TRY(labels_join(patch->labels, &labels, err));
    struct fields old = {.description = bank->description,
                         .owner = bank->owner,
                         .sharing = bank->sharing,
                         .labels = old_labels,
                         .action = bank->action,
                         .threshold = bank->threshold,
                         .bank_match_percent = bank->bank_match_percent,
                         .query_match_percent = bank->query_match_percent,
                         .match_run = bank->match_run};
    struct fields new = patched(&old, patch, labels);
    TRY(describe(&old, &new, &details, err));
    if (strcmp(details, "{}") == 0)
        return RC_OK;

    TRY(tx_change(tx, CHANGE_BANK, bank->number, err));
    TRY(set(tx, bank->number, &new, err));
    struct audit_new row = {.action = "bank.update",
                            .bank = bank->name,
                            .target = bank->name,
                            .reason = patch->reason,
                            .details = details};
    return audit_append(tx, &row, err);
}

enum rc sqlite_bank_update(struct store *store, const char *name, const struct bank_patch *patch,
                           const struct actor *actor, struct bank *ret, struct err *err)
{
    SCOPED(bank_drop) struct bank old = {0};
    SCOPED(bank_drop) struct bank bank = {0};
    SCOPED(tx_end) struct tx tx = {0};

    TRY(tx_begin(store, actor, &tx, err));
    TRY(read_by_name(tx.conn, name, &old, err));
    TRY(change(&tx, &old, patch, err));
    TRY(read_by_name(tx.conn, name, &bank, err));
    if (tx.took_generation)
        TRY(tx_commit(&tx, err));
    *ret = bank;
    bank = (struct bank){0};
    return RC_OK;
}

enum rc sqlite_bank_get(struct store *store, const char *name, struct bank *ret, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    return read_by_name(r.conn, name, ret, err);
}

enum rc sqlite_bank_list(struct store *store, store_bank_visit *visit, void *ctx, struct err *err)
{
    SCOPED(reading_end) struct reading r = {0};
    TRY(reading_begin(store, &r, err));
    SCOPED(query_end) struct query q = query_on(r.conn, SQL_BANK_ALL);
    for (bool row = true;;) {
        SCOPED(bank_drop) struct bank bank = {0};
        TRY(query_row(&q, &row, err));
        if (!row)
            return RC_OK;
        TRY(bank_read(&q, &bank, err));
        if (!visit(ctx, &bank))
            return RC_OK;
    }
}
