#include "hashing/sandbox/child.h"

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
#include "hashing/sandbox/message.h"

/* dup2 onto itself clears close-on-exec too, so the order holds for any number of the channel. */
static int describe_files(posix_spawn_file_actions_t *files, int channel)
{
    int rc = posix_spawn_file_actions_adddup2(files, channel, MESSAGE_FD);
    for (int fd = 0; rc == 0 && fd < MESSAGE_FD; fd++)
        rc = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, MESSAGE_FD + 1);
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

/* posix_spawn does not copy this process: the child never sees a byte of what it holds. */
static int spawn(const char *program, const char *name, uint64_t memory, int channel, pid_t *ret)
{
    char limit[24];
    char *argv[] = {(char *)name, limit, NULL};
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

enum rc child_start(const char *program, const char *name, uint64_t memory, struct child *ret,
                    struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        FAIL_SYS(err, "cannot make a channel for %s", program);
    /* Ours is all that is left open, or the child's death would leave it open for ever. */
    SCOPED(fd_close) int ours = pair[0];
    SCOPED(fd_close) int theirs = pair[1];
    pid_t pid = -1;

    int rc = spawn(program, name, memory, theirs, &pid);
    if (rc != 0)
        return err_set_sys(err, rc, HERE, "cannot start %s", program);
    *ret = (struct child){.pid = pid, .channel = fd_take(&ours)};
    return RC_OK;
}

int child_stop(struct child *child)
{
    int status = 0;
    if (child->channel >= 0)
        close(fd_take(&child->channel));
    if (child->pid > 0) {
        /* A process that is ending keeps the status of its own end. */
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
            ;
        child->pid = -1;
    }
    return status;
}

static enum child_event receive(int channel, int flags, void *buf, size_t size, size_t *ret_n)
{
    /* No room for control data: descriptors that a child might send are closed by the kernel. */
    ssize_t n;
    do
        n = recv(channel, buf, size, MSG_DONTWAIT | MSG_TRUNC | flags);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        *ret_n = (size_t)n;
        return CHILD_SAID;
    }
    if (n == 0 || errno == ECONNRESET)
        return CHILD_GONE;
    return errno == EAGAIN ? CHILD_SILENT : CHILD_FAILED;
}

enum child_event child_listen(const struct child *child, int64_t deadline, void *buf, size_t size,
                              size_t *ret_n)
{
    for (;;) {
        enum child_event event = receive(child->channel, 0, buf, size, ret_n);
        if (event != CHILD_SILENT)
            return event;
        int64_t left = deadline - clock_mono_ns();
        if (left <= 0)
            return CHILD_SILENT;
        struct pollfd p = {.fd = child->channel, .events = POLLIN};
        struct timespec wait = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        if (ppoll(&p, 1, &wait, NULL) < 0 && errno != EINTR)
            return CHILD_FAILED;
    }
}

enum child_event child_peek(const struct child *child)
{
    char byte;
    size_t n;
    return receive(child->channel, MSG_PEEK, &byte, sizeof byte, &n);
}

void child_death_text(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)) != NULL ? sigdescr_np(WTERMSIG(status)) : "?");
    else
        snprintf(out, size, "exit code %d", WEXITSTATUS(status));
}
