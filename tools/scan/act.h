/*
 * What is done about files that matched a bank which asks for more than to observe: they are moved
 * away, or a command is run for each.  Dry unless it is meant.
 *
 * Each act is recorded in the state before and after; one that was done is not done again while the
 * file is what it was, and one that failed or was cut off is tried again by the next scan.
 */
#ifndef TOOLS_SCAN_ACT_H
#define TOOLS_SCAN_ACT_H

#include "tools/scan/state.h"

enum act_kind { ACT_QUARANTINE, ACT_EXEC };

struct act {
    enum act_kind kind;
    char *text;        /* owned; as it was asked for, DIR absolute: what the record says */
    const char *value; /* of text: the folder, or the command */
    bool meant;        /* else it is only told */
};

/* "quarantine DIR" or "exec CMD"; RC_INPUT for anything else. */
MUST_CHECK enum rc act_parse(const char *text, struct act *ret, struct err *err);
void act_clear(struct act *act);

/*
 * Does it for every file that is due, telling each on standard error.
 *
 * quarantine: the file is moved to DIR, which is made (mode 0700), under its sha256, and the record
 * says where it lies; a file that is not what was hashed stays.  exec: /bin/sh runs CMD with the
 * file's name as $1 and its sha256 as $2, without a key in its environment; its standard input is
 * empty, its output goes to standard error; exit code 0 means done.
 *
 * *ret_failed: how many could not be done.  A failure is the state's, or RC_BUSY when stopped.
 */
MUST_CHECK enum rc act_all(const struct act *act, struct state *state, bool everything,
                           const atomic_bool *stop, uint64_t *ret_failed, struct err *err);

#endif
