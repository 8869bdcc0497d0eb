#include "hashing/worker_host_spawn.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "hashing/base/clock.h"

/* Exec, kernel self-test and sandbox take milliseconds; this is for a machine in distress. */
#define HELLO_TIMEOUT_NS (10 * INT64_C(1000000000))

static enum rc await_hello(struct worker_process *process, const char *program, struct err *err)
{
    struct wire_reply reply;
    size_t n;
    struct err why;

    switch (child_listen(&process->child, clock_mono_ns() + HELLO_TIMEOUT_NS, &reply, sizeof reply,
                         &n)) {
    case CHILD_SAID:
        break;
    case CHILD_GONE: {
        char death[64];
        int status = child_stop(&process->child);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        child_death_text(status, death, sizeof death);
        FAIL(err, killed ? RC_BUSY : RC_SYS, "%s ended at its start: %s", program, death);
    }
    case CHILD_SILENT:
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
    struct worker_process process = {0};
    TRY(child_start(program, "hashgate-worker", memory, &process.child, err));
    enum rc rc = await_hello(&process, program, err);
    if (rc != RC_OK) {
        child_stop(&process.child);
        return rc;
    }
    *ret = process;
    return RC_OK;
}
