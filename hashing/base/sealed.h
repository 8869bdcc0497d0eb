/*
 * Bytes in memory that nobody can change any more: what a worker is given, and what an upload, a
 * member of an archive or an object of a bucket becomes.  Pure calls, any thread.
 */
#ifndef HASHING_BASE_SEALED_H
#define HASHING_BASE_SEALED_H

#include <stdint.h>

#include "hashing/base/err.h"

/* Seals a memfd that was made with MFD_ALLOW_SEALING against write, grow, shrink and more seals. */
MUST_CHECK enum rc sealed_close(int memfd, struct err *err);

/*
 * Reads fd from its start to its end, wherever it stands, into a memfd, and seals that.
 * RC_TOO_LARGE when more than max bytes come; RC_SYS.  *ret_memfd is the caller's.
 */
MUST_CHECK enum rc sealed_read(int fd, uint64_t max, int *ret_memfd, uint64_t *ret_length,
                               struct err *err);

#endif
