/*
 * The worker's end of the channel: the only three things that it does with descriptors after the
 * sandbox is closed.  Only sendmsg, recvmsg, mmap, munmap and close are used, because box.c
 * allows no more.
 */
#ifndef HASHING_WORKER_CHANNEL_H
#define HASHING_WORKER_CHANNEL_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/worker/wire.h"

/* A medium mapped for reading: `in` lies within the mapped bytes. */
struct channel_medium {
    void *map;
    size_t mapped;
    struct bytes in;
};

/*
 * Waits for one job with exactly one descriptor, which the caller closes, and limits this
 * process's processor time to what the job may use.  RC_SYS when the service
 * is gone, RC_INPUT when the message is not a job: in both cases the worker has nothing to do.
 */
MUST_CHECK enum rc channel_receive(struct wire_job *ret, int *ret_fd, struct err *err);

/* Maps the job's span of fd read-only; RC_NOMEM when it does not fit the memory limit. */
MUST_CHECK enum rc channel_map(int fd, const struct wire_job *job, struct channel_medium *ret,
                               struct err *err);
void channel_unmap(struct channel_medium *medium);

/* Makes a reply of this kind with every other byte zero. */
void channel_reply_init(struct wire_reply *reply, uint64_t job, enum wire_kind kind);

MUST_CHECK enum rc channel_send(const struct wire_reply *reply, struct err *err);

#endif
