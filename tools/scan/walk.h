/*
 * Files of a tree, and files of a list: sources of a scan (tools/scan/source.h).
 *
 * Every name is resolved from the folder that it was read from, one component at a time, through
 * no link and, unless asked, into no other file system: whatever happens to the tree meanwhile,
 * nothing outside of it is opened.  Only regular files are, never blocking; links, FIFOs, sockets
 * and devices are passed by.  What vanishes meanwhile is not an error.  Memory grows with the
 * depth of the tree, which may be WALK_DEPTH_MAX, not with its size.
 */
#ifndef TOOLS_SCAN_WALK_H
#define TOOLS_SCAN_WALK_H

#include <stdio.h>

#include "tools/scan/source.h"

enum { WALK_DEPTH_MAX = 256 };

struct walk_options {
    const char *const *exclude; /* n_exclude shell patterns: one with a slash is of the whole name
                                 * under the root, else of the last component */
    unsigned n_exclude;
    unsigned max_depth;     /* 1: only what lies in the root itself; 0: any */
    bool other_filesystems; /* follow mounts, too */
};

/*
 * One root: a folder or a file.  `name` is what its items' names begin with, an absolute path
 * without a slash at its end but for "/" itself.
 */
struct walk {
    const char *name;
    const struct walk_options *options;
};

/* The source_run of a struct walk.  RC_SYS when the root itself cannot be opened. */
MUST_CHECK enum rc walk_run(void *walk, const struct source_visitor *visitor, struct err *err);

/*
 * The names of a list, each ended by `end` ('\n' or 0), as roots of their own: relative ones are of
 * the folder `base`.  A name that is a link is passed by; one that cannot be opened is trouble.
 */
struct walk_list {
    FILE *in;
    int end;
    const char *base; /* absolute */
    const struct walk_options *options;
};
MUST_CHECK enum rc walk_list_run(void *list, const struct source_visitor *visitor, struct err *err);

#endif
