/*
 * The disk fails at every single operation, fills up, the process is killed: is everything that
 * was acknowledged there, whole, with its audit row?
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/rnd.h"
#include "tests/unit/db/fault_vfs.h"
#include "tests/unit/db/store_fixture.h"

enum { ACKED_MAX = 4096, KILLS = 20 };

struct acked {
    size_t n;
    struct ulid id[ACKED_MAX];
};

/* Opens the database anew: is every acknowledged entry there, and nothing torn? */
static void assert_kept(const struct place *p, const struct acked *acked)
{
    struct store *store = open_store(p);
    for (size_t i = 0; i < acked->n; i++) {
        struct entry entry = {0};
        struct err err;
        assert_ok(store_entry_get(store, &acked->id[i], &entry, &err), err);
        assert_int_equal(entry.n_signals, 1);
        entry_clear(&entry);
    }
    assert_chain_holds(store);
    store_free(store);
    assert_whole(p->path);
}

static enum rc try_add(struct store *store, uint64_t n, struct acked *acked, struct err *err)
{
    struct signal s = signal_no(SIGNAL_PDQ, n);
    struct entry_new e = entry_of(&s, 1);
    uint64_t generation;
    struct ulid id;
    enum rc rc = store_entry_add(store, &e, &alice, &id, &generation, err);
    if (rc == RC_OK)
        acked->id[acked->n++] = id;
    return rc;
}

static void add_on_a_failing_disk(int code, bool lasting)
{
    struct place p;
    struct err err;
    struct acked acked = {0};
    struct store *store = new_store(&p);
    for (unsigned nth = 1;; nth++) {
        fault_arm(nth, code, lasting);
        enum rc rc = try_add(store, nth, &acked, &err);
        bool hit = fault_disarm();
        if (!hit) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 3);
            break;
        }
        assert_int_equal(rc, RC_STORE);
        if (code == SQLITE_FULL && nth == 1)
            assert_non_null(strstr(err.msg, "disk full"));
        /* Without reopening, the next one works. */
        assert_ok(try_add(store, 1000 + nth, &acked, &err), err);
    }
    store_free(store);
    assert_kept(&p, &acked);
}

static void an_add_that_failed_was_not_acknowledged(void **state)
{
    (void)state;
    static const int codes[] = {SQLITE_IOERR_WRITE, SQLITE_FULL};
    for (size_t i = 0; i < 2; i++) {
        add_on_a_failing_disk(codes[i], false);
        add_on_a_failing_disk(codes[i], true);
    }
}

/* A killed process cannot tell synchronous=FULL from less; a power cut would. */
static void an_acknowledged_add_was_synced(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct acked acked = {0};
    struct store *store = new_store(&p);
    for (unsigned i = 0; i < 5; i++) {
        fault_arm(0, 0, false);
        assert_ok(try_add(store, i, &acked, &err), err);
        assert_true(fault.syncs >= 1);
    }
    store_free(store);
}

static void a_failed_update_changes_nothing(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct acked acked = {0};
    struct store *store = new_store(&p);
    assert_ok(try_add(store, 1, &acked, &err), err);
    for (unsigned nth = 1;; nth++) {
        enum entry_state revoked = ENTRY_REVOKED;
        struct entry_patch patch = {.state = &revoked, .reason = "r"};
        struct entry got = {0};
        fault_arm(nth, SQLITE_IOERR_WRITE, false);
        enum rc rc = store_entry_update(store, &acked.id[0], &patch, &alice, &got, &err);
        bool hit = fault_disarm();
        entry_clear(&got);
        assert_int_equal(rc, hit ? RC_STORE : RC_OK);
        assert_ok(store_entry_get(store, &acked.id[0], &got, &err), err);
        assert_int_equal(got.state, hit ? ENTRY_ACTIVE : ENTRY_REVOKED);
        entry_clear(&got);
        if (!hit)
            break;
    }
    store_free(store);
    assert_kept(&p, &acked);
}

/* Closing writes the WAL back: a failure there loses nothing that was acknowledged. */
static void a_failed_checkpoint_loses_nothing(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct place p;
        struct err err;
        struct acked acked = {0};
        struct store *store = new_store(&p);
        for (unsigned i = 0; i < 10; i++)
            assert_ok(try_add(store, i, &acked, &err), err);
        fault_arm(nth, SQLITE_IOERR_WRITE, true);
        store_free(store);
        bool hit = fault_disarm();
        assert_kept(&p, &acked);
        if (!hit) {
            assert_true(nth > 3);
            return;
        }
    }
}

static void an_import_on_a_full_disk_keeps_its_batches(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct import_result r;
    enum { N = 6000 };
    struct store *store = new_store(&p);
    struct import_line *lines = calloc(N, sizeof *lines);
    for (size_t i = 0; i < N; i++)
        lines[i].signal = signal_no(SIGNAL_PDQ, i);
    for (unsigned nth = 1; nth < 2000; nth = nth * 3 / 2 + 1) {
        fault_arm(nth, SQLITE_FULL, true);
        enum rc rc = store_import(store, "A", "i", "r", lines, N, &alice, &r, &err);
        if (fault_disarm()) {
            assert_int_equal(rc, RC_STORE);
            assert_non_null(strstr(err.msg, "disk full"));
        }
        assert_int_equal(raw_number(p.path, "SELECT count(*) % 2000 FROM entries"), 0);
    }
    assert_ok(store_import(store, "A", "i", "r", lines, N, &alice, &r, &err), err);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM entries"), N);
    free(lines);
    assert_chain_holds(store);
    store_free(store);
    assert_whole(p.path);
}

static void init_on_a_failing_disk_can_be_done_again(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct place p = new_place();
        struct err err;
        bool created = false;
        fault_arm(nth, SQLITE_IOERR_WRITE, true);
        enum rc rc = store_init(p.url, &created, &err);
        bool hit = fault_disarm();
        if (rc != RC_OK) {
            assert_int_equal(rc, RC_STORE);
            struct store *store = NULL;
            if (store_open(p.url, &store, &err) == RC_OK) /* its commit was through */
                store_free(store);
            assert_ok(store_init(p.url, &created, &err), err);
        }
        store_free(open_store(&p));
        assert_whole(p.path);
        if (!hit) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 3);
            return;
        }
    }
}

/* Adds until it is killed, and tells each acknowledged id. */
static void child_adds(const struct place *p, uint64_t first, int fd)
{
    struct store *store = open_store(p);
    struct acked acked = {0};
    struct err err;
    for (uint64_t n = first;; n++) {
        acked.n = 0;
        if (try_add(store, n, &acked, &err) != RC_OK ||
            write(fd, acked.id, sizeof acked.id[0]) != sizeof acked.id[0])
            _exit(1);
    }
}

static void kill_one(const struct place *p, uint64_t first, long after_us, struct acked *acked)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child_adds(p, first, fds[1]);
    }
    close(fds[1]);
    /* The clock runs from the first acknowledgement, however slow the machine is. */
    bool first_came = read(fds[0], &acked->id[acked->n], sizeof(struct ulid)) == 16;
    assert_true(first_came);
    acked->n++;
    nanosleep(&(struct timespec){.tv_nsec = after_us * 1000}, NULL);
    kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    while (acked->n < ACKED_MAX && read(fds[0], &acked->id[acked->n], sizeof(struct ulid)) == 16)
        acked->n++;
    close(fds[0]);
}

static void kill_9_loses_nothing_acknowledged(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    struct place p;
    static struct acked acked;
    store_free(new_store(&p));
    for (uint64_t round = 0; round < KILLS; round++) {
        kill_one(&p, round * 1000000, (long)rnd_below(&rnd, 40000), &acked);
        assert_kept(&p, &acked);
    }
    print_message("%d kills, %zu acknowledged entries, all kept\n", KILLS, acked.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_add_that_failed_was_not_acknowledged),
        cmocka_unit_test(an_acknowledged_add_was_synced),
        cmocka_unit_test(a_failed_update_changes_nothing),
        cmocka_unit_test(a_failed_checkpoint_loses_nothing),
        cmocka_unit_test(an_import_on_a_full_disk_keeps_its_batches),
        cmocka_unit_test(init_on_a_failing_disk_can_be_done_again),
        cmocka_unit_test(kill_9_loses_nothing_acknowledged),
    };
    fault_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
