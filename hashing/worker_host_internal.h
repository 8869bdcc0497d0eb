/*
 * Shared by worker_host.c (the life of a worker, and sending it a job) and worker_host_answer.c
 * (what comes back, and what is thought of it).
 */
#ifndef HASHING_WORKER_HOST_INTERNAL_H
#define HASHING_WORKER_HOST_INTERNAL_H

#include <stdatomic.h>

#include "hashing/worker_host.h"
#include "hashing/worker_host_spawn.h"

struct worker_host {
    const struct worker_config *config;
    struct worker_process process;
    struct wire_job job; /* the one that is out, or the last one */
    int medium;          /* its memfd: held while the job is out; -1: none is */
    int64_t deadline;    /* of the job, clock_mono_ns() */
    unsigned served;     /* jobs of this process */
    bool spent;          /* its decoder met a broken medium: replace before the next job */
    bool in_doubt;       /* the job failed, but perhaps not by its own doing: see blame() */
    atomic_int pid;      /* process.pid for other threads */
    atomic_uint_least64_t spawned, crashed, timed_out, lied, jobs;
};

static inline int64_t host_cpu_ms(const struct worker_config *config)
{
    return config->cpu_ms > 0 ? config->cpu_ms : config->timeout_ms;
}

/* Ends the worker, whatever it does; its status as of waitpid(). */
int host_stop(struct worker_host *host);

/*
 * Gives the frames of the job that is out to the sink until it is answered.  After a failure
 * host->in_doubt says whether another worker may do better.
 */
MUST_CHECK enum rc host_take_answer(struct worker_host *host, const struct worker_sink *sink,
                                    struct medium_found *ret, struct err *err);

#endif
