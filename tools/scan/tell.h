/*
 * What a state says, for people and for programs: a table, JSON Lines, CSV, a page of HTML.
 *
 * All are made from the state alone and in the order of its files, so that equal states are told in
 * equal bytes.  Names are others' bytes: for people they are escaped (hashing/base/text.h:
 * text_printable()); JSON has them so, too, and as hex where that does not give them back.
 */
#ifndef TOOLS_SCAN_TELL_H
#define TOOLS_SCAN_TELL_H

#include <stdio.h>

#include "tools/scan/scan.h"
#include "tools/scan/state.h"

enum tell_form { TELL_TABLE, TELL_JSON, TELL_CSV };

struct tell_what {
    bool everything; /* of the state; else of this scan's roots */
    bool all;        /* files, also those that match nothing and were read */
};

/* To standard output; when that takes nothing more it is complained about, and RC_OK: see ferror().
 */
MUST_CHECK enum rc tell_state(struct state *state, struct tell_what what, enum tell_form form,
                              struct err *err);

/* The page.  done NULL: of no scan, so that no rates are told. */
MUST_CHECK enum rc tell_page(struct state *state, bool everything, const struct scan_done *done,
                             FILE *out, struct err *err);

/* The page as the file at path (mode 0600), which is whole or not there; RC_SYS when it cannot be
 * written. */
MUST_CHECK enum rc tell_file(struct state *state, bool everything, const struct scan_done *done,
                             const char *path, struct err *err);
/* Whether it could be written there now; leaves nothing behind.  RC_INPUT says why not. */
MUST_CHECK enum rc tell_file_check(const char *path, struct err *err);

/* A name as people see it; owned by the caller, NULL without memory. */
char *tell_name(struct bytes name);

#endif
