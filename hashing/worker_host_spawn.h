/*
 * Internal to worker_host: the start of the process behind a host, to its hello.  Knows no job.
 */
#ifndef HASHING_WORKER_HOST_SPAWN_H
#define HASHING_WORKER_HOST_SPAWN_H

#include "hashing/sandbox/child.h"
#include "hashing/worker/wire.h"

struct worker_process {
    struct child child;
    char kernel[WIRE_MSG_SIZE];
};

/*
 * Starts program as child_start() does and waits for its hello.  RC_SYS when that does not come;
 * RC_BUSY when it was killed from outside (SIGKILL) before, and another may do.
 */
MUST_CHECK enum rc worker_spawn(const char *program, uint64_t memory, struct worker_process *ret,
                                struct err *err);

#endif
