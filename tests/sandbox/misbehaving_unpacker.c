/*
 * An unpacker as it would be after a successful attack: in the very sandbox of hashgate-unpack it
 * does what the first words of its archive say.
 *
 *     call NUMBER A B C D E F   makes this system call; answers with its result if it returns
 *     NAME                      one of the behaviours below
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/sandbox/box.h"
#include "hashing/sandbox/message.h"
#include "tests/sandbox/syscalls.h"
#include "tools/unpack/unpack_wire.h"

static void say(struct unpack_head head, const void *rest, size_t n)
{
    head.magic = UNPACK_MAGIC;
    head.version = UNPACK_VERSION;
    head.length = (uint32_t)n;
    const struct iovec parts[] = {{&head, sizeof head}, {(void *)rest, n}};
    if (!message_send(MESSAGE_FD, parts, 2, -1, 0))
        _exit(4);
}

static void member(uint64_t number, const char *name)
{
    say((struct unpack_head){.said = UNPACK_MEMBER, .member = number, .kind = UNPACK_FILE}, name,
        strlen(name));
}

static void data(uint64_t number, uint64_t place, const char *p)
{
    say((struct unpack_head){.said = UNPACK_DATA, .member = number, .place = place}, p, strlen(p));
}

static void end(uint64_t number, uint64_t length)
{
    say((struct unpack_head){.said = UNPACK_END, .member = number, .place = length}, NULL, 0);
}

static void done(enum rc rc, const char *why)
{
    char text[UNPACK_TEXT_SIZE];
    message_text(text, sizeof text, why);
    say((struct unpack_head){.said = UNPACK_DONE, .rc = rc}, text, rc == RC_OK ? 0 : sizeof text);
}

static void good(void)
{
    member(1, "a");
    data(1, 0, "abc");
    end(1, 3);
    done(RC_OK, "");
}

static void segv(void)
{
    member(1, "a");
    volatile uintptr_t nowhere = 1;
    *(volatile int *)nowhere = 1;
}

static void exit0(void)
{
    member(1, "a");
    _exit(0);
}

static void loop(void)
{
    for (volatile int i = 0;; i++)
        ;
}

static void wait_for_ever(void)
{
    struct unpack_job job;
    struct err err;
    int fd;
    (void)!message_receive(MESSAGE_FD, "more", &job, sizeof job, &fd, &err);
}

static void hello_again(void)
{
    say((struct unpack_head){.said = UNPACK_HELLO}, NULL, 0);
}

static void slash_nul(void)
{
    say((struct unpack_head){.said = UNPACK_MEMBER, .member = 1, .kind = UNPACK_FILE}, "a\0b", 3);
}

static void no_member(void)
{
    data(1, 0, "abc");
}

static void far_place(void)
{
    member(1, "a");
    data(1, INT64_MAX, "abc");
}

static void long_end(void)
{
    member(1, "a");
    end(1, UINT64_MAX);
}

static void half(void)
{
    member(1, "a");
    data(1, 0, "abc");
    done(RC_OK, "");
}

static void endless_members(void)
{
    for (uint64_t i = 1;; i++) {
        member(i, "a");
        end(i, 0);
    }
}

static void endless_bytes(void)
{
    static char much[UNPACK_DATA_MAX];
    for (uint64_t i = 1;; i++) {
        member(i, "a");
        for (uint64_t at = 0; at < UINT64_C(16) << 20; at += sizeof much)
            say((struct unpack_head){.said = UNPACK_DATA, .member = i, .place = at}, much,
                sizeof much);
        end(i, UINT64_C(16) << 20);
    }
}

static void garbage(void)
{
    char noise[sizeof(struct unpack_head) + 9];
    const struct iovec part = {noise, sizeof noise};
    memset(noise, 0x5a, sizeof noise);
    (void)message_send(MESSAGE_FD, &part, 1, -1, 0);
}

static void send_descriptor(void)
{
    struct unpack_head head = {
        .magic = UNPACK_MAGIC, .version = UNPACK_VERSION, .said = UNPACK_DONE};
    const struct iovec part = {&head, sizeof head};
    (void)message_send(MESSAGE_FD, &part, 1, 0, 0);
}

static const struct {
    const char *name;
    void (*behave)(void);
} behaviours[] = {
    {"good", good},
    {"segv", segv},
    {"exit0", exit0},
    {"loop", loop},
    {"wait", wait_for_ever},
    {"hello-again", hello_again},
    {"nul-in-name", slash_nul},
    {"no-member", no_member},
    {"far-place", far_place},
    {"long-end", long_end},
    {"half", half},
    {"endless-members", endless_members},
    {"endless-bytes", endless_bytes},
    {"garbage", garbage},
    {"send-descriptor", send_descriptor},
};

static void call(const char *numbers)
{
    char text[40];
    long result = syscall_of_text(numbers);
    snprintf(text, sizeof text, "returned %ld", result);
    done(RC_NOT_MEDIA, text);
}

int main(int argc, char **argv)
{
    struct unpack_job job;
    struct err err;
    char command[256] = "";
    int64_t memory;
    int fd;

    if (argc != 2 || !text_number(argv[1], 1, INT64_MAX, &memory))
        return 2;
    if (box_enter((uint64_t)memory, BOX_READS_MEDIUM, &err) != RC_OK)
        _exit(3);
    say((struct unpack_head){.said = UNPACK_HELLO}, NULL, 0);
    if (message_receive(MESSAGE_FD, "job", &job, sizeof job, &fd, &err) != RC_OK ||
        box_limit_cpu(job.cpu_seconds, &err) != RC_OK ||
        pread(fd, command, sizeof command - 1, 0) <= 0)
        _exit(4);
    if (strncmp(command, "call ", 5) == 0)
        call(command + 5);
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
        if (strcmp(command, behaviours[i].name) == 0)
            behaviours[i].behave();
    _exit(0);
}
