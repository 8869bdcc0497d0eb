/*
 * Hash lists as people exchange them, read line by line:
 *
 *   text    `pdq HEX` or bare HEX of a PDQ hash; blank lines and # comments are skipped
 *   csv     the columns of `tx dataset --csv`: signal_type,signal_str,collab,category,tags
 *   ndjson  {"type","value","labels"?,"source"?} a line
 *
 * The whole list is read before anything is imported, so that a bad line can refuse it all.
 * Pure functions; memory grows with the number of lines only.
 */
#ifndef SERVICE_LIST_FORMAT_H
#define SERVICE_LIST_FORMAT_H

#include <stdbool.h>

#include "db/store.h"
#include "hashing/base/bytes.h"

enum list_format { LIST_TEXT, LIST_CSV, LIST_NDJSON };

/* By Content-Type, parameters aside; false for any other. */
bool list_format_parse(const char *content_type, enum list_format *ret);

enum { LIST_ERRORS_MAX = 100, LIST_LINE_MAX = 65536 };

struct list_error {
    uint64_t line; /* from 1 */
    char detail[160];
};

struct list {
    size_t n;
    struct import_line *lines; /* owned; their text lives in `text` */
    struct text_chunk *text;
    uint64_t skipped; /* lines that say themselves that they are no match: NEGATIVE_CLASS */
    uint64_t error_count;
    size_t n_errors;
    struct list_error errors[LIST_ERRORS_MAX]; /* the first ones */
};

/*
 * Bad lines are counted in *ret, not failures.  RC_INPUT when the body as a whole is no such list:
 * empty, or without the header of a CSV.  RC_NOMEM.
 */
MUST_CHECK enum rc list_read(enum list_format format, struct bytes body, struct list **ret,
                             struct err *err);
void list_free(struct list *list);
SCOPED_DEFINE(list_free, struct list *)

/*
 * A signal that must never be listed: all bits 0 or all 1 is what broken tools write, and a PDQ
 * hash of poor quality matches anything flat.  RC_INPUT says which.
 */
MUST_CHECK enum rc list_signal_check(const struct signal *signal, struct err *err);

/*
 * A field as CSV, quoted where needed.  Text that a spreadsheet would run as a formula gets an
 * apostrophe in front, which list_read() takes off again.  False when out is too small.
 */
bool list_csv_quote(const char *text, char *out, size_t size);

#endif
