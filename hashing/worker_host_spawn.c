#include "hashing/worker_host_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "hashing/base/clock.h"
#include "hashing/base/scoped.h"

/* Exec, kernel self-test and sandbox take milliseconds; this is for a machine in distress. */
#define HELLO_TIMEOUT_NS (10 * INT64_C(1000000000))

/* dup2 onto itself clears close-on-exec too, so the order holds for any number of the channel. */
static int describe_files(posix_spawn_file_actions_t *files, int channel)
{
    int rc = posix_spawn_file_actions_adddup2(files, channel, WIRE_FD);
    for (int fd = 0; rc == 0 && fd < WIRE_FD; fd++)
        rc = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, WIRE_FD + 1);
    return rc;
}

/* Default signals, none blocked, and a session of its own: no signal from a terminal. */
static int describe_process(posix_spawnattr_t *attr)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSID);
    return rc;
}

/* posix_spawn does not copy this process: the child never sees a byte of the block-list. */
static int spawn(const char *program, uint64_t memory, int channel, pid_t *ret)
{
    char limit[24];
    char *argv[] = {(char[]){"hashgate-worker"}, limit, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;

    snprintf(limit, sizeof limit, "%llu", (unsigned long long)memory);
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = describe_files(&files, channel);
        if (rc == 0)
            rc = describe_process(&attr);
        if (rc == 0)
            rc = posix_spawn(ret, program, &files, &attr, argv, environment);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static enum rc await_hello(struct worker_process *process, const char *program, struct err *err)
{
    struct wire_reply reply;
    size_t n;
    struct err why;

    switch (worker_listen(process, clock_mono_ns() + HELLO_TIMEOUT_NS, &reply, sizeof reply, &n)) {
    case WORKER_SAID:
        break;
    case WORKER_GONE: {
        char death[64];
        int status = worker_stop(process);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        worker_death_text(status, death, sizeof death);
        FAIL(err, killed ? RC_BUSY : RC_SYS, "%s ended at its start: %s", program, death);
    }
    case WORKER_SILENT:
        FAIL(err, RC_SYS, "%s did not say hello in %lld s", program,
             (long long)(HELLO_TIMEOUT_NS / 1000000000));
    default:
        FAIL_SYS(err, "cannot listen to %s", program);
    }
    if (wire_reply_check(&reply, n, 0, &why) != RC_OK)
        FAIL(err, RC_SYS, "%s is not this version's worker: %s", program, why.msg);
    if (reply.rc != RC_OK)
        FAIL(err, RC_SYS, "%s: the sandbox: %s", program, reply.msg);
    memcpy(process->kernel, reply.msg, sizeof process->kernel);
    return RC_OK;
}

enum rc worker_spawn(const char *program, uint64_t memory, struct worker_process *ret,
                     struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        FAIL_SYS(err, "cannot make a channel for %s", program);
    SCOPED(fd_close) int theirs = pair[1];
    struct worker_process process = {.pid = -1, .channel = pair[0]};

    int rc = spawn(program, memory, theirs, &process.pid);
    if (rc != 0) {
        close(process.channel);
        return err_set_sys(err, rc, HERE, "cannot start %s", program);
    }
    /* Or its death would leave this end of the channel open for ever. */
    close(fd_take(&theirs));
    enum rc hello = await_hello(&process, program, err);
    if (hello != RC_OK) {
        worker_stop(&process);
        return hello;
    }
    *ret = process;
    return RC_OK;
}

int worker_stop(struct worker_process *process)
{
    int status = 0;
    if (process->channel >= 0)
        close(fd_take(&process->channel));
    if (process->pid > 0) {
        /* A process that is ending keeps the status of its own end. */
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
            ;
        process->pid = -1;
    }
    return status;
}

static enum worker_event receive(int channel, int flags, void *buf, size_t size, size_t *ret_n)
{
    /* No room for control data: descriptors that a worker might send are closed by the kernel. */
    ssize_t n;
    do
        n = recv(channel, buf, size, MSG_DONTWAIT | MSG_TRUNC | flags);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *ret_n = (size_t)n;
        return WORKER_SAID;
    }
    if (n == 0 || errno == ECONNRESET)
        return WORKER_GONE;
    return errno == EAGAIN ? WORKER_SILENT : WORKER_FAILED;
}

enum worker_event worker_listen(const struct worker_process *process, int64_t deadline, void *buf,
                                size_t size, size_t *ret_n)
{
    for (;;) {
        enum worker_event event = receive(process->channel, 0, buf, size, ret_n);
        if (event != WORKER_SILENT)
            return event;
        int64_t left = deadline - clock_mono_ns();
        if (left <= 0)
            return WORKER_SILENT;
        struct pollfd p = {.fd = process->channel, .events = POLLIN};
        struct timespec wait = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        if (ppoll(&p, 1, &wait, NULL) < 0 && errno != EINTR)
            return WORKER_FAILED;
    }
}

enum worker_event worker_peek(const struct worker_process *process)
{
    char byte;
    size_t n;
    return receive(process->channel, MSG_PEEK, &byte, sizeof byte, &n);
}

void worker_death_text(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)) != NULL ? sigdescr_np(WTERMSIG(status)) : "?");
    else
        snprintf(out, size, "exit code %d", WEXITSTATUS(status));
}
