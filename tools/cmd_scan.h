/*
 * What `hashgate scan` was asked for, read from its arguments and checked before anything is done:
 * a scan may take a week, and is not to fail at its end for a name that was wrong from the start.
 */
#ifndef TOOLS_CMD_SCAN_H
#define TOOLS_CMD_SCAN_H

#include "tools/command.h"
#include "tools/scan/act.h"
#include "tools/scan/tell.h"

struct scan_asked {
    struct scan_options scan;
    const char *exclude[LIST_MAX];
    char *state_path; /* owned */
    int64_t since;    /* -1: none */
    bool rematch;
    enum tell_form form;
    struct tell_what what;
    const char *page;        /* NULL: none */
    struct act act;          /* owned; text NULL: none */
    struct offline *offline; /* owned; NULL: the service is asked */
};
void scan_asked_clear(struct scan_asked *asked);
static inline void scan_asked_clear_scoped(struct scan_asked *asked)
{
    scan_asked_clear(asked);
}

/* Of `scan`; zeroed before.  RC_INPUT says what is wrong with them. */
MUST_CHECK enum rc scan_asked_read(const struct args *args, struct scan_asked *ret,
                                   struct err *err);
/* Of `scan merge`: how it is told. */
MUST_CHECK enum rc scan_asked_read_tell(const struct args *args, struct scan_asked *ret,
                                        struct err *err);
/* The state's name, absolute: as given, else scan.db in hashgate's folder of $XDG_STATE_HOME. */
MUST_CHECK enum rc scan_asked_state(const struct args *args, char **ret, struct err *err);

#endif
