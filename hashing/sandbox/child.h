/*
 * The trusting side of one sandboxed process: exec, messages, the last wait.  What is said on the
 * channel is for others (hashing/worker_host_spawn.h, tools/scan/unpack.h).
 */
#ifndef HASHING_SANDBOX_CHILD_H
#define HASHING_SANDBOX_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hashing/base/err.h"

struct child {
    pid_t pid;   /* -1: none */
    int channel; /* -1: none */
};

/* What came out of waiting for a message. */
enum child_event {
    CHILD_SAID,   /* *ret_n bytes were sent, of which at most size are in buf */
    CHILD_GONE,   /* it closed its end */
    CHILD_SILENT, /* the deadline passed */
    CHILD_FAILED  /* errno */
};

/*
 * Starts program, called name, with `memory` as its only argument, an empty environment and no
 * descriptor but /dev/null (0 to 2) and its end of the channel (MESSAGE_FD).  RC_SYS.
 */
MUST_CHECK enum rc child_start(const char *program, const char *name, uint64_t memory,
                               struct child *ret, struct err *err);

/* Kills and reaps; harmless when there is none.  Returns the status as waitpid() gives it. */
int child_stop(struct child *child);

/* Takes the next message, waiting until clock_mono_ns() reaches deadline. */
enum child_event child_listen(const struct child *child, int64_t deadline, void *buf, size_t size,
                              size_t *ret_n);

/* Whether it lives, has nothing to say and so is ready for a job; else why not. */
enum child_event child_peek(const struct child *child);

/* "signal 11 (Segmentation fault)", "exit code 3". */
void child_death_text(int status, char *out, size_t size);

#endif
