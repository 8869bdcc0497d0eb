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
    unsigned recycle_after; /* jobs after which a worker is replaced anyway */
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
    uint64_t spawned, crashed, timed_out, lied, jobs;
};

struct worker_host;

/* Starts the worker and waits for its hello.  config is borrowed for the host's life. */
MUST_CHECK enum rc worker_host_new(const struct worker_config *config, struct worker_host **ret,
                                   struct err *err);
void worker_host_free(struct worker_host *host);
SCOPED_DEFINE(worker_host_free, struct worker_host *)

/*
 * Sends the job: length bytes at offset of memfd, which must be sealed against write, grow and
 * shrink.  Respawns a dead worker first.  RC_SYS when no worker can be started.
 */
MUST_CHECK enum rc worker_host_start(struct worker_host *host, int memfd, uint64_t offset,
                                     uint64_t length, bool all_orientations, struct err *err);

/*
 * Waits for the answer to the job that was started.  RC_NOT_MEDIA, RC_UNDECODABLE and RC_LIMIT
 * speak of the medium; *ret is written on success only.
 */
MUST_CHECK enum rc worker_host_wait(struct worker_host *host, struct medium_hashes *ret,
                                    struct err *err);

/* -1 while there is none. */
int worker_host_pid(const struct worker_host *host);
void worker_host_stats(const struct worker_host *host, struct worker_stats *ret);

#endif
