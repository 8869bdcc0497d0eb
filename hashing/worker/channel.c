#include "hashing/worker/channel.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hashing/sandbox/box.h"
#include "hashing/sandbox/message.h"

enum rc channel_receive(struct wire_job *ret, int *ret_fd, struct err *err)
{
    struct wire_job job = {0};
    int fd = -1;
    TRY(message_receive(MESSAGE_FD, "job", &job, sizeof job, &fd, err));
    enum rc rc = wire_job_check(&job, err);
    if (rc == RC_OK)
        rc = box_limit_cpu(job.cpu_seconds, err);
    if (rc != RC_OK) {
        close(fd);
        return rc;
    }
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
    const struct iovec part = {.iov_base = (void *)reply, .iov_len = sizeof *reply};
    if (!message_send(MESSAGE_FD, &part, 1, -1, 0))
        FAIL_SYS(err, "cannot reply");
    return RC_OK;
}
