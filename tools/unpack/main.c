/*
 * hashgate-unpack: walks one archive inside the sandbox and ends.
 *
 * Started by tools/scan/unpack.c as `hashgate-unpack MEMORY` with the channel at MESSAGE_FD and
 * nothing else.  Each archive has a process of its own, so that none can change what is told of
 * another.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/sandbox/box.h"
#include "hashing/sandbox/message.h"
#include "tools/unpack/archive_walk.h"

enum { EXIT_USAGE = 2, EXIT_SANDBOX = 3, EXIT_CHANNEL = 4 };

static enum rc say_hello(enum rc sandbox, const struct err *why, struct err *err)
{
    struct unpack_head head = {.said = UNPACK_HELLO, .rc = sandbox};
    char text[UNPACK_TEXT_SIZE];
    if (sandbox == RC_OK)
        return unpack_send(&head, NULL, 0, err);
    message_text(text, sizeof text, why->msg);
    return unpack_send(&head, text, sizeof text, err);
}

/* _exit: what libraries do at exit is not among the calls that the sandbox allows. */
int main(int argc, char **argv)
{
    int64_t memory;
    struct unpack_job job;
    struct err err;
    int fd = -1;

    if (argc != 2 || !text_number(argv[1], 1, INT64_MAX, &memory)) {
        fprintf(stderr, "%s is started by hashgate scan, not by hand.\n",
                program_invocation_short_name);
        return EXIT_USAGE;
    }
    (void)!setpriority(PRIO_PROCESS, 0, 5);
    archive_warm_up();
    if (box_enter((uint64_t)memory, BOX_READS_MEDIUM, &err) != RC_OK) {
        (void)!say_hello(RC_SYS, &err, &err);
        _exit(EXIT_SANDBOX);
    }
    if (say_hello(RC_OK, NULL, &err) != RC_OK ||
        message_receive(MESSAGE_FD, "job", &job, sizeof job, &fd, &err) != RC_OK ||
        unpack_job_check(&job, &err) != RC_OK || box_limit_cpu(job.cpu_seconds, &err) != RC_OK ||
        archive_walk(&job, fd, &err) != RC_OK)
        _exit(EXIT_CHANNEL);
    _exit(0);
}
