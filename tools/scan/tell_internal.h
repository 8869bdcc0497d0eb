/* What the forms of telling share. */
#ifndef TOOLS_SCAN_TELL_INTERNAL_H
#define TOOLS_SCAN_TELL_INTERNAL_H

#include "tools/scan/tell.h"

/* Right after writing: RC_SYS with errno's words when standard output takes nothing more, so that
 * nobody waits for the rest. */
MUST_CHECK enum rc tell_taken(struct err *err);

/* "hashed", "other", "unreadable". */
const char *tell_outcome(enum state_outcome outcome);

MUST_CHECK enum rc tell_table(struct state *state, bool everything, enum state_which which,
                              struct err *err);

#endif
