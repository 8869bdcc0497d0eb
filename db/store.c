#include "db/store.h"

#include <string.h>

#include "db/store_check.h"
#include "db/store_ops.h"

static const struct store_ops *const backends[] = {&sqlite_ops};

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static enum rc pick(const char *url, const struct store_ops **ret, struct err *err)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (starts_with(url, backends[i]->scheme)) {
            *ret = backends[i];
            return RC_OK;
        }
    /* A URL may hold a password: never quote it. */
    if (starts_with(url, "postgresql://") || starts_with(url, "postgres://"))
        FAIL(err, RC_INPUT, "database: postgresql:// is not supported by this version");
    FAIL(err, RC_INPUT, "database: must be sqlite:/path");
}

enum rc store_open(const char *url, struct store **ret, struct err *err)
{
    const struct store_ops *ops = NULL;
    TRY(pick(url, &ops, err));
    return ops->open(url + strlen(ops->scheme), ret, err);
}

enum rc store_init(const char *url, bool *ret_created, struct err *err)
{
    const struct store_ops *ops = NULL;
    TRY(pick(url, &ops, err));
    return ops->init(url + strlen(ops->scheme), ret_created, err);
}

void store_free(struct store *store)
{
    if (store != NULL)
        store->ops->free(store);
}

enum rc store_ping(struct store *store, struct err *err)
{
    return store->ops->ping(store, err);
}

enum rc store_generation(struct store *store, uint64_t *ret, struct err *err)
{
    return store->ops->generation(store, ret, err);
}

enum rc store_bank_create(struct store *store, struct bank *bank, const struct actor *actor,
                          struct err *err)
{
    TRY(check_bank(bank, err));
    return store->ops->bank_create(store, bank, actor, err);
}

enum rc store_bank_update(struct store *store, const char *name, const struct bank_patch *patch,
                          const struct actor *actor, struct bank *ret, struct err *err)
{
    TRY(check_bank_patch(patch, err));
    return store->ops->bank_update(store, name, patch, actor, ret, err);
}

enum rc store_bank_get(struct store *store, const char *name, struct bank *ret, struct err *err)
{
    return store->ops->bank_get(store, name, ret, err);
}

enum rc store_bank_list(struct store *store, store_bank_visit *visit, void *ctx, struct err *err)
{
    return store->ops->bank_list(store, visit, ctx, err);
}

enum rc store_entry_add(struct store *store, const struct entry_new *entry,
                        const struct actor *actor, struct ulid *ret_id, uint64_t *ret_generation,
                        struct err *err)
{
    TRY(check_entry(entry, err));
    return store->ops->entry_add(store, entry, actor, ret_id, ret_generation, err);
}

enum rc store_entry_get(struct store *store, const struct ulid *id, struct entry *ret,
                        struct err *err)
{
    return store->ops->entry_get(store, id, ret, err);
}

enum rc store_entry_update(struct store *store, const struct ulid *id,
                           const struct entry_patch *patch, const struct actor *actor,
                           struct entry *ret, struct err *err)
{
    TRY(check_entry_patch(patch, err));
    return store->ops->entry_update(store, id, patch, actor, ret, err);
}

enum rc store_entry_list(struct store *store, const struct entry_filter *filter,
                         store_entry_visit *visit, void *ctx, struct err *err)
{
    return store->ops->entry_list(store, filter, visit, ctx, err);
}

enum rc store_entry_labels(struct store *store, const struct ulid *ids, size_t n,
                           struct labels *ret, struct err *err)
{
    return store->ops->entry_labels(store, ids, n, ret, err);
}

enum rc store_import(struct store *store, const char *bank, const char *import_id,
                     const char *reason, const struct import_line *lines, size_t n,
                     const struct actor *actor, struct import_result *ret, struct err *err)
{
    TRY(check_import(lines, n, err));
    return store->ops->import(store, bank, import_id, reason, lines, n, actor, ret, err);
}

enum rc store_export(struct store *store, const char *bank, const struct actor *actor,
                     store_export_visit *visit, void *ctx, struct err *err)
{
    return store->ops->export(store, bank, actor, visit, ctx, err);
}

enum rc store_changes(struct store *store, uint64_t since, store_change_visit *visit, void *ctx,
                      uint64_t *ret_generation, struct err *err)
{
    return store->ops->changes(store, since, visit, ctx, ret_generation, err);
}

enum rc store_mark(struct store *store, struct store_mark *ret, struct err *err)
{
    return store->ops->mark(store, ret, err);
}

enum rc store_mark_check(struct store *store, const struct store_mark *mark, struct err *err)
{
    return store->ops->mark_check(store, mark, err);
}

enum rc store_key_create(struct store *store, struct key *key, const struct actor *actor,
                         struct err *err)
{
    TRY(check_key(key, err));
    return store->ops->key_create(store, key, actor, err);
}

enum rc store_key_revoke(struct store *store, const char *id, const struct actor *actor,
                         struct err *err)
{
    return store->ops->key_revoke(store, id, actor, err);
}

enum rc store_key_list(struct store *store, store_key_visit *visit, void *ctx, struct err *err)
{
    return store->ops->key_list(store, visit, ctx, err);
}

enum rc store_check_begin(struct store *store, const struct ulid *id, const char *key_id,
                          const char *ref, const char *node, struct err *err)
{
    TRY(check_node(node, err));
    return store->ops->check_begin(store, id, key_id, ref, node, err);
}

enum rc store_check_end(struct store *store, const struct ulid *id, enum check_state state,
                        unsigned status, const char *answer, struct err *err)
{
    TRY(check_ending(state, answer, err));
    return store->ops->check_end(store, id, state, status, answer, err);
}

enum rc store_check_get(struct store *store, const struct ulid *id, struct check_row *ret,
                        struct err *err)
{
    return store->ops->check_get(store, id, ret, err);
}

enum rc store_checks_abandon(struct store *store, const char *node, unsigned status,
                             const char *answer, uint64_t *ret_n, struct err *err)
{
    TRY(check_node(node, err));
    TRY(check_ending(CHECK_ERROR, answer, err));
    return store->ops->checks_abandon(store, node, status, answer, ret_n, err);
}

enum rc store_checks_forget(struct store *store, int64_t before_ms, uint64_t *ret_n,
                            struct err *err)
{
    return store->ops->checks_forget(store, before_ms, ret_n, err);
}

enum rc store_decision_add(struct store *store, const struct decision *decision, struct err *err)
{
    return store->ops->decisions_add(store, decision, 1, err);
}

enum rc store_decisions_add(struct store *store, const struct decision *decisions, size_t n,
                            struct err *err)
{
    return n > 0 ? store->ops->decisions_add(store, decisions, n, err) : RC_OK;
}

enum rc store_audit_list(struct store *store, const struct audit_filter *filter,
                         store_audit_visit *visit, void *ctx, struct err *err)
{
    return store->ops->audit_list(store, filter, visit, ctx, err);
}

enum rc store_audit_verify(struct store *store, struct audit_check *ret, struct err *err)
{
    return store->ops->audit_verify(store, ret, err);
}
