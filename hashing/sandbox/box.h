/*
 * The sandbox of a child: one call closes it, nothing opens it again.
 *
 * What is left afterwards is computing, anonymous memory up to a limit, reading what was received,
 * and messages on MESSAGE_FD.  Any other system call kills the process (SIGSYS).
 *
 * In layers, so that none of them must be perfect: an unprivileged user without capabilities,
 * namespaces without network and mounts, Landlock without any file, resource limits, and the
 * seccomp filter.  The filter, the limits and the user are required; namespaces and Landlock are
 * taken where the kernel gives them.
 */
#ifndef HASHING_SANDBOX_BOX_H
#define HASHING_SANDBOX_BOX_H

#include <stdint.h>

#include "hashing/base/err.h"

enum box_medium {
    BOX_MAPS_MEDIUM, /* by private read-only mmap: a sealed memfd */
    BOX_READS_MEDIUM /* by pread of MESSAGE_FD + 1: also a file, which may shrink */
};

/*
 * For a process of one thread that has done all its lazy set-up.  memory: bytes of address space.
 * RC_SYS when a required layer fails: the caller must then leave without reading any medium.
 */
MUST_CHECK enum rc box_enter(uint64_t memory, enum box_medium medium, struct err *err);

/* Inside the box: ends this process by SIGXCPU after so many seconds of its processor time. */
MUST_CHECK enum rc box_limit_cpu(uint64_t seconds, struct err *err);

#endif
