/* Adding and changing entries. */
#include <string.h>

#include "db/json_text.h"
#include "db/labels_text.h"
#include "db/store_sqlite.h"

enum rc entry_insert(struct tx *tx, struct query *q, const struct entry_insert *entry,
                     uint64_t *ret_number, struct err *err)
{
    query_again(q);
    query_blob(q, entry->id.b, sizeof entry->id.b);
    query_int(q, entry->bank);
    query_text(q, or_empty(entry->reason));
    query_text(q, or_empty(entry->case_ref));
    query_text(q, or_empty(entry->source));
    query_text(q, or_empty(entry->media_type));
    query_text(q, or_empty(entry->import_id));
    query_text(q, or_empty(entry->labels));
    query_text(q, or_empty(tx->actor->name));
    query_int(q, tx->now_ms);
    query_number(q, tx->generation);
    TRY(query_run(q, err));
    *ret_number = (uint64_t)sqlite3_last_insert_rowid(tx->conn->db);
    return RC_OK;
}

/* Fails with RC_CONFLICT when the bank has every signal: nothing would be added. */
static enum rc refuse_known(struct conn *conn, uint32_t bank, const struct entry_new *entry,
                            struct err *err)
{
    SCOPED(query_end) struct query q = query_on(conn, SQL_SIGNAL_FIND);
    struct ulid first, other;
    bool found = true;
    for (size_t i = 0; i < entry->n_signals && found; i++)
        TRY(signal_find(&q, bank, &entry->signals[i], &found, i == 0 ? &first : &other, err));
    if (!found)
        return RC_OK;

    char id[ULID_SIZE];
    ulid_text(&first, id);
    if (err != NULL) {
        err_set(err, RC_CONFLICT, HERE, "bank \"%s\" has these signals already: entry %s",
                entry->bank, id);
        memcpy(err->ref, id, sizeof id);
    }
    return RC_CONFLICT;
}

static enum rc insert_signals(struct tx *tx, uint64_t number, uint32_t bank,
                              const struct entry_new *entry, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_SIGNAL_ADD);
    for (size_t i = 0; i < entry->n_signals; i++)
        TRY(signal_insert(&q, number, i, bank, &entry->signals[i], err));
    return RC_OK;
}

static enum rc insert_entry(struct tx *tx, const struct ulid *id, uint32_t bank,
                            const struct entry_new *entry, const char *labels, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_ENTRY_ADD);
    struct entry_insert row = {.id = *id,
                               .bank = bank,
                               .reason = entry->reason,
                               .case_ref = entry->case_ref,
                               .source = entry->source,
                               .media_type = entry->media_type,
                               .labels = labels};
    uint64_t number = 0;
    TRY(entry_insert(tx, &q, &row, &number, err));
    TRY(insert_signals(tx, number, bank, entry, err));
    TRY(bank_add_active(tx, bank, 1, err));
    return tx_change(tx, CHANGE_ENTRY, number, err);
}

static enum rc audit_add(struct tx *tx, const char *id, const struct entry_new *entry,
                         const char *labels, struct err *err)
{
    SCOPED(mem_free) char *details = NULL;
    struct json_text j = details_begin();
    details_number(&j, "signals", (int64_t)entry->n_signals);
    details_string(&j, "media_type", or_empty(entry->media_type));
    details_string(&j, "case", or_empty(entry->case_ref));
    details_string(&j, "source", or_empty(entry->source));
    details_words(&j, "labels", labels);
    TRY(details_finish(&j, &details, err));
    struct audit_new row = {.action = "entry.add",
                            .bank = entry->bank,
                            .target = id,
                            .reason = entry->reason,
                            .details = details};
    return audit_append(tx, &row, err);
}

enum rc sqlite_entry_add(struct store *store, const struct entry_new *entry,
                         const struct actor *actor, struct ulid *ret_id, uint64_t *ret_generation,
                         struct err *err)
{
    SCOPED(mem_free) char *labels = NULL;
    SCOPED(tx_end) struct tx tx = {0};
    uint32_t bank = 0;

    TRY(labels_join(entry->labels, &labels, err));
    TRY(tx_begin(store, actor, &tx, err));
    TRY(bank_find(tx.conn, entry->bank, &bank, NULL, err));
    TRY(refuse_known(tx.conn, bank, entry, err));

    struct ulid id = ulid_new();
    char id_text[ULID_SIZE];
    ulid_text(&id, id_text);
    TRY(tx_next_generation(&tx, err));
    TRY(insert_entry(&tx, &id, bank, entry, labels, err));
    TRY(audit_add(&tx, id_text, entry, labels, err));
    TRY(tx_commit(&tx, err));

    *ret_id = id;
    *ret_generation = tx.generation;
    return RC_OK;
}

/* An entry's changeable fields, borrowed. */
struct fields {
    enum entry_state state;
    const char *case_ref, *source, *labels;
};

static enum rc describe(const struct fields *old, const struct fields *new, char **ret,
                        struct err *err)
{
    struct json_text j = details_begin();
    details_change(&j, "state", entry_state_name(old->state), entry_state_name(new->state));
    details_change(&j, "case", old->case_ref, new->case_ref);
    details_change(&j, "source", old->source, new->source);
    details_change_words(&j, "labels", old->labels, new->labels);
    return details_finish(&j, ret, err);
}

static enum rc set(struct tx *tx, uint64_t number, const struct fields *f, struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_ENTRY_SET);
    query_number(&q, number);
    query_int(&q, f->state);
    query_text(&q, f->case_ref);
    query_text(&q, f->source);
    query_text(&q, f->labels);
    query_int(&q, tx->now_ms);
    query_number(&q, tx->generation);
    return query_run(&q, err);
}

static enum rc audit_update(struct tx *tx, const struct entry *entry, enum entry_state state,
                            const char *reason, const char *details, struct err *err)
{
    const char *action = "entry.update";
    if (state != entry->state)
        action = state == ENTRY_REVOKED ? "entry.revoke" : "entry.restore";
    char id[ULID_SIZE];
    ulid_text(&entry->id, id);
    struct audit_new row = {.action = action,
                            .bank = entry->bank_name,
                            .target = id,
                            .reason = reason,
                            .details = details};
    return audit_append(tx, &row, err);
}

static enum rc change(struct tx *tx, const struct entry *entry, const struct entry_patch *patch,
                      struct err *err)
{
    SCOPED(mem_free) char *old_labels = NULL;
    SCOPED(mem_free) char *labels = NULL;
    SCOPED(mem_free) char *details = NULL;

    TRY(labels_join(&entry->labels, &old_labels, err));
    TRY(labels_join(patch->labels, &labels, err));
    struct fields old = {.state = entry->state,
                         .case_ref = entry->case_ref,
                         .source = entry->source,
                         .labels = old_labels};
    struct fields new = {.state = patch->state != NULL ? *patch->state : old.state,
                         .case_ref = patch->case_ref != NULL ? patch->case_ref : old.case_ref,
                         .source = patch->source != NULL ? patch->source : old.source,
                         .labels = patch->labels != NULL ? labels : old.labels};
    TRY(describe(&old, &new, &details, err));
    if (strcmp(details, "{}") == 0)
        return RC_OK;

    TRY(tx_change(tx, CHANGE_ENTRY, entry->number, err));
    TRY(set(tx, entry->number, &new, err));
    if (new.state != old.state)
        TRY(bank_add_active(tx, entry->bank, new.state == ENTRY_ACTIVE ? 1 : -1, err));
    return audit_update(tx, entry, new.state, patch->reason, details, err);
}

enum rc sqlite_entry_update(struct store *store, const struct ulid *id,
                            const struct entry_patch *patch, const struct actor *actor,
                            struct entry *ret, struct err *err)
{
    SCOPED(entry_drop) struct entry old = {0};
    SCOPED(entry_drop) struct entry entry = {0};
    SCOPED(tx_end) struct tx tx = {0};

    TRY(tx_begin(store, actor, &tx, err));
    TRY(entry_find(tx.conn, id, &old, err));
    TRY(change(&tx, &old, patch, err));
    TRY(entry_find(tx.conn, id, &entry, err));
    if (tx.took_generation)
        TRY(tx_commit(&tx, err));
    *ret = entry;
    entry = (struct entry){0};
    return RC_OK;
}
