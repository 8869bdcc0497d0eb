/* Labels as the store keeps them: words of one text, separated by spaces. */
#ifndef DB_LABELS_TEXT_H
#define DB_LABELS_TEXT_H

#include "db/records.h"
#include "hashing/base/err.h"

/* How many words. */
size_t labels_count(const char *text);

/* NULL labels give "".  *ret is freed with free(). */
MUST_CHECK enum rc labels_join(const struct labels *labels, char **ret, struct err *err);

/* Words beyond LABELS_MAX are left out.  *ret is written on success only. */
MUST_CHECK enum rc labels_split(const char *text, struct labels *ret, struct err *err);

#endif
