#include "hashing/worker_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hashing/base/clock.h"
#include "hashing/worker_host_spawn.h"

_Static_assert((int)MEDIUM_FRAMES_MAX == (int)WIRE_FRAMES_MAX, "a job's frames fit its result");
_Static_assert(sizeof((struct medium_hashes *)0)->type == WIRE_TYPE_SIZE, "types fit");

enum { MAX_JPEG_SCANS = 100 }; /* as libjpeg-turbo's own fuzzers */

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

static int stop(struct worker_host *host)
{
    atomic_store(&host->pid, -1);
    return worker_stop(&host->process);
}

static void forget_job(struct worker_host *host)
{
    if (host->medium >= 0)
        close(fd_take(&host->medium));
}

static enum rc respawn(struct worker_host *host, struct err *err)
{
    stop(host);
    TRY(worker_spawn(host->config->program, host->config->memory, &host->process, err));
    host->spent = false;
    host->served = 0;
    atomic_fetch_add(&host->spawned, 1);
    atomic_store(&host->pid, (int)host->process.pid);
    return RC_OK;
}

enum rc worker_host_new(const struct worker_config *config, struct worker_host **ret,
                        struct err *err)
{
    SCOPED(worker_host_free) struct worker_host *host = calloc(1, sizeof *host);
    if (host == NULL)
        FAIL(err, RC_NOMEM, "worker");
    host->config = config;
    host->process = (struct worker_process){.pid = -1, .channel = -1};
    host->medium = -1;
    TRY(respawn(host, err));
    *ret = TAKE(host);
    return RC_OK;
}

void worker_host_free(struct worker_host *host)
{
    if (host == NULL)
        return;
    stop(host);
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
    if (host->process.pid > 0 && !abandoned && !host->spent && !due) {
        enum worker_event event = worker_peek(&host->process);
        if (event == WORKER_SILENT)
            return RC_OK;
        if (event == WORKER_SAID)
            atomic_fetch_add(&host->lied, 1);
    }
    return respawn(host, err);
}

/*
 * Only a second line: one thread cannot use more processor time than wall time, but this holds
 * also while the service itself is stopped or starved.
 */
static void limit_cpu(struct worker_host *host)
{
    clockid_t clock;
    int64_t used = 0;
    if (clock_getcpuclockid(host->process.pid, &clock) == 0)
        used = clock_read_ns(clock);
    host->job.cpu_seconds = (uint64_t)(used / 1000000000 + host->config->timeout_ms / 1000 + 2);
}

static bool send_message(const struct worker_host *host)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)&host->job, .iov_len = sizeof host->job};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof host->medium);
    memcpy(CMSG_DATA(c), &host->medium, sizeof host->medium);
    ssize_t n;
    do
        n = sendmsg(host->process.channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof host->job;
}

static enum rc send_job(struct worker_host *host, struct err *err)
{
    host->in_doubt = false;
    limit_cpu(host);
    if (!send_message(host)) {
        /* It died since make_ready() looked: no fault of this medium, so once more. */
        TRY(respawn(host, err));
        limit_cpu(host);
        if (!send_message(host))
            FAIL_SYS(err, "cannot send to %s", host->config->program);
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
                                  .max_jpeg_scans = MAX_JPEG_SCANS,
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

/* The three ways in which a job ends a worker. */

static enum rc over_time(struct worker_host *host, struct err *err)
{
    stop(host);
    atomic_fetch_add(&host->timed_out, 1);
    long long ms = (long long)host->config->timeout_ms;
    if (ms % 1000 == 0)
        FAIL(err, RC_LIMIT, "hashing took longer than the limit of %lld s ([hashing] timeout)",
             ms / 1000);
    FAIL(err, RC_LIMIT, "hashing took longer than the limit of %lld ms ([hashing] timeout)", ms);
}

/*
 * A medium is to blame for what a fresh worker does.  An older one may suffer from a medium before
 * this, and a SIGKILL comes from outside: then worker_host_wait() tries once more.
 */
static void blame(struct worker_host *host, bool killed)
{
    host->in_doubt = host->served > 1 || killed;
}

static enum rc died(struct worker_host *host, struct err *err)
{
    char death[64];
    int status = stop(host);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return over_time(host, err);
    blame(host, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    atomic_fetch_add(&host->crashed, 1);
    worker_death_text(status, death, sizeof death);
    FAIL(err, RC_UNDECODABLE, "the decoder crashed on this medium: %s", death);
}

static enum rc lied(struct worker_host *host, const char *what, struct err *err)
{
    stop(host);
    blame(host, false);
    atomic_fetch_add(&host->lied, 1);
    FAIL(err, RC_UNDECODABLE, "the decoder answered nonsense on this medium: %s", what);
}

static enum rc take_frame(struct worker_host *host, const struct wire_reply *reply,
                          struct medium_hashes *medium, struct err *err)
{
    const struct frame_hashes *hashes = &reply->hashes;
    if (medium->n == MEDIUM_FRAMES_MAX)
        return lied(host, "too many frames", err);
    if ((uint64_t)hashes->width * hashes->height > host->config->max_pixels)
        return lied(host, "frame over max_pixels", err);
    const struct pdq_hash none = {{0}};
    for (unsigned look = 0; !host->job.all_orientations && look < LOOKS; look++)
        for (unsigned o = ORIENT_AS_IS + 1; o < ORIENTATIONS; o++)
            if (!pdq_equal(&hashes->look[look].hash[o], &none))
                return lied(host, "orientations that were not asked for", err);
    medium->frame[medium->n].ms = reply->ms;
    medium->frame[medium->n].hashes = *hashes;
    medium->n++;
    return RC_OK;
}

static enum rc take_done(struct worker_host *host, const struct wire_reply *reply,
                         struct medium_hashes *medium, struct err *err)
{
    if (reply->rc != RC_OK) {
        /* Whatever broke the decode may have broken more than it said. */
        host->spent = reply->rc == RC_UNDECODABLE;
        FAIL(err, (enum rc)reply->rc, "%s", reply->msg);
    }
    if (reply->frames != medium->n)
        return lied(host, "frames that were not sent", err);
    if ((uint64_t)reply->width * reply->height > host->config->max_pixels)
        return lied(host, "medium over max_pixels", err);
    memcpy(medium->type, reply->type, sizeof medium->type);
    medium->width = reply->width;
    medium->height = reply->height;
    medium->frames = reply->frames;
    return RC_OK;
}

/* One message; true in *ret_done when the job is answered. */
static enum rc take_reply(struct worker_host *host, struct medium_hashes *medium, bool *ret_done,
                          struct err *err)
{
    struct wire_reply reply;
    struct err why;
    size_t n;

    switch (worker_listen(&host->process, host->deadline, &reply, sizeof reply, &n)) {
    case WORKER_SAID:
        break;
    case WORKER_GONE:
        return died(host, err);
    case WORKER_SILENT:
        return over_time(host, err);
    default:
        err_set_sys(err, errno, HERE, "cannot listen to the worker");
        stop(host);
        return RC_SYS;
    }
    if (wire_reply_check(&reply, n, host->job.job, &why) != RC_OK)
        return lied(host, why.msg, err);
    *ret_done = reply.kind == WIRE_DONE;
    return *ret_done ? take_done(host, &reply, medium, err) : take_frame(host, &reply, medium, err);
}

static enum rc take_answer(struct worker_host *host, struct medium_hashes *medium, struct err *err)
{
    memset(medium, 0, sizeof *medium);
    for (bool done = false; !done;)
        TRY(take_reply(host, medium, &done, err));
    return RC_OK;
}

enum rc worker_host_wait(struct worker_host *host, struct medium_hashes *ret, struct err *err)
{
    struct medium_hashes medium;
    if (host->medium < 0)
        FAIL(err, RC_INPUT, "no job was started");
    enum rc rc = take_answer(host, &medium, err);
    if (rc == RC_UNDECODABLE && host->in_doubt) {
        rc = respawn(host, err);
        if (rc == RC_OK)
            rc = send_job(host, err);
        if (rc == RC_OK)
            rc = take_answer(host, &medium, err);
    }
    forget_job(host);
    if (rc == RC_OK)
        *ret = medium;
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
