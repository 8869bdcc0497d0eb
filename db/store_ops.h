/*
 * The table of functions that a backend of the store is.  Internal to db/.
 *
 * store.c picks a backend by the URL's scheme, checks what any backend would refuse
 * (store_check.h) and calls through this table; each member promises what the function of the
 * same name in store.h promises.
 */
#ifndef DB_STORE_OPS_H
#define DB_STORE_OPS_H

#include "db/store.h"

struct store_ops {
    const char *scheme; /* "sqlite:"; the rest of the URL goes to open() and init() */

    enum rc (*open)(const char *rest, struct store **ret, struct err *err);
    enum rc (*init)(const char *rest, bool *ret_created, struct err *err);
    void (*free)(struct store *store);
    enum rc (*ping)(struct store *store, struct err *err);
    enum rc (*generation)(struct store *store, uint64_t *ret, struct err *err);

    enum rc (*bank_create)(struct store *store, struct bank *bank, const struct actor *actor,
                           struct err *err);
    enum rc (*bank_update)(struct store *store, const char *name, const struct bank_patch *patch,
                           const struct actor *actor, struct bank *ret, struct err *err);
    enum rc (*bank_get)(struct store *store, const char *name, struct bank *ret, struct err *err);
    enum rc (*bank_list)(struct store *store, store_bank_visit *visit, void *ctx, struct err *err);

    enum rc (*entry_add)(struct store *store, const struct entry_new *entry,
                         const struct actor *actor, struct ulid *ret_id, uint64_t *ret_generation,
                         struct err *err);
    enum rc (*entry_get)(struct store *store, const struct ulid *id, struct entry *ret,
                         struct err *err);
    enum rc (*entry_update)(struct store *store, const struct ulid *id,
                            const struct entry_patch *patch, const struct actor *actor,
                            struct entry *ret, struct err *err);
    enum rc (*entry_list)(struct store *store, const struct entry_filter *filter,
                          store_entry_visit *visit, void *ctx, struct err *err);
    enum rc (*entry_labels)(struct store *store, const struct ulid *ids, size_t n,
                            struct labels *ret, struct err *err);

    enum rc (*import)(struct store *store, const char *bank, const char *import_id,
                      const char *reason, const struct import_line *lines, size_t n,
                      const struct actor *actor, struct import_result *ret, struct err *err);
    enum rc (*export)(struct store *store, const char *bank, const struct actor *actor,
                      store_export_visit *visit, void *ctx, struct err *err);
    enum rc (*changes)(struct store *store, uint64_t since, store_change_visit *visit, void *ctx,
                       uint64_t *ret_generation, struct err *err);

    enum rc (*mark)(struct store *store, struct store_mark *ret, struct err *err);
    enum rc (*mark_check)(struct store *store, const struct store_mark *mark, struct err *err);

    enum rc (*key_create)(struct store *store, struct key *key, const struct actor *actor,
                          struct err *err);
    enum rc (*key_revoke)(struct store *store, const char *id, const struct actor *actor,
                          struct err *err);
    enum rc (*key_list)(struct store *store, store_key_visit *visit, void *ctx, struct err *err);

    enum rc (*check_begin)(struct store *store, const struct ulid *id, const char *key_id,
                           const char *ref, const char *node, struct err *err);
    enum rc (*check_end)(struct store *store, const struct ulid *id, enum check_state state,
                         unsigned status, const char *answer, struct err *err);
    enum rc (*check_get)(struct store *store, const struct ulid *id, struct check_row *ret,
                         struct err *err);
    enum rc (*checks_abandon)(struct store *store, const char *node, unsigned status,
                              const char *answer, uint64_t *ret_n, struct err *err);
    enum rc (*checks_forget)(struct store *store, int64_t before_ms, uint64_t *ret_n,
                             struct err *err);

    enum rc (*decisions_add)(struct store *store, const struct decision *decisions, size_t n,
                             struct err *err);
    enum rc (*audit_list)(struct store *store, const struct audit_filter *filter,
                          store_audit_visit *visit, void *ctx, struct err *err);
    enum rc (*audit_verify)(struct store *store, struct audit_check *ret, struct err *err);
};

/* What every backend's object starts with. */
struct store {
    const struct store_ops *ops;
};

extern const struct store_ops sqlite_ops;

#endif
