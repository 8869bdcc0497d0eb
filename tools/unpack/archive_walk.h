/*
 * The hostile side: walks one archive with libarchive and says what is in it on the channel.
 *
 * Within the sandbox, so with no system call but pread on the archive and messages.
 */
#ifndef TOOLS_UNPACK_ARCHIVE_WALK_H
#define TOOLS_UNPACK_ARCHIVE_WALK_H

#include "hashing/base/err.h"
#include "tools/unpack/unpack_wire.h"

/*
 * Sends a head with `rest` behind it; the rest of the head's fields is the caller's.  RC_SYS when
 * the scan is gone.
 */
MUST_CHECK enum rc unpack_send(struct unpack_head *head, const void *rest, size_t n,
                               struct err *err);

/* Before the sandbox closes: locale, time zone, and what libarchive fills at its first use. */
void archive_warm_up(void);

/*
 * Sends every member of the archive in fd, and DONE unless that fails: RC_SYS when the scan is
 * gone.
 */
MUST_CHECK enum rc archive_walk(const struct unpack_job *job, int fd, struct err *err);

#endif
