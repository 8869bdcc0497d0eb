/* Can an unpacker that was taken over do anything that it must not; what is thought of its lies? */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/sandbox/syscalls.h"
#include "tests/sandbox/unpacking.h"

static struct unpack_config misbehaving(void)
{
    struct unpack_config c = unpacking;
    c.program = MISBEHAVING_UNPACKER;
    return c;
}

static struct unpacked command(const char *text)
{
    const struct unpack_config c = misbehaving();
    return unpack_all(&c, made_sealed(text, strlen(text)));
}

static void expect_killed(const char *text)
{
    struct unpacked u = command(text);
    if (u.rc != RC_UNDECODABLE || strstr(u.err.msg, "signal 31") == NULL)
        fail_msg("'%s' was not killed: %s", text, u.rc == RC_OK ? "ok" : u.err.msg);
    free(u.text);
}

static const long allowed[] = {
    SYS_brk,         SYS_mmap,    SYS_munmap, SYS_mremap,     SYS_madvise,   SYS_mprotect,
    SYS_recvmsg,     SYS_sendmsg, SYS_close,  SYS_exit_group, SYS_prlimit64, SYS_pread64,
#if SANITIZED /* see box.c */
    SYS_sigaltstack,
#endif
};

static bool is_allowed(long number)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (allowed[i] == number)
            return true;
    return syscall_is_exempt(number);
}

static void every_other_call_kills(void **state)
{
    (void)state;
    char text[64];
    for (long number = 0; number < 512; number++) {
        snprintf(text, sizeof text, "call %ld", number);
        if (!is_allowed(number))
            expect_killed(text);
    }
}

static void allowed_calls_kill_with_other_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        long n[7];
    } calls[] = {
        {"pread standard input", {SYS_pread64, 0, 0, 0, 0}},
        {"pread the channel", {SYS_pread64, 3, 0, 0, 0}},
        {"pread a high bit", {SYS_pread64, 0x100000003, 0, 0, 0}},
        {"mmap the archive", {SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 4, 0}},
        {"mmap the archive shared", {SYS_mmap, 0, 4096, 3, MAP_SHARED, 4, 0}},
        {"mmap executable", {SYS_mmap, 0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"close the channel", {SYS_close, 3}},
        {"recvmsg the archive", {SYS_recvmsg, 4, 0, 0}},
        {"sendmsg the archive", {SYS_sendmsg, 4, 0, 0}},
        {"prlimit64 files", {SYS_prlimit64, 0, RLIMIT_NOFILE, 0, 0}},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *n = calls[i].n;
        char text[200];
        snprintf(text, sizeof text, "call %ld %ld %ld %ld %ld %ld %ld  %s", n[0], n[1], n[2], n[3],
                 n[4], n[5], n[6], calls[i].what);
        expect_killed(text);
    }
}

/* Or the two tests above would pass with a sandbox in which nothing works. */
static void allowed_calls_return(void **state)
{
    (void)state;
    static const long calls[][7] = {
        {SYS_pread64, 4, 0, 0, 0},
        {SYS_mmap, 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
        {SYS_close, 77},
        {SYS_recvmsg, 3, 0, MSG_DONTWAIT},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *n = calls[i];
        char text[200];
        snprintf(text, sizeof text, "call %ld %ld %ld %ld %ld %ld %ld", n[0], n[1], n[2], n[3],
                 n[4], n[5], n[6]);
        expect_stopped(command(text), "", RC_NOT_MEDIA, "returned ");
    }
}

static void the_good_one_is_believed(void **state)
{
    (void)state;
    expect_unpacked(command("good"), "a 1 3: abc\n");
}

static void deaths_are_told(void **state)
{
    (void)state;
    expect_stopped(command("segv"), "", RC_UNDECODABLE, "crashed on it: ");
    expect_stopped(command("exit0"), "", RC_UNDECODABLE, "crashed on it: exit code 0");
}

static void lies_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } lies[] = {
        {"hello-again", "message: order"}, {"nul-in-name", "member: name"},
        {"no-member", "data: of no file"}, {"far-place", "data: place"},
        {"long-end", "end: place"},        {"half", "done: within a member"},
        {"garbage", "message: magic"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        expect_stopped(command(lies[i].name), "", RC_UNDECODABLE, lies[i].why);
    expect_unpacked(command("send-descriptor"), "");
}

static void hangs_end(void **state)
{
    (void)state;
    struct unpack_config c = misbehaving();
    c.limits.wall_ms = 300;
    expect_stopped(unpack_all(&c, made_sealed("wait", 4)), "", RC_LIMIT, "(wall)");
    expect_stopped(unpack_all(&c, made_sealed("loop", 4)), "", RC_LIMIT, "(wall)");
    c.limits.wall_ms = 60000;
    c.limits.cpu_ms = 200;
    expect_stopped(unpack_all(&c, made_sealed("loop", 4)), "", RC_LIMIT, "(cpu)");
}

static void endless_ones_end(void **state)
{
    (void)state;
    struct unpack_config c = misbehaving();
    c.limits.members = 1000;
    struct unpacked u = unpack_all(&c, made_sealed("endless-members", 15));
    assert_int_equal(u.rc, RC_LIMIT);
    assert_int_equal(u.members, 1000);
    free(u.text);
    c.limits.total_bytes = UINT64_C(40) << 20;
    u = unpack_all(&c, made_sealed("endless-bytes", 13));
    assert_int_equal(u.rc, RC_LIMIT);
    assert_int_equal(u.members, 2);
    assert_non_null(strstr(u.err.msg, "(total_bytes)"));
    free(u.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(every_other_call_kills),
        CLEAN_TEST(allowed_calls_kill_with_other_arguments),
        CLEAN_TEST(allowed_calls_return),
        CLEAN_TEST(the_good_one_is_believed),
        CLEAN_TEST(deaths_are_told),
        CLEAN_TEST(lies_are_seen),
        CLEAN_TEST(hangs_end),
        CLEAN_TEST(endless_ones_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
