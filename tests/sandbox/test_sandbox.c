/* Can the worker do anything that it must not? */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/sandbox/misbehaving.h"
#include "tests/sandbox/syscalls.h"

static void expect_killed(struct worker_host *host, const char *text)
{
    struct medium_hashes medium;
    struct err err;
    struct worker_stats before, after;
    worker_host_stats(host, &before);
    enum rc rc = command(host, text, &medium, &err);
    if (rc != RC_UNDECODABLE || strstr(err.msg, "signal 31") == NULL)
        fail_msg("'%s' was not killed: %s", text, rc == RC_OK ? "ok" : err.msg);
    worker_host_stats(host, &after);
    /* Twice by a worker that had served before: only a fresh one's death is the medium's doing. */
    assert_in_range(after.crashed - before.crashed, 1, 2);
    assert_int_equal(worker_host_pid(host), -1);
}

static const long allowed[] = {
    SYS_brk,         SYS_mmap,    SYS_munmap, SYS_mremap,     SYS_madvise,   SYS_mprotect,
    SYS_recvmsg,     SYS_sendmsg, SYS_close,  SYS_exit_group, SYS_prlimit64,
#if SANITIZED /* see box.c */
    SYS_sigaltstack,
#endif
};

static bool is_allowed(long number)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (allowed[i] == number)
            return true;
    return false;
}

/* Every number that this or a coming kernel knows, but those. */
static void every_other_call_kills(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    char text[64];
    for (long number = 0; number < 512; number++) {
        snprintf(text, sizeof text, "call %ld", number);
        if (!is_allowed(number) && !syscall_is_exempt(number))
            expect_killed(host, text);
    }
    expect_killed(host, "call -1");
#ifdef __x86_64__
    expect_killed(host, "call 0x40000000"); /* read of the x32 ABI */
    expect_killed(host, "call 0x40000009"); /* mmap of the x32 ABI */
#endif
    expect_good(host);
    worker_host_free(host);
}

static void allowed_calls_kill_with_other_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        long n[7];
    } calls[] = {
        {"mmap executable",
         {SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"mmap all", {SYS_mmap, 0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"mmap shared memory", {SYS_mmap, 0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0}},
        {"mmap the medium to write", {SYS_mmap, 0, 4096, 3, MAP_SHARED, 4, 0}},
        {"mmap the medium to write here", {SYS_mmap, 0, 4096, 3, MAP_PRIVATE, 4, 0}},
        {"mmap the medium shared", {SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, 4, 0}},
        {"mmap the medium executable", {SYS_mmap, 0, 4096, 5, MAP_PRIVATE, 4, 0}},
        {"mmap the medium over something",
         {SYS_mmap, 0x10000, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, 4, 0}},
        {"mprotect executable", {SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC}},
        {"mprotect all", {SYS_mprotect, 0, 4096, 7}},
        {"mprotect upwards", {SYS_mprotect, 0, 4096, PROT_READ | PROT_GROWSUP}},
        {"close 0", {SYS_close, 0}},
        {"close stderr", {SYS_close, 2}},
        {"close the channel", {SYS_close, 3}},
        {"recvmsg 0", {SYS_recvmsg, 0, 0, 0}},
        {"recvmsg the medium", {SYS_recvmsg, 4, 0, 0}},
        {"sendmsg stderr", {SYS_sendmsg, 2, 0, 0}},
        {"sendmsg the medium", {SYS_sendmsg, 4, 0, 0}},
        {"prlimit64 the parent", {SYS_prlimit64, 1, RLIMIT_CPU, 0, 0}},
        {"prlimit64 memory", {SYS_prlimit64, 0, RLIMIT_AS, 0, 0}},
        {"prlimit64 files", {SYS_prlimit64, 0, RLIMIT_NOFILE, 0, 0}},
        {"sendmsg a high bit", {SYS_sendmsg, 0x100000003, 0, 0}},
    };
    struct worker_host *host = new_host(&misbehaving);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *n = calls[i].n;
        char text[200];
        snprintf(text, sizeof text, "call %ld %ld %ld %ld %ld %ld %ld  %s", n[0], n[1], n[2], n[3],
                 n[4], n[5], n[6], calls[i].what);
        expect_killed(host, text);
    }
    expect_good(host);
    worker_host_free(host);
}

/* Or the two tests above would pass with a sandbox in which nothing works. */
static void allowed_calls_return(void **state)
{
    (void)state;
    static const long calls[][7] = {
        {SYS_brk, 0},
        {SYS_mmap, 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
        {SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 4, 0},
        {SYS_munmap, 0x10000, 4096},
        {SYS_mremap, 1, 0, 0, 0, 0},
        {SYS_madvise, 1, 0, 0},
        {SYS_mprotect, 1, 4096, PROT_READ},
        {SYS_recvmsg, 3, 0, MSG_DONTWAIT},
        {SYS_sendmsg, 3, 0, 0},
        {SYS_close, 77},
        {SYS_prlimit64, 0, RLIMIT_CPU, 0, 0},
    };
    struct worker_host *host = new_host(&misbehaving);
    int pid = worker_host_pid(host);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *n = calls[i];
        char text[200];
        struct medium_hashes medium;
        struct err err;
        snprintf(text, sizeof text, "call %ld %ld %ld %ld %ld %ld %ld", n[0], n[1], n[2], n[3],
                 n[4], n[5], n[6]);
        assert_int_equal(command(host, text, &medium, &err), RC_NOT_MEDIA);
        assert_memory_equal(err.msg, "returned ", 9);
    }
    assert_int_equal(worker_host_pid(host), pid);
    worker_host_free(host);
}

static void read_proc(int pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, size - 1);
    assert_true(n >= 0);
    out[n] = '\0';
    close(fd);
}

static void expect_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("no '%s' in:\n%s", line, text);
}

static void expect_confined(int pid)
{
    char text[8192];
    read_proc(pid, "status", text, sizeof text);
    expect_line(text, "\nSeccomp:\t2\n");
    expect_line(text, "\nNoNewPrivs:\t1\n");
    expect_line(text, "\nCapInh:\t0000000000000000\n");
    expect_line(text, "\nCapPrm:\t0000000000000000\n");
    expect_line(text, "\nCapEff:\t0000000000000000\n");
    expect_line(text, "\nCapAmb:\t0000000000000000\n");
    if (geteuid() == 0) {
        expect_line(text, "\nUid:\t65534\t65534\t65534\t65534\n");
        expect_line(text, "\nGid:\t65534\t65534\t65534\t65534\n");
        expect_line(text, "\nGroups:\t \n");
    }
    read_proc(pid, "limits", text, sizeof text);
    expect_line(text, "\nMax core file size        0                    0 ");
    expect_line(text, "\nMax file size             0                    0 ");
    expect_line(text, "\nMax processes             0                    0 ");
    expect_line(text, "\nMax open files            8                    8 ");
    assert_int_equal(getsid(pid), pid);
}

/* Its memory, files and environment are hidden from others of its user: dumpable is off. */
static void expect_empty_hands(int pid)
{
    char path[64], text[256];
    struct dirent *entry;
    int seen = 0;
    if (geteuid() != 0)
        return;
    read_proc(pid, "environ", text, sizeof text);
    assert_string_equal(text, "");
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        seen++;
        assert_in_range(strtol(entry->d_name, NULL, 10), 0, 3);
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, text, sizeof text - 1);
        assert_true(n > 0);
        text[n] = '\0';
        if (strcmp(entry->d_name, "3") == 0)
            assert_memory_equal(text, "socket:", 7);
        else
            assert_string_equal(text, "/dev/null");
    }
    closedir(dir);
    assert_int_equal(seen, 4);
}

static void a_live_worker_is_confined(void **state)
{
    (void)state;
    static const char *const programs[] = {MISBEHAVING_WORKER, WORKER_PROGRAM,
                                           VIDEO_WORKER_PROGRAM};
    /* What the service has must not be handed down. */
    int extra = open("/etc/passwd", O_RDONLY);
    setenv("HASHGATE_TEST_SECRET", "x", 1);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        struct worker_config config = misbehaving;
        config.program = programs[i];
        struct worker_host *host = new_host(&config);
        expect_confined(worker_host_pid(host));
        expect_empty_hands(worker_host_pid(host));
        assert_string_not_equal(worker_host_kernel(host), "");
        worker_host_free(host);
    }
    close(extra);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(every_other_call_kills),
        CLEAN_TEST(allowed_calls_kill_with_other_arguments),
        CLEAN_TEST(allowed_calls_return),
        CLEAN_TEST(a_live_worker_is_confined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
