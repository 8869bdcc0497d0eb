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

struct worker_config {
    const char *program;           /* path of hashgate-worker or hashgate-worker-video */
    const char *section;           /* of the configuration that sets these limits, for messages;
                                    * NULL: they are nobody's to set */
    int64_t timeout_ms;            /* wall time of one job */
    int64_t cpu_ms;                /* processor time of one job; 0: as much as wall time */
    uint64_t max_pixels, max_work; /* these six as in decode.h */
    int64_t max_duration_ms, preview_after_ms; /* preview 0: none */
    uint32_t max_frames, max_jpeg_scans;
    uint64_t memory;        /* RLIMIT_AS */
    unsigned recycle_after; /* jobs after which a worker is replaced anyway; 0: never */
};

/* One frame of the medium, checked; borrowed for the length of the call. */
struct worker_frame {
    int64_t ms;
    uint32_t track;
    bool key, preview; /* see decode.h */
    const struct frame_hashes *hashes;
};

/*
 * Where a job's frames go while it runs, on the thread that waits.  All but `frame` may be NULL.
 */
struct worker_sink {
    void *ctx;
    /* The job starts, or starts over on a fresh worker: forget what came. */
    enum rc (*begin)(void *ctx, struct err *err);
    /* *ret_enough: nothing more needs to be known, the worker is stopped.  A failure stops it too
     * and is returned. */
    enum rc (*frame)(void *ctx, const struct worker_frame *frame, bool *ret_enough,
                     struct err *err);
    /* Called about so often while the job runs; a failure stops the worker and is returned. */
    enum rc (*tick)(void *ctx, struct err *err);
    int64_t tick_ms;
};

/* What a worker found.  All checked: see wire_reply_check(). */
struct medium_found {
    char type[32];                  /* "image/jpeg"; "" when cut short */
    uint32_t width, height, frames; /* of the first frame; frames seen, previews not counted */
    int64_t duration_ms;            /* 0: a still.  When cut short: as far as it was seen */
    enum orientation upright;       /* see decode.h */
    bool cut_short;                 /* the sink had enough before the end */
    uint64_t elsewhere_offset, elsewhere_length; /* see decode.h; within the job's bytes */
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
 * Between jobs: replaces a worker that died or would be replaced before the next job, so that that
 * one need not wait for it.  RC_SYS when none can be started, RC_BUSY when each is killed at once.
 */
MUST_CHECK enum rc worker_host_upkeep(struct worker_host *host, struct err *err);

/*
 * Sends the job: length bytes at offset of memfd, which must be sealed against write, grow and
 * shrink (RC_INPUT otherwise) and stays the caller's.  The deadline runs from here.  Replaces a
 * dead worker first, and one whose job was never waited for.  RC_SYS when none can be started,
 * RC_BUSY when somebody kills each before it can begin.
 */
MUST_CHECK enum rc worker_host_start(struct worker_host *host, int memfd, uint64_t offset,
                                     uint64_t length, bool all_orientations, struct err *err);

/*
 * Gives the job's frames to the sink until it is answered.  RC_NOT_MEDIA, RC_UNDECODABLE and
 * RC_LIMIT speak of the medium, err->no_picture of what is none; *ret is written on success only.
 * A crash or lie of a worker that had served other media, and a SIGKILL from outside, is tried once
 * more on a fresh worker within the same deadline: no medium pays for another.
 */
MUST_CHECK enum rc worker_host_wait(struct worker_host *host, const struct worker_sink *sink,
                                    struct medium_found *ret, struct err *err);

/* The fastest hash kernel of the worker's processor, as frame_hasher_self_test() says it. */
const char *worker_host_kernel(const struct worker_host *host);

/* The next two: any thread, at any time.  The pid is -1 while there is none. */
int worker_host_pid(const struct worker_host *host);
void worker_host_stats(const struct worker_host *host, struct worker_stats *ret);

#endif
