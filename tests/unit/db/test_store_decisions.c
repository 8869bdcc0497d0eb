/*
 * Decisions that wait at the same time share a transaction: do they, is each one there that was
 * acknowledged, and does each caller get the outcome that is his?
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "db/store_sqlite.h"
#include "tests/support/rnd.h"
#include "tests/unit/db/fault_vfs.h"
#include "tests/unit/db/store_fixture.h"

enum { CALLERS = 16, BIG = 1000 };

static struct decision_match match = {
    .action = ACTION_BLOCK, .distance = 4, .threshold = 31, .ms = -1, .entry_ms = -1};

static struct decision decision_of(const struct ulid *id)
{
    return (struct decision){.check_id = *id,
                             .at_ms = 123,
                             .key_id = "k",
                             .ref = "",
                             .verdict = VERDICT_BLOCK,
                             .n_matches = 1,
                             .matches = &match};
}

/* Of the writing connection: how often it committed, and whether the next commits are to fail. */
static unsigned commits;
static bool failing;

static int on_commit(void *ctx)
{
    (void)ctx;
    commits++;
    return failing;
}

static struct store *hooked_store(struct place *p)
{
    struct store *store = new_store(p);
    sqlite3_commit_hook(sqlite_of(store)->writer->db, on_commit, NULL);
    commits = 0;
    failing = false;
    return store;
}

static int64_t count(const struct place *p)
{
    return raw_number(p->path, "SELECT count(*) FROM decisions d JOIN decision_matches m"
                               " ON m.decision = d.number");
}

/* --- callers at the same time --- */

struct caller {
    pthread_t thread;
    struct store *store;
    const struct decision *decision;
    size_t n;
    enum rc rc;
    struct err err;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    c->rc = store_decisions_add(c->store, c->decision, c->n, &c->err);
    return NULL;
}

static size_t waiting(struct store *store)
{
    struct recordings *q = &sqlite_of(store)->recordings;
    pthread_mutex_lock(&q->lock);
    size_t n = q->waiting;
    pthread_mutex_unlock(&q->lock);
    return n;
}

/* All of them call while another writer has the turn, so that they must wait together. */
static void call_together(struct store *store, struct caller *callers, size_t n)
{
    struct err err;
    {
        SCOPED(tx_end) struct tx tx = {0};
        assert_ok(tx_begin(store, NULL, &tx, &err), err);
        for (size_t i = 0; i < n; i++) {
            callers[i].store = store;
            assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
        }
        while (waiting(store) < n)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(callers[i].thread, NULL);
}

static void one_each(struct decision *decisions, struct caller *callers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ulid id = ulid_new();
        decisions[i] = decision_of(&id);
        callers[i] = (struct caller){.decision = &decisions[i], .n = 1, .rc = RC_COUNT};
    }
}

static void those_who_wait_share_one_commit(void **state)
{
    (void)state;
    struct place p;
    struct decision decisions[CALLERS];
    struct caller callers[CALLERS];
    struct store *store = hooked_store(&p);
    one_each(decisions, callers, CALLERS);
    fault_arm(0, 0, false);
    call_together(store, callers, CALLERS);
    for (size_t i = 0; i < CALLERS; i++)
        assert_ok(callers[i].rc, callers[i].err);
    assert_int_equal(commits, 1);
    assert_int_equal(fault.syncs, 1);
    assert_int_equal(count(&p), CALLERS);
    store_free(store);
    assert_whole(p.path);
}

static void a_commit_that_fails_is_told_to_all(void **state)
{
    (void)state;
    struct place p;
    struct decision decisions[CALLERS];
    struct caller callers[CALLERS];
    struct store *store = hooked_store(&p);
    one_each(decisions, callers, CALLERS);
    failing = true;
    call_together(store, callers, CALLERS);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(callers[i].rc, RC_STORE);
        assert_int_equal(callers[i].err.rc, RC_STORE);
        assert_true(callers[i].err.msg[0] != '\0');
    }
    assert_int_equal(commits, 1);
    assert_int_equal(count(&p), 0);
    failing = false;
    call_together(store, callers, CALLERS);
    for (size_t i = 0; i < CALLERS; i++)
        assert_ok(callers[i].rc, callers[i].err);
    assert_int_equal(count(&p), CALLERS);
    store_free(store);
}

static void a_row_that_cannot_be_written_fails_alone(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct decision decisions[CALLERS];
    struct caller callers[CALLERS];
    struct store *store = hooked_store(&p);
    one_each(decisions, callers, CALLERS);
    assert_ok(store_decision_add(store, &decisions[3], &err), err);
    call_together(store, callers, CALLERS);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(callers[i].rc, i == 3 ? RC_CONFLICT : RC_OK);
    assert_int_equal(count(&p), CALLERS);
    store_free(store);
}

static void several_are_all_there_or_none(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct decision decisions[CALLERS];
    struct caller callers[CALLERS];
    struct store *store = hooked_store(&p);
    one_each(decisions, callers, CALLERS);
    assert_ok(store_decisions_add(store, decisions, 0, &err), err);
    assert_ok(store_decisions_add(store, decisions, 5, &err), err);
    assert_int_equal(commits, 1);
    assert_int_equal(store_decisions_add(store, decisions + 4, 5, &err), RC_CONFLICT);
    assert_int_equal(store_decisions_add(store, decisions + 4, 5, NULL), RC_CONFLICT);
    assert_int_equal(count(&p), 5);
    assert_ok(store_decisions_add(store, decisions + 5, CALLERS - 5, &err), err);
    assert_int_equal(count(&p), CALLERS);
    store_free(store);
}

/* Four callers of 2,000 rows each are a reasonable transaction, and all of them would not be. */
static void other_writers_come_between_large_groups(void **state)
{
    (void)state;
    struct place p;
    enum { N = 12 };
    struct decision *decisions = calloc((size_t)N * BIG, sizeof *decisions);
    struct caller callers[N];
    struct store *store = hooked_store(&p);
    for (size_t i = 0; i < (size_t)N * BIG; i++) {
        struct ulid id = ulid_new();
        decisions[i] = decision_of(&id);
    }
    for (size_t i = 0; i < N; i++)
        callers[i] = (struct caller){.decision = decisions + i * BIG, .n = BIG};
    call_together(store, callers, N);
    for (size_t i = 0; i < N; i++)
        assert_ok(callers[i].rc, callers[i].err);
    assert_int_equal(commits, 3);
    assert_int_equal(count(&p), N * BIG);
    store_free(store);
    free(decisions);
}

/* --- many, for a while, beside another writer --- */

static void *add_fifty(void *arg)
{
    struct caller *c = arg;
    for (int i = 0; i < 50 && c->rc == RC_OK; i++) {
        struct ulid id = ulid_new();
        struct decision d = decision_of(&id);
        c->rc = store_decision_add(c->store, &d, &c->err);
    }
    return NULL;
}

static void nobody_is_forgotten(void **state)
{
    (void)state;
    struct place p;
    struct caller callers[CALLERS];
    struct store *store = hooked_store(&p);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.store = store};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, add_fifty, &callers[i]), 0);
    }
    for (uint64_t i = 0; i < 50; i++)
        add_no(store, i);
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_ok(callers[i].rc, callers[i].err);
    }
    assert_int_equal(count(&p), CALLERS * 50);
    assert_int_equal(waiting(store), 0);
    store_free(store);
    assert_whole(p.path);
}

/* --- disks and processes that fail --- */

static void on_a_failing_disk_nobody_is_acknowledged(void **state)
{
    (void)state;
    struct place p;
    struct caller callers[CALLERS];
    struct decision decisions[CALLERS];
    struct store *store = hooked_store(&p);
    for (unsigned nth = 1;; nth++) {
        int64_t before = count(&p);
        one_each(decisions, callers, CALLERS);
        fault_arm(nth, SQLITE_FULL, true);
        call_together(store, callers, CALLERS);
        bool hit = fault_disarm();
        for (size_t i = 0; i < CALLERS; i++)
            assert_int_equal(callers[i].rc, hit ? RC_STORE : RC_OK);
        assert_int_equal(count(&p), before + (hit ? 0 : CALLERS));
        if (!hit) {
            assert_true(nth > 2);
            break;
        }
    }
    store_free(store);
    assert_whole(p.path);
}

struct telling {
    struct store *store;
    int fd;
};

static void *add_and_tell(void *arg)
{
    const struct telling *t = arg;
    for (;;) {
        struct ulid id = ulid_new();
        struct decision d = decision_of(&id);
        struct err err;
        if (store_decision_add(t->store, &d, &err) != RC_OK ||
            write(t->fd, id.b, sizeof id.b) != sizeof id.b)
            _exit(1);
    }
    return NULL;
}

static pid_t child_adds(const struct place *p, int fd)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    struct telling t = {.store = open_store(p), .fd = fd};
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        if (pthread_create(&thread, NULL, add_and_tell, &t) != 0)
            _exit(1);
    add_and_tell(&t);
    _exit(1);
}

static bool is_there(sqlite3 *db, const struct ulid *id)
{
    sqlite3_stmt *stmt = NULL;
    const char sql[] = "SELECT 1 FROM decisions d JOIN decision_matches m ON m.decision = d.number"
                       " WHERE check_id = ?1";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    sqlite3_bind_blob(stmt, 1, id->b, sizeof id->b, SQLITE_STATIC);
    bool there = sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_finalize(stmt);
    return there;
}

static void kill_9_loses_no_decision(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    struct place p;
    size_t told = 0;
    store_free(new_store(&p));
    for (int round = 0; round < 10; round++) {
        int fds[2], status;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = child_adds(&p, fds[1]);
        close(fds[1]);
        struct ulid id;
        bool first = read(fds[0], id.b, sizeof id.b) == sizeof id.b;
        assert_true(first);
        nanosleep(&(struct timespec){.tv_nsec = (long)rnd_below(&rnd, 40000) * 1000}, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        store_free(open_store(&p));
        sqlite3 *db = raw_open(p.path);
        do {
            assert_true(is_there(db, &id));
            told++;
        } while (read(fds[0], id.b, sizeof id.b) == sizeof id.b);
        sqlite3_close(db);
        close(fds[0]);
    }
    assert_whole(p.path);
    print_message("%zu acknowledged decisions, all there\n", told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_wait_share_one_commit),
        cmocka_unit_test(a_commit_that_fails_is_told_to_all),
        cmocka_unit_test(a_row_that_cannot_be_written_fails_alone),
        cmocka_unit_test(several_are_all_there_or_none),
        cmocka_unit_test(other_writers_come_between_large_groups),
        cmocka_unit_test(nobody_is_forgotten),
        cmocka_unit_test(on_a_failing_disk_nobody_is_acknowledged),
        cmocka_unit_test(kill_9_loses_no_decision),
    };
    fault_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
