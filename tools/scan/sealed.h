/* Bytes of a file, copied to where nobody can change them any more: what a worker is given. */
#ifndef TOOLS_SCAN_SEALED_H
#define TOOLS_SCAN_SEALED_H

#include <stdint.h>

#include "hashing/base/err.h"

/*
 * Reads fd from its start to its end into a memfd, and seals that against write, grow and shrink.
 RC_TOO_LARGE when more than max bytes come; RC_SYS.  *ret_memfd is the caller's.
 */
MUST_CHECK enum rc sealed_read(int fd, uint64_t max, int *ret_memfd, uint64_t *ret_length,
                               struct err *err);

/* Seals a memfd that was made with MFD_ALLOW_SEALING. */
MUST_CHECK enum rc sealed_close(int memfd, struct err *err);

#endif
