/* Is a snapshot file whole or refused, whatever happens to it or to its writer? */
#include "tests/unit/db/snapshot_file.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/support/oom.h"

static const struct snapshot_head head = {
    .generation = 7, .audit_seq = 9, .audit_chain = {1, 2, 3}, .made_ms = 1234};
enum { BIG = 5000001 }; /* so many pieces that several threads read, and no multiple of any */

static uint8_t big_byte(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static enum rc put_sections(struct snapshot_out *out, size_t big, struct err *err)
{
    TRY(snapshot_section(out, "one", 5, err));
    TRY(snapshot_put(out, "he", 2, err));
    TRY(snapshot_put(out, "llo", 3, err));
    TRY(snapshot_section(out, "empty", 0, err));
    TRY(snapshot_section(out, "big-8888", big, err));
    for (size_t i = 0; i < big;) {
        uint8_t piece[1000];
        size_t n = 0;
        for (; n < sizeof(piece) && i < big; n++, i++)
            piece[n] = big_byte(i);
        TRY(snapshot_put(out, piece, n, err));
    }
    return RC_OK;
}

static enum rc write_file(const char *path, size_t big, const atomic_bool *cancel, struct err *err)
{
    SCOPED(snapshot_out_free) struct snapshot_out *out = NULL;
    TRY(snapshot_create(path, &head, cancel, &out, err));
    TRY(put_sections(out, big, err));
    return snapshot_commit(out, NULL, err);
}

static enum rc read_sections(struct snapshot_in *in, size_t big, struct err *err)
{
    char one[5];
    uint64_t length;
    SCOPED(mem_free) uint8_t *bytes = malloc(big + 1);
    if (bytes == NULL)
        FAIL(err, RC_NOMEM, "test");
    TRY(snapshot_next(in, "one", &length, err));
    TRY(snapshot_take(in, one, 4, err));
    TRY(snapshot_take(in, one + 4, length - 4, err));
    TRY(snapshot_next(in, "empty", &length, err));
    TRY(snapshot_next(in, "big-8888", &length, err));
    TRY(snapshot_take(in, bytes, big, err));
    TRY(snapshot_end(in, err));
    assert_memory_equal(one, "hello", 5);
    for (size_t i = 0; i < big; i++)
        if (bytes[i] != big_byte(i))
            fail_msg("byte %zu is wrong", i);
    return RC_OK;
}

static enum rc read_file(const char *path, size_t big, struct err *err)
{
    SCOPED(snapshot_close) struct snapshot_in *in = NULL;
    struct snapshot_head got;
    TRY(snapshot_open(path, &got, &in, err));
    assert_memory_equal(&got, &head, sizeof(head));
    return read_sections(in, big, err);
}

static void must_refuse(const char *path, enum rc rc, const char *word)
{
    struct err err = {.msg = ""};
    assert_int_equal(read_file(path, 300, &err), rc);
    if (strstr(err.msg, word) == NULL)
        fail_msg("'%s' does not say '%s'", err.msg, word);
}

static void must_not_write(const char *path, enum rc rc, const char *word)
{
    struct err err = {.msg = ""};
    assert_int_equal(write_file(path, 300, NULL, &err), rc);
    if (strstr(err.msg, word) == NULL)
        fail_msg("'%s' does not say '%s'", err.msg, word);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    struct stat st;
    mode_t old = umask(0);
    assert_int_equal(write_file(path.text, BIG, NULL, &err), RC_OK);
    umask(old);
    assert_int_equal(read_file(path.text, BIG, &err), RC_OK);
    assert_int_equal(stat(path.text, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(access(path.temporary, F_OK), -1);
    /* And again over it. */
    assert_int_equal(write_file(path.text, 300, NULL, &err), RC_OK);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    assert_int_equal(write_file(path.text, 300, NULL, &err), RC_OK);
    SCOPED(file_drop) struct file file = file_read(path.text);
    for (size_t n = 0; n < file.n; n++) {
        file_write(path.text, file.p, n);
        assert_int_equal(read_file(path.text, 300, &err), RC_STORE);
    }
    for (size_t bit = 0; bit < file.n * 8; bit++) {
        file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        file_write(path.text, file.p, file.n);
        assert_int_equal(read_file(path.text, 300, &err), RC_STORE);
        file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    file_write(path.text, file.p, file.n + 1);
    must_refuse(path.text, RC_STORE, "bytes instead of");
    file_write(path.text, file.p, file.n);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
}

static void a_flip_is_seen_whichever_thread_reads_it(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    assert_int_equal(write_file(path.text, BIG, NULL, &err), RC_OK);
    SCOPED(file_drop) struct file file = file_read(path.text);
    for (size_t at = file.n - BIG; at < file.n; at += 199999) {
        file.p[at] ^= 4;
        file_write(path.text, file.p, file.n);
        assert_int_equal(read_file(path.text, BIG, &err), RC_STORE);
        file.p[at] ^= 4;
    }
    file_write(path.text, file.p, file.n);
    assert_int_equal(read_file(path.text, BIG, &err), RC_OK);
}

static void a_reader_who_expects_otherwise_is_told(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    struct snapshot_head got;
    uint64_t length;
    char room[16];
    assert_int_equal(write_file(path.text, 300, NULL, &err), RC_OK);
    SCOPED(snapshot_close) struct snapshot_in *in = NULL;
    assert_int_equal(snapshot_open(path.text, &got, &in, &err), RC_OK);
    assert_int_equal(snapshot_next(in, "one", &length, &err), RC_OK);
    assert_int_equal(snapshot_take(in, room, 6, &err), RC_STORE);
    assert_int_equal(snapshot_next(in, "empty", &length, &err), RC_STORE);
    assert_int_equal(snapshot_take(in, room, 5, &err), RC_OK);
    assert_int_equal(snapshot_end(in, &err), RC_STORE);
    assert_int_equal(snapshot_next(in, "full", &length, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "holds empty where section full belongs"));
}

static void a_writer_who_gives_otherwise_is_told(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    SCOPED(snapshot_out_free) struct snapshot_out *out = NULL;
    assert_int_equal(snapshot_create(path.text, &head, NULL, &out, &err), RC_OK);
    assert_int_equal(snapshot_section(out, "one", 3, &err), RC_OK);
    assert_int_equal(snapshot_put(out, "1234", 4, &err), RC_STORE);
    assert_int_equal(snapshot_put(out, "12", 2, &err), RC_OK);
    assert_int_equal(snapshot_section(out, "two", 3, &err), RC_STORE);
    assert_int_equal(snapshot_commit(out, NULL, &err), RC_STORE);
    snapshot_out_free(TAKE(out));
    assert_int_equal(access(path.text, F_OK), -1);
    assert_int_equal(access(path.temporary, F_OK), -1);
}

static void only_files_are_read_and_replaced(void **state)
{
    (void)state;
    struct path path = path_new();
    must_refuse(path.text, RC_NOTFOUND, "does not exist");
    assert_int_equal(mkdir(path.text, 0700), 0);
    must_refuse(path.text, RC_STORE, "is not a file");
    must_not_write(path.text, RC_STORE, "is not a file");
    assert_int_equal(rmdir(path.text), 0);
    assert_int_equal(mkfifo(path.text, 0600), 0);
    must_refuse(path.text, RC_STORE, "is not a file");
    must_not_write(path.text, RC_STORE, "is not a file");
    assert_int_equal(unlink(path.text), 0);

    struct path other = path_new();
    struct err err = {.msg = ""};
    assert_int_equal(write_file(other.text, 300, NULL, &err), RC_OK);
    assert_int_equal(symlink(other.text, path.text), 0);
    must_refuse(path.text, RC_STORE, "symbolic link");
    must_not_write(path.text, RC_STORE, "is not a file");
    assert_int_equal(unlink(path.text), 0);

    char nowhere[400];
    snprintf(nowhere, sizeof(nowhere), "%s/no/folder", tmpdir());
    must_not_write(nowhere, RC_SYS, "cannot be made");
    must_not_write("/proc/hashgate.snapshot", RC_SYS, "cannot be made");
    assert_int_equal(chmod(other.text, 0620), 0);
    must_refuse(other.text, RC_STORE, "someone else");
}

static void what_a_killed_writer_left_is_removed(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    file_write(path.temporary, "half", 4);
    assert_int_equal(write_file(path.text, 300, NULL, &err), RC_OK);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
    assert_int_equal(access(path.temporary, F_OK), -1);

    /* A pipe or a link in its place is nothing that a writer leaves. */
    assert_int_equal(mkfifo(path.temporary, 0600), 0);
    must_not_write(path.text, RC_SYS, "stands in the way");
    assert_int_equal(unlink(path.temporary), 0);
    assert_int_equal(symlink(path.text, path.temporary), 0);
    must_not_write(path.text, RC_SYS, "stands in the way");
    assert_int_equal(unlink(path.temporary), 0);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
}

static void two_writers_do_not_meet(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    SCOPED(snapshot_out_free) struct snapshot_out *first = NULL;
    assert_int_equal(snapshot_create(path.text, &head, NULL, &first, &err), RC_OK);
    must_not_write(path.text, RC_BUSY, "another process");
    assert_int_equal(put_sections(first, 300, &err), RC_OK);
    assert_int_equal(snapshot_commit(first, NULL, &err), RC_OK);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
}

static void a_writer_that_is_stopped_leaves_the_old_file(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    atomic_bool cancel = false;
    assert_int_equal(write_file(path.text, 300, &cancel, &err), RC_OK);
    atomic_store(&cancel, true);
    assert_int_equal(write_file(path.text, BIG, &cancel, &err), RC_BUSY);
    assert_int_equal(access(path.temporary, F_OK), -1);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
}

static void a_write_that_fails_leaves_the_old_file(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    struct rlimit old, small;
    assert_int_equal(write_file(path.text, 300, NULL, &err), RC_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = BIG / 2, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum rc rc = write_file(path.text, BIG, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, RC_SYS);
    assert_non_null(strstr(err.msg, "cannot be written"));
    assert_int_equal(access(path.temporary, F_OK), -1);
    assert_int_equal(read_file(path.text, 300, &err), RC_OK);
}

/* On a small disk of its own, where one may be mounted. */
static void the_last_of_the_disk_is_left_to_the_store(void **state)
{
    (void)state;
    struct path path = path_new();
    char inside[400];
    snprintf(inside, sizeof(inside), "%s/x", path.text);
    assert_int_equal(mkdir(path.text, 0700), 0);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", path.text, "tmpfs", 0, "size=1m") != 0)
        skip();
    must_not_write(inside, RC_STORE, "disk almost full");
    assert_int_equal(access(inside, F_OK), -1);
    snprintf(inside, sizeof(inside), "%s/x.new", path.text);
    assert_int_equal(access(inside, F_OK), -1);
    assert_int_equal(mount("none", path.text, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    snprintf(inside, sizeof(inside), "%s/x", path.text);
    must_not_write(inside, RC_SYS, "cannot be made");
    assert_int_equal(umount(path.text), 0);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        oom_arm(nth);
        enum rc rc = write_file(path.text, 300, NULL, &err);
        failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        assert_int_equal(access(path.text, F_OK), failed ? -1 : 0);
        assert_int_equal(access(path.temporary, F_OK), -1);
    }
    assert_int_equal(write_file(path.text, BIG, NULL, &err), RC_OK);
    failed = true;
    for (unsigned nth = 1; failed; nth++) {
        oom_arm(nth);
        enum rc rc = read_file(path.text, BIG, &err);
        failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(a_flip_is_seen_whichever_thread_reads_it),
        cmocka_unit_test(a_reader_who_expects_otherwise_is_told),
        cmocka_unit_test(a_writer_who_gives_otherwise_is_told),
        cmocka_unit_test(only_files_are_read_and_replaced),
        cmocka_unit_test(what_a_killed_writer_left_is_removed),
        cmocka_unit_test(two_writers_do_not_meet),
        cmocka_unit_test(a_writer_that_is_stopped_leaves_the_old_file),
        cmocka_unit_test(a_write_that_fails_leaves_the_old_file),
        cmocka_unit_test(the_last_of_the_disk_is_left_to_the_store),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
