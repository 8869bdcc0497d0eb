#include "hashing/sandbox/box.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hashing/base/scoped.h"
#include "hashing/sandbox/message.h"

/*
 * The sanitizers reserve terabytes of address space and want some more calls: with them the
 * sandbox is tested for what it forbids, but only a build without them is the true one.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BOX_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOX_SANITIZED 1
#endif
#ifndef BOX_SANITIZED
#define BOX_SANITIZED 0
#endif

enum {
    NOBODY = 65534,
    FILES_MAX = 8 /* four, the medium, and a second one to be seen and refused */
};

/*
 * Before the user is dropped, for it needs root; another user needs a user namespace for it, which
 * root must not take: he would look unprivileged in there and stay root outside.
 */
static void leave_namespaces(void)
{
    const int flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
    (void)!unshare(geteuid() == 0 ? flags : CLONE_NEWUSER | flags);
}

static enum rc drop_user(struct err *err)
{
    if (geteuid() != 0 && getuid() != 0)
        return RC_OK;
    if (setgroups(0, NULL) != 0)
        FAIL_SYS(err, "cannot drop groups");
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0)
        FAIL_SYS(err, "cannot drop the group");
    if (setresuid(NOBODY, NOBODY, NOBODY) != 0)
        FAIL_SYS(err, "cannot drop the user");
    return RC_OK;
}

/* An unprivileged service may still have handed down ambient ones. */
static enum rc drop_capabilities(struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0)
        FAIL_SYS(err, "cannot drop capabilities");
    return RC_OK;
}

/*
 * After the change of user, which resets both: no debugger and no /proc/PID of this process for
 * others of the same user, and no life without the thread that started it (worker_host.h).
 */
static enum rc set_process_flags(struct err *err)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        FAIL_SYS(err, "cannot forbid dumps");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        FAIL_SYS(err, "cannot follow the service's end");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        FAIL_SYS(err, "cannot forbid new privileges");
    umask(0777);
    return RC_OK;
}

static enum rc set_limit(__rlimit_resource_t resource, rlim_t max, struct err *err)
{
    struct rlimit limit = {.rlim_cur = max, .rlim_max = max};
    if (setrlimit(resource, &limit) != 0)
        FAIL_SYS(err, "cannot set limit %d", (int)resource);
    return RC_OK;
}

static enum rc set_limits(uint64_t memory, struct err *err)
{
    TRY(set_limit(RLIMIT_CORE, 0, err));
    TRY(set_limit(RLIMIT_FSIZE, 0, err));
    TRY(set_limit(RLIMIT_NPROC, 0, err));
    TRY(set_limit(RLIMIT_MSGQUEUE, 0, err));
    TRY(set_limit(RLIMIT_MEMLOCK, 0, err));
    TRY(set_limit(RLIMIT_NOFILE, FILES_MAX, err));
    if (!BOX_SANITIZED)
        TRY(set_limit(RLIMIT_AS, memory, err));
    return RC_OK;
}

/* Every right of the first Landlock version, granted for no path. */
static void deny_files(void)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs =
                                             (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    long fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (fd < 0)
        return;
    (void)!syscall(SYS_landlock_restrict_self, (int)fd, 0);
    close((int)fd);
}

struct rule {
    int call;
    unsigned n;
    struct scmp_arg_cmp arg[2];
};

#define EQUAL       SCMP_CMP_EQ
#define ABOVE       SCMP_CMP_GT
#define BITS        SCMP_CMP_MASKED_EQ /* argument, BITS, mask, their value */
#define PROT_NOT_RW (~(uint64_t)(PROT_READ | PROT_WRITE))
#define ANONYMOUS   (MAP_PRIVATE | MAP_ANONYMOUS)

static const struct rule rules[] = {
    /* Memory: private and anonymous, never executable. */
    {SCMP_SYS(brk), 0, {{0}}},
    {SCMP_SYS(munmap), 0, {{0}}},
    {SCMP_SYS(mremap), 0, {{0}}},
    {SCMP_SYS(madvise), 0, {{0}}},
    {SCMP_SYS(mprotect), 1, {{2, BITS, PROT_NOT_RW, 0}}},
    {SCMP_SYS(mmap), 2, {{2, BITS, PROT_NOT_RW, 0}, {3, BITS, MAP_TYPE | ANONYMOUS, ANONYMOUS}}},
    {SCMP_SYS(close), 1, {{0, ABOVE, MESSAGE_FD, 0}}},
    /* The channel. */
    {SCMP_SYS(recvmsg), 1, {{0, EQUAL, MESSAGE_FD, 0}}},
    {SCMP_SYS(sendmsg), 1, {{0, EQUAL, MESSAGE_FD, 0}}},
    {SCMP_SYS(exit_group), 0, {{0}}},
    /* Its own processor time, job by job: box_limit_cpu(). */
    {SCMP_SYS(prlimit64), 2, {{0, EQUAL, 0, 0}, {1, EQUAL, RLIMIT_CPU, 0}}},
#if BOX_SANITIZED
    /* AddressSanitizer asks for it before each longjmp and _exit. */
    {SCMP_SYS(sigaltstack), 0, {{0}}},
#endif
};

/* What was received, for reading: a sealed memfd in one way, a file that may shrink in the other.
 */
static const struct rule maps = {
    SCMP_SYS(mmap), 2, {{2, EQUAL, PROT_READ, 0}, {3, EQUAL, MAP_PRIVATE, 0}}};
static const struct rule reads = {SCMP_SYS(pread64), 1, {{0, EQUAL, MESSAGE_FD + 1, 0}}};

static void filter_free(scmp_filter_ctx filter)
{
    seccomp_release(filter);
}
SCOPED_DEFINE(filter_free, scmp_filter_ctx)

static int allow(scmp_filter_ctx filter, const struct rule *rule)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, rule->n, rule->arg);
}

static enum rc filter_calls(enum box_medium medium, struct err *err)
{
    SCOPED(filter_free) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        FAIL(err, RC_NOMEM, "seccomp filter");
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; rc == 0 && i < sizeof rules / sizeof *rules; i++)
        rc = allow(filter, &rules[i]);
    if (rc == 0)
        rc = allow(filter, medium == BOX_MAPS_MEDIUM ? &maps : &reads);
    if (rc == 0)
        rc = seccomp_load(filter);
    if (rc != 0)
        return err_set_sys(err, -rc, HERE, "cannot load the seccomp filter");
    return RC_OK;
}

enum rc box_enter(uint64_t memory, enum box_medium medium, struct err *err)
{
    /* A second arena would be sized by the processors, which means opening a file in /sys. */
    mallopt(M_ARENA_MAX, 1);
    leave_namespaces();
    TRY(drop_user(err));
    TRY(drop_capabilities(err));
    TRY(set_process_flags(err));
    TRY(set_limits(memory, err));
    deny_files();
    return filter_calls(medium, err);
}

enum rc box_limit_cpu(uint64_t seconds, struct err *err)
{
    const struct rlimit limit = {.rlim_cur = seconds, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_CPU, &limit) != 0)
        FAIL_SYS(err, "cannot limit processor time");
    return RC_OK;
}
