#include "hashing/worker/channel.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hashing/worker/box.h"

/* Room for more than one descriptor, so that a second one is seen and not cut off. */
union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(2 * sizeof(int))];
};

static int descriptor_of(struct msghdr *msg)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return -1;
    if (c->cmsg_len != CMSG_LEN(sizeof(int)) || CMSG_NXTHDR(msg, c) != NULL)
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

enum rc channel_receive(struct wire_job *ret, int *ret_fd, struct err *err)
{
    struct wire_job job = {0};
    union control control = {0};
    struct iovec iov = {.iov_base = &job, .iov_len = sizeof job};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof control.room};
    ssize_t n;
    do
        n = recvmsg(WIRE_FD, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        FAIL_SYS(err, "cannot receive");
    if (n == 0)
        FAIL(err, RC_SYS, "the service is gone");
    if ((size_t)n != sizeof job || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        FAIL(err, RC_INPUT, "job: size");
    TRY(wire_job_check(&job, err));
    int fd = descriptor_of(&msg);
    if (fd < 0)
        FAIL(err, RC_INPUT, "job: descriptor");
    TRY(box_limit_cpu(job.cpu_seconds, err));
    *ret = job;
    *ret_fd = fd;
    return RC_OK;
}

enum rc channel_map(int fd, const struct wire_job *job, struct channel_medium *ret, struct err *err)
{
    size_t end = (size_t)(job->offset + job->length);
    struct channel_medium medium = {.mapped = end};
    if (job->length > 0) {
        medium.map = mmap(NULL, end, PROT_READ, MAP_PRIVATE, fd, 0);
        if (medium.map == MAP_FAILED)
            FAIL(err, RC_NOMEM, "medium of %zu bytes", end);
        medium.in = bytes_of((const uint8_t *)medium.map + job->offset, (size_t)job->length);
    }
    *ret = medium;
    return RC_OK;
}

void channel_unmap(struct channel_medium *medium)
{
    if (medium->map != NULL)
        munmap(medium->map, medium->mapped);
    *medium = (struct channel_medium){0};
}

void channel_reply_init(struct wire_reply *reply, uint64_t job, enum wire_kind kind)
{
    memset(reply, 0, sizeof *reply); /* padding too: the service wants unused bytes to be zero */
    reply->magic = WIRE_MAGIC;
    reply->version = WIRE_VERSION;
    reply->job = job;
    reply->kind = kind;
}

enum rc channel_send(const struct wire_reply *reply, struct err *err)
{
    struct iovec iov = {.iov_base = (void *)reply, .iov_len = sizeof *reply};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;
    do
        n = sendmsg(WIRE_FD, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *reply)
        FAIL_SYS(err, "cannot reply");
    return RC_OK;
}
