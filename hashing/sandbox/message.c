#include "hashing/sandbox/message.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for more than one descriptor, so that a second one is seen and not cut off. */
union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(2 * sizeof(int))];
};

static bool is_printable(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

bool message_text_ok(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && is_printable(text[n]))
        n++;
    if (n == size)
        return false;
    for (; n < size; n++)
        if (text[n] != '\0')
            return false;
    return true;
}

void message_text(char *out, size_t size, const char *text)
{
    memset(out, 0, size);
    for (size_t i = 0; i + 1 < size && text[i] != '\0'; i++)
        out[i] = is_printable(text[i]) ? text[i] : '?';
}

bool message_send(int channel, const struct iovec *parts, size_t n, int fd, int flags)
{
    union control control = {0};
    struct msghdr msg = {.msg_iov = (struct iovec *)parts, .msg_iovlen = n};
    size_t size = 0;
    ssize_t sent;

    for (size_t i = 0; i < n; i++)
        size += parts[i].iov_len;
    if (fd >= 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(sizeof fd);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    do
        sent = sendmsg(channel, &msg, MSG_NOSIGNAL | flags);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

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

enum rc message_receive(int channel, const char *what, void *buf, size_t size, int *ret_fd,
                        struct err *err)
{
    union control control = {0};
    struct iovec iov = {.iov_base = buf, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof control.room};
    ssize_t n;
    do
        n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        FAIL_SYS(err, "cannot receive");
    if (n == 0)
        FAIL(err, RC_SYS, "the other side is gone");
    if ((size_t)n != size || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        FAIL(err, RC_INPUT, "%s: size", what);
    int fd = descriptor_of(&msg);
    if (fd < 0)
        FAIL(err, RC_INPUT, "%s: descriptor", what);
    *ret_fd = fd;
    return RC_OK;
}
