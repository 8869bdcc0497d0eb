/*
 * The trusting side of one sandboxed worker process: spawn, one job at a time, deadline, kill,
 * respawn.  Each host belongs to one thread at a time and blocks it; N decoder threads own N
 * hosts.  A worker that crashes, hangs, lies or runs over its memory costs that job an
 * RC_UNDECODABLE or RC_LIMIT and nobody else anything: it is killed and replaced.
 */
#ifndef HASHING_WORKER_HOST_H
#define HASHING_WORKER_HOST_H

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "hashing/frame_hasher.h"

enum { MEDIUM_FRAMES_MAX = 16 };

struct worker_config {
    const char *program; /* path of hashgate-worker */
    int64_t timeout_ms;  /* wall time of one job */
    uint64_t max_pixels;
    uint64_t memory;        /* RLIMIT_AS */
    unsigned recycle_after; /* jobs after which a worker is replaced anyway; 0: never */
};

/* What a worker found.  All checked: see wire_reply_check(). */
struct medium_hashes {
    char type[32]; /* "image/jpeg" */
    uint32_t width, height, frames;
    uint32_t n; /* entries of frame[] */
    struct {
        int64_t ms;
        struct frame_hashes hashes;
    } frame[MEDIUM_FRAMES_MAX];
};

struct worker_stats {
    uint64_t spawned;   /* processes that said hello */
    uint64_t crashed;   /* died of a job, whatever the cause (forbidden call, signal, exit) */
    uint64_t timed_out; /* killed at the deadline of a job */
    uint64_t lied;      /* killed for an answer that is none */
    uint64_t jobs;      /* sent to a worker */
};

struct worker_host;

/*
 * Starts the worker and waits for its hello.  config is borrowed for the host's life.
 *
 * A worker dies with the thread that spawned it, here or in worker_host_start() (the kernel's
 * PR_SET_PDEATHSIG), so that none outlives a killed service: a thread that may have spawned must
 * not end between start and wait.  At any other time its end costs one respawn.
 */
MUST_CHECK enum rc worker_host_new(const struct worker_config *config, struct worker_host **ret,
                                   struct err *err);
void worker_host_free(struct worker_host *host);
SCOPED_DEFINE(worker_host_free, struct worker_host *)

/*
 * Sends the job: length bytes at offset of memfd, which must be sealed against write, grow and
 * shrink (RC_INPUT otherwise) and stays the caller's.  The deadline runs from here.  Replaces a
 * dead worker first, and one whose job was never waited for.  RC_SYS when none can be started.
 */
MUST_CHECK enum rc worker_host_start(struct worker_host *host, int memfd, uint64_t offset,
                                     uint64_t length, bool all_orientations, struct err *err);

/*
 * Waits for the answer to the job that was started.  RC_NOT_MEDIA, RC_UNDECODABLE and RC_LIMIT
 * speak of the medium; *ret is written on success only.  A crash or lie of a worker that had served
 * other media, and a SIGKILL from outside, is tried once more on a fresh worker within the same
 * deadline: no medium pays for another.
 */
MUST_CHECK enum rc worker_host_wait(struct worker_host *host, struct medium_hashes *ret,
                                    struct err *err);

/* The fastest hash kernel of the worker's processor, as frame_hasher_self_test() says it. */
const char *worker_host_kernel(const struct worker_host *host);

/* The next two: any thread, at any time.  The pid is -1 while there is none. */
int worker_host_pid(const struct worker_host *host);
void worker_host_stats(const struct worker_host *host, struct worker_stats *ret);

#endif
