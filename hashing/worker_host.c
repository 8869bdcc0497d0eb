#include "hashing/worker_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "hashing/base/clock.h"
#include "hashing/sandbox/message.h"
#include "hashing/worker_host_internal.h"

int host_stop(struct worker_host *host)
{
    atomic_store(&host->pid, -1);
    return child_stop(&host->process.child);
}

static void forget_job(struct worker_host *host)
{
    if (host->medium >= 0)
        close(fd_take(&host->medium));
}

/* Whoever kills a worker before it has said hello may kill the next one too, but not for ever. */
enum { START_TRIES = 8 };

static enum rc respawn(struct worker_host *host, struct err *err)
{
    enum rc rc = RC_BUSY;

    host_stop(host);
    for (int i = 0; rc == RC_BUSY && i < START_TRIES; i++)
        rc = worker_spawn(host->config->program, host->config->memory, &host->process, err);
    TRY(rc);
    host->spent = false;
    host->served = 0;
    atomic_fetch_add(&host->spawned, 1);
    atomic_store(&host->pid, (int)host->process.child.pid);
    return RC_OK;
}

enum rc worker_host_new(const struct worker_config *config, struct worker_host **ret,
                        struct err *err)
{
    SCOPED(worker_host_free) struct worker_host *host = calloc(1, sizeof *host);
    if (host == NULL)
        FAIL(err, RC_NOMEM, "worker");
    host->config = config;
    host->process = (struct worker_process){.child = {.pid = -1, .channel = -1}};
    host->medium = -1;
    TRY(respawn(host, err));
    *ret = TAKE(host);
    return RC_OK;
}

void worker_host_free(struct worker_host *host)
{
    if (host == NULL)
        return;
    host_stop(host);
    forget_job(host);
    free(host);
}

static enum rc check_medium(int memfd, uint64_t offset, uint64_t length, struct err *err)
{
    const int needed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    struct stat st;

    int seals = fcntl(memfd, F_GET_SEALS);
    if (seals < 0 || (seals & needed) != needed)
        FAIL(err, RC_INPUT, "the medium is not in a sealed memfd");
    if (fstat(memfd, &st) != 0)
        FAIL_SYS(err, "cannot stat the medium");
    uint64_t size = (uint64_t)st.st_size;
    if (offset > size || length > size - offset)
        FAIL(err, RC_INPUT, "the medium ends behind its memfd");
    return RC_OK;
}

/* Replaces the worker when it is dead, due, abandoned in a job, or speaks without being asked. */
static enum rc make_ready(struct worker_host *host, struct err *err)
{
    bool due = host->config->recycle_after > 0 && host->served >= host->config->recycle_after;
    bool abandoned = host->medium >= 0;
    forget_job(host);
    if (host->process.child.pid > 0 && !abandoned && !host->spent && !due) {
        enum child_event event = child_peek(&host->process.child);
        if (event == CHILD_SILENT)
            return RC_OK;
        if (event == CHILD_SAID)
            atomic_fetch_add(&host->lied, 1);
    }
    return respawn(host, err);
}

enum rc worker_host_upkeep(struct worker_host *host, struct err *err)
{
    return make_ready(host, err);
}

/* Holds also while the service itself is stopped or starved. */
static void limit_cpu(struct worker_host *host)
{
    clockid_t clock;
    int64_t used = 0;
    if (clock_getcpuclockid(host->process.child.pid, &clock) == 0)
        used = clock_read_ns(clock);
    host->job.cpu_seconds = (uint64_t)(used / 1000000000 + host_cpu_ms(host->config) / 1000 + 2);
}

static bool send_message(const struct worker_host *host)
{
    const struct iovec part = {.iov_base = (void *)&host->job, .iov_len = sizeof host->job};
    return message_send(host->process.child.channel, &part, 1, host->medium, MSG_DONTWAIT);
}

static enum rc send_job(struct worker_host *host, struct err *err)
{
    host->in_doubt = false;
    limit_cpu(host);
    /* One that died since make_ready() looked is no fault of this medium. */
    for (int i = 0; !send_message(host); i++) {
        if (i == START_TRIES)
            FAIL(err, RC_BUSY, "%s dies again and again before its job", host->config->program);
        TRY(respawn(host, err));
        limit_cpu(host);
    }
    host->served++;
    return RC_OK;
}

enum rc worker_host_start(struct worker_host *host, int memfd, uint64_t offset, uint64_t length,
                          bool all_orientations, struct err *err)
{
    TRY(check_medium(memfd, offset, length, err));
    TRY(make_ready(host, err));
    SCOPED(fd_close) int medium = fcntl(memfd, F_DUPFD_CLOEXEC, 0);
    if (medium < 0)
        FAIL_SYS(err, "cannot hold the medium");
    host->job = (struct wire_job){.magic = WIRE_MAGIC,
                                  .version = WIRE_VERSION,
                                  .job = host->job.job + 1,
                                  .offset = offset,
                                  .length = length,
                                  .max_pixels = host->config->max_pixels,
                                  .max_work = host->config->max_work,
                                  .max_duration_ms = host->config->max_duration_ms,
                                  .preview_after_ms = host->config->preview_after_ms,
                                  .max_frames = host->config->max_frames,
                                  .max_jpeg_scans = host->config->max_jpeg_scans,
                                  .all_orientations = all_orientations};
    host->medium = fd_take(&medium);
    host->deadline = clock_mono_ns() + host->config->timeout_ms * 1000000;
    enum rc rc = send_job(host, err);
    if (rc != RC_OK) {
        forget_job(host);
        return rc;
    }
    atomic_fetch_add(&host->jobs, 1);
    return RC_OK;
}

enum rc worker_host_wait(struct worker_host *host, const struct worker_sink *sink,
                         struct medium_found *ret, struct err *err)
{
    if (host->medium < 0)
        FAIL(err, RC_INPUT, "no job was started");
    host->in_doubt = false;
    enum rc rc = host_take_answer(host, sink, ret, err);
    if (rc == RC_UNDECODABLE && host->in_doubt) {
        rc = respawn(host, err);
        if (rc == RC_OK)
            rc = send_job(host, err);
        if (rc == RC_OK)
            rc = host_take_answer(host, sink, ret, err);
    }
    forget_job(host);
    return rc;
}

const char *worker_host_kernel(const struct worker_host *host)
{
    return host->process.kernel;
}

int worker_host_pid(const struct worker_host *host)
{
    return atomic_load(&host->pid);
}

void worker_host_stats(const struct worker_host *host, struct worker_stats *ret)
{
    ret->spawned = atomic_load(&host->spawned);
    ret->crashed = atomic_load(&host->crashed);
    ret->timed_out = atomic_load(&host->timed_out);
    ret->lied = atomic_load(&host->lied);
    ret->jobs = atomic_load(&host->jobs);
}
