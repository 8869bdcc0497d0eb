/* Inside list_format.c and its readers, one for each format: what a line adds to the list. */
#ifndef SERVICE_LIST_LINE_H
#define SERVICE_LIST_LINE_H

#include "service/list_format.h"

/* Where the reader stands; a reader adds at most one signal for a line. */
struct list_reader {
    struct list *list;
    size_t room;                 /* of list->lines */
    const char *labels, *source; /* the last ones stored: most lines repeat them */
    unsigned n_columns;          /* CSV: of the header */
    int column[8];               /* and which of tx's columns stands at each place */
};

/*
 * Readers of one line, given without its end; blank lines and comments are theirs to skip.
 * RC_INPUT: the line is bad; RC_NOMEM ends the reading.
 */
MUST_CHECK enum rc list_text_line(struct list_reader *r, struct bytes line, struct err *err);
MUST_CHECK enum rc list_csv_header(struct list_reader *r, struct bytes line, struct err *err);
MUST_CHECK enum rc list_csv_line(struct list_reader *r, struct bytes line, struct err *err);
MUST_CHECK enum rc list_ndjson_line(struct list_reader *r, struct bytes line, struct err *err);

/* Adds a signal.  labels: separated by any number of spaces.  Both texts are copied. */
MUST_CHECK enum rc list_line_add(struct list_reader *r, const struct signal *signal,
                                 const char *labels, const char *source, struct err *err);

/* Type and value as text or CSV write them: hex of either case, or padded base64. */
MUST_CHECK enum rc list_line_signal(const char *type, const char *value, struct signal *ret,
                                    struct err *err);

#endif
