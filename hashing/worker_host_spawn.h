/*
 * Internal to worker_host: the life of the process behind a host, from exec to the last wait.
 * Knows the hello, no job.
 */
#ifndef HASHING_WORKER_HOST_SPAWN_H
#define HASHING_WORKER_HOST_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hashing/base/err.h"
#include "hashing/worker/wire.h"

struct worker_process {
    pid_t pid;   /* -1: none */
    int channel; /* -1: none */
    char kernel[WIRE_MSG_SIZE];
};

/* What came out of waiting for a message. */
enum worker_event {
    WORKER_SAID,   /* *ret_n bytes were sent, of which at most size are in buf */
    WORKER_GONE,   /* it closed its end */
    WORKER_SILENT, /* the deadline passed */
    WORKER_FAILED  /* errno */
};

/*
 * Starts program with `memory` as its only argument, an empty environment and no descriptor but
 * /dev/null and its channel, and waits for its hello.  RC_SYS when that does not come; RC_BUSY when
 * it was killed from outside (SIGKILL) before, and another may do.
 */
MUST_CHECK enum rc worker_spawn(const char *program, uint64_t memory, struct worker_process *ret,
                                struct err *err);

/* Kills and reaps; harmless when there is none.  Returns the status as waitpid() gives it. */
int worker_stop(struct worker_process *process);

/* Takes the next message, waiting until clock_mono_ns() reaches deadline. */
enum worker_event worker_listen(const struct worker_process *process, int64_t deadline, void *buf,
                                size_t size, size_t *ret_n);

/* Whether it lives, has nothing to say and so is ready for a job; else why not. */
enum worker_event worker_peek(const struct worker_process *process);

/* "signal 11 (Segmentation fault)", "exit code 3". */
void worker_death_text(int status, char *out, size_t size);

#endif
