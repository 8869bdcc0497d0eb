/* What no backend takes: the store's own refusals, before any transaction begins. */
#ifndef DB_STORE_CHECK_H
#define DB_STORE_CHECK_H

#include "db/store.h"

MUST_CHECK enum rc check_bank(const struct bank *bank, struct err *err);
MUST_CHECK enum rc check_bank_patch(const struct bank_patch *patch, struct err *err);
MUST_CHECK enum rc check_entry(const struct entry_new *entry, struct err *err);
MUST_CHECK enum rc check_entry_patch(const struct entry_patch *patch, struct err *err);
/* The message names the line, counted from 1. */
MUST_CHECK enum rc check_import(const struct import_line *lines, size_t n, struct err *err);
MUST_CHECK enum rc check_key(const struct key *key, struct err *err);
MUST_CHECK enum rc check_node(const char *node, struct err *err);
MUST_CHECK enum rc check_ending(enum check_state state, const char *answer, struct err *err);

#endif
