/* Names of this machine's files, made absolute.  Each *ret is owned.  Any thread. */
#ifndef TOOLS_SCAN_PATH_H
#define TOOLS_SCAN_PATH_H

#include "hashing/base/err.h"

/* The path, under `base` when it is relative (absolute; NULL: the current folder); links and dots
 * in it stay.  RC_SYS when there is no current folder, RC_NOMEM. */
MUST_CHECK enum rc path_absolute(const char *base, const char *path, char **ret, struct err *err);

/*
 * The name by which a walk calls what the path names: its folder is resolved, through links, and
 * its last part stays as it is, which need not be there.  What ends with "." or ".." is resolved
 * whole.  RC_SYS when that, or the folder, is not there; RC_NOMEM.
 */
MUST_CHECK enum rc path_of_entry(const char *base, const char *path, char **ret, struct err *err);

#endif
