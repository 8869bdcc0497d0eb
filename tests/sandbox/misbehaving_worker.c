/*
 * A worker as it would be after a successful attack: it enters the very sandbox of
 * hashgate-worker, and then does what the first words of its medium say.
 *
 *     call NUMBER A B C D E F   makes this system call; answers with its result if it returns
 *     NAME                      one of the behaviours below
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/sandbox/box.h"
#include "hashing/sandbox/message.h"
#include "hashing/worker/channel.h"
#include "tests/sandbox/syscalls.h"

/* Longer than any reply, to send too much of it. */
union message {
    struct wire_reply reply;
    char room[sizeof(struct wire_reply) + 64];
};

static void send_bytes(const void *p, size_t n)
{
    struct iovec iov = {.iov_base = (void *)p, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (sendmsg(MESSAGE_FD, &msg, MSG_NOSIGNAL) != (ssize_t)n)
        _exit(4);
}

static struct wire_reply a_frame(uint64_t job)
{
    struct wire_reply reply;
    channel_reply_init(&reply, job, WIRE_FRAME);
    reply.hashes.width = 4;
    reply.hashes.height = 3;
    reply.hashes.looks = 1;
    reply.hashes.look[0].quality = 100;
    reply.hashes.look[0].hash[ORIENT_AS_IS].w[0] = job;
    return reply;
}

static struct wire_reply a_done(uint64_t job)
{
    struct wire_reply reply;
    channel_reply_init(&reply, job, WIRE_DONE);
    reply.width = 4;
    reply.height = 3;
    reply.frames = 1;
    message_text(reply.type, sizeof reply.type, "image/test");
    return reply;
}

static void send_frame(uint64_t job)
{
    struct wire_reply frame = a_frame(job);
    send_bytes(&frame, sizeof frame);
}

static void send_done(uint64_t job)
{
    struct wire_reply done = a_done(job);
    send_bytes(&done, sizeof done);
}

static void send_refusal(uint64_t job, enum rc rc, const char *text)
{
    struct wire_reply reply;
    channel_reply_init(&reply, job, WIRE_DONE);
    reply.rc = rc;
    message_text(reply.msg, sizeof reply.msg, text);
    send_bytes(&reply, sizeof reply);
}

static void good(uint64_t job)
{
    send_frame(job);
    send_done(job);
}

static void refuse(uint64_t job)
{
    send_refusal(job, RC_UNDECODABLE, "refused as told");
}

/* How it dies. */

static void segv(uint64_t job)
{
    *(volatile int *)(uintptr_t)(job & 1) = 1;
}

static void trap(uint64_t job)
{
    (void)job;
    __builtin_trap();
}

static int deeper(volatile char *above, uint64_t depth)
{
    volatile char here[4096];
    here[0] = above[0];
    return depth == 0 ? 0 : deeper(here, depth - 1) + here[0];
}

static void overflow_stack(uint64_t job)
{
    volatile char here = 1;
    deeper(&here, UINT64_MAX - job);
}

static void abort_now(uint64_t job)
{
    (void)job;
    abort();
}

static void exit3(uint64_t job)
{
    (void)job;
    _exit(3);
}

static void exit0(uint64_t job)
{
    _exit(job == 0);
}

static void half_and_exit(uint64_t job)
{
    send_frame(job);
    _exit(0);
}

/* How it hangs. */

static void loop(uint64_t job)
{
    for (volatile uint64_t i = job;; i++)
        ;
}

static void no_answer(uint64_t job)
{
    (void)job;
    char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (recvmsg(MESSAGE_FD, &msg, 0) <= 0)
        _exit(4);
}

/* How it takes memory. */

static void malloc_10g(uint64_t job)
{
    void *p = malloc((size_t)10 << 30);
    send_refusal(job, RC_LIMIT, p == NULL ? "no 10 GB" : "got 10 GB");
    free(p);
}

static void fill_memory(uint64_t job)
{
    const size_t one = (size_t)1 << 20;
    static void *taken[4096];
    size_t mib = 0;
    while (mib < 4096 && (taken[mib] = malloc(one)) != NULL)
        memset(taken[mib++], 1, one);
    for (size_t i = 0; i < mib; i++)
        free(taken[i]);
    char text[40];
    snprintf(text, sizeof text, "%zu MiB", mib);
    send_refusal(job, RC_LIMIT, text);
}

/* How it lies. */

static void short_reply(uint64_t job)
{
    struct wire_reply frame = a_frame(job);
    send_bytes(&frame, sizeof frame - 1);
}

static void long_reply(uint64_t job)
{
    union message message = {.reply = a_frame(job)};
    send_bytes(&message, sizeof message);
}

static void empty_reply(uint64_t job)
{
    (void)job;
    send_bytes("", 0);
}

static void garbage(uint64_t job)
{
    char noise[sizeof(struct wire_reply)];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(job * 31 + i * 7);
    send_bytes(noise, sizeof noise);
}

static void wrong_job(uint64_t job)
{
    good(job + 1);
}

static void hello_again(uint64_t job)
{
    (void)job;
    struct wire_reply reply;
    channel_reply_init(&reply, 0, WIRE_HELLO);
    message_text(reply.msg, sizeof reply.msg, "again");
    send_bytes(&reply, sizeof reply);
}

static void bad_quality(uint64_t job)
{
    struct wire_reply frame = a_frame(job);
    frame.hashes.look[0].quality = 101;
    send_bytes(&frame, sizeof frame);
}

static void unterminated(uint64_t job)
{
    send_frame(job);
    struct wire_reply done = a_done(job);
    memset(done.type, 'x', sizeof done.type);
    send_bytes(&done, sizeof done);
}

static void no_frame(uint64_t job)
{
    send_done(job);
}

enum { FRAMES_MAX = 16 }; /* of misbehaving.h */

static void too_many_frames(uint64_t job)
{
    for (int i = 0; i <= FRAMES_MAX; i++)
        send_frame(job);
    send_done(job);
}

static void endless_frames(uint64_t job)
{
    for (;;)
        send_frame(job);
}

static void huge_frame(uint64_t job)
{
    struct wire_reply frame = a_frame(job);
    frame.hashes.width = frame.hashes.height = UINT32_MAX;
    send_bytes(&frame, sizeof frame);
}

static void huge_medium(uint64_t job)
{
    send_frame(job);
    struct wire_reply done = a_done(job);
    done.width = done.height = UINT32_MAX;
    send_bytes(&done, sizeof done);
}

static void all_turned(uint64_t job)
{
    struct wire_reply frame = a_frame(job);
    for (int o = 0; o < ORIENTATIONS; o++)
        frame.hashes.look[0].hash[o].w[3] = 1;
    send_bytes(&frame, sizeof frame);
    send_done(job);
}

static void two_dones(uint64_t job)
{
    good(job);
    send_done(job);
}

/* The answer to a job that is yet to come. */
static void answer_ahead(uint64_t job)
{
    good(job);
    good(job + 1);
}

static void answer_and_die(uint64_t job)
{
    good(job);
    _exit(0);
}

/* Its /dev/null. */
static void send_descriptor(uint64_t job)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct wire_reply frame = a_frame(job);
    struct iovec iov = {.iov_base = &frame, .iov_len = sizeof frame};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memset(CMSG_DATA(c), 0, sizeof(int));
    if (sendmsg(MESSAGE_FD, &msg, MSG_NOSIGNAL) < 0)
        _exit(4);
    send_done(job);
}

static const struct {
    const char *name;
    void (*behave)(uint64_t job);
} behaviours[] = {
    {"good", good},
    {"refuse", refuse},
    {"segv", segv},
    {"trap", trap},
    {"overflow-stack", overflow_stack},
    {"abort", abort_now},
    {"exit0", exit0},
    {"exit3", exit3},
    {"half-and-exit", half_and_exit},
    {"loop", loop},
    {"no-answer", no_answer},
    {"malloc-10g", malloc_10g},
    {"fill-memory", fill_memory},
    {"short-reply", short_reply},
    {"long-reply", long_reply},
    {"empty-reply", empty_reply},
    {"garbage", garbage},
    {"wrong-job", wrong_job},
    {"hello-again", hello_again},
    {"bad-quality", bad_quality},
    {"unterminated", unterminated},
    {"no-frame", no_frame},
    {"too-many-frames", too_many_frames},
    {"endless-frames", endless_frames},
    {"huge-frame", huge_frame},
    {"huge-medium", huge_medium},
    {"all-turned", all_turned},
    {"two-dones", two_dones},
    {"answer-ahead", answer_ahead},
    {"answer-and-die", answer_and_die},
    {"send-descriptor", send_descriptor},
};

static void call(uint64_t job, const char *numbers)
{
    char text[40];
    long result = syscall_of_text(numbers);
    snprintf(text, sizeof text, "returned %ld", result);
    send_refusal(job, RC_NOT_MEDIA, text);
}

static void obey(uint64_t job, const char *command)
{
    if (strncmp(command, "call ", 5) == 0) {
        call(job, command + 5);
        return;
    }
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
        if (strcmp(command, behaviours[i].name) == 0) {
            behaviours[i].behave(job);
            return;
        }
    send_refusal(job, RC_NOT_MEDIA, "no such behaviour");
}

int main(int argc, char **argv)
{
    struct err err;
    int64_t memory;
    if (argc != 2 || !text_number(argv[1], 1, INT64_MAX, &memory))
        return 2;
    if (box_enter((uint64_t)memory, BOX_MAPS_MEDIUM, &err) != RC_OK)
        _exit(3);
    struct wire_reply hello;
    channel_reply_init(&hello, 0, WIRE_HELLO);
    message_text(hello.msg, sizeof hello.msg, "misbehaving");
    send_bytes(&hello, sizeof hello);

    for (;;) {
        struct wire_job job;
        struct channel_medium medium;
        char command[256] = "";
        int fd;
        if (channel_receive(&job, &fd, &err) != RC_OK || channel_map(fd, &job, &medium, &err))
            _exit(4);
        if (medium.in.n > 0 && medium.in.n < sizeof command)
            memcpy(command, medium.in.p, medium.in.n);
        channel_unmap(&medium);
        obey(job.job, command);
        close(fd);
    }
}
