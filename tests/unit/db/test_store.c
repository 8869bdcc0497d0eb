/* Opening, making and refusing a database; generations; is it alive? */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/oom.h"
#include "tests/unit/db/store_fixture.h"

static void expect_refusal(const char *url, enum rc rc, const char *words)
{
    struct store *store = NULL;
    struct err err = {0};
    assert_int_equal(store_open(url, &store, &err), rc);
    assert_null(store);
    if (strstr(err.msg, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void refuses_other_schemes(void **state)
{
    (void)state;
    bool created;
    struct err err;
    expect_refusal("postgresql://me:secret@h/db", RC_INPUT, "not supported by this version");
    expect_refusal("mysql://h/db", RC_INPUT, "must be sqlite:/path");
    expect_refusal("", RC_INPUT, "must be sqlite:/path");
    expect_refusal("sqlite:", RC_INPUT, "needs a path");
    assert_int_equal(store_init("postgresql://me:secret@h/db", &created, &err), RC_INPUT);
    assert_null(strstr(err.msg, "secret"));
    assert_int_equal(store_init("sqlite:", &created, &err), RC_INPUT);
}

static void refuses_what_is_not_there(void **state)
{
    (void)state;
    struct place p = new_place();
    expect_refusal(p.url, RC_STORE, "does not exist: run \"hashgated init\"");
    assert_int_equal(access(p.path, F_OK), -1);
    expect_refusal("sqlite::memory:", RC_STORE, "does not exist");
    assert_int_equal(mkdir(p.path, 0700), 0);
    expect_refusal(p.url, RC_STORE, "not a file");
}

static void refuses_what_is_not_ours(void **state)
{
    (void)state;
    struct place text = new_place(), other = new_place(), empty = new_place();
    bool created;
    struct err err;

    int fd = open(text.path, O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "no database\n", 12), 12);
    close(fd);
    expect_refusal(text.url, RC_STORE, "not a Hashgate database");
    assert_int_equal(store_init(text.url, &created, &err), RC_STORE);

    close(open(empty.path, O_CREAT | O_WRONLY, 0600));
    expect_refusal(empty.url, RC_STORE, "not a Hashgate database");

    close(open(other.path, O_CREAT | O_WRONLY, 0600));
    raw_exec(other.path, "CREATE TABLE mine (x)");
    expect_refusal(other.url, RC_STORE, "not a Hashgate database");
    assert_int_equal(store_init(other.url, &created, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "not a Hashgate database"));
    assert_int_equal(raw_number(other.path, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void refuses_another_schema(void **state)
{
    (void)state;
    struct place p;
    bool created;
    struct err err;
    store_free(new_store(&p));
    raw_exec(p.path, "PRAGMA user_version = 0");
    expect_refusal(p.url, RC_STORE, "run \"hashgated init\"");
    raw_exec(p.path, "PRAGMA user_version = 9");
    expect_refusal(p.url, RC_STORE, "schema 9 is newer than this program's 2");
    assert_int_equal(store_init(p.url, &created, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "newer"));
}

static void refuses_a_file_it_may_not_read(void **state)
{
    (void)state;
    struct place p;
    store_free(new_store(&p));
    assert_int_equal(chmod(tmpdir(), 0711), 0);
    assert_int_equal(chmod(p.path, 0000), 0);
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(65534), 0);
    struct store *store = NULL;
    struct err err;
    enum rc rc = store_open(p.url, &store, &err);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, RC_STORE);
    assert_non_null(strstr(err.msg, "Permission denied"));
}

static int mode_of(const char *path, const char *suffix)
{
    char name[300];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 07777;
}

static void makes_private_files_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t umasks[] = {0, 0022, 0277};
    for (size_t i = 0; i < 3; i++) {
        struct place p;
        mode_t before = umask(umasks[i]);
        struct store *store = new_store(&p);
        umask(before);
        assert_int_equal(mode_of(p.path, ""), 0600);
        assert_int_equal(mode_of(p.path, "-wal"), 0600);
        assert_int_equal(mode_of(p.path, "-shm"), 0600);
        store_free(store);
    }
}

static void init_is_harmless_when_done(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    bool created = true;
    struct store *store = new_store(&p);
    struct ulid id = add_no(store, 1);
    assert_ok(store_init(p.url, &created, &err), err);
    assert_false(created);
    struct entry entry = {0};
    assert_ok(store_entry_get(store, &id, &entry, &err), err);
    entry_clear(&entry);
    store_free(store);
    assert_whole(p.path);
    assert_int_equal(raw_number(p.path, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(raw_number(p.path, "PRAGMA application_id"), 0x48474154);
}

static void init_makes_one_missing_folder(void **state)
{
    (void)state;
    char url[300], deep[300], path[300];
    bool created = false;
    struct err err;
    snprintf(url, sizeof url, "sqlite:%s/new/h.db", tmpdir());
    snprintf(path, sizeof path, "%s/new", tmpdir());
    snprintf(deep, sizeof deep, "sqlite:%s/a/b/h.db", tmpdir());
    assert_ok(store_init(url, &created, &err), err);
    assert_true(created);
    assert_int_equal(mode_of(path, ""), 0700);
    assert_int_equal(store_init(deep, &created, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "No such file"));
}

static void *init_thread(void *arg)
{
    struct err err;
    bool created = false;
    enum rc rc = store_init(arg, &created, &err);
    return (void *)(uintptr_t)(rc != RC_OK ? 2 : created ? 1 : 0);
}

static void concurrent_inits_make_it_once(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct place p = new_place();
        pthread_t threads[4];
        uintptr_t made = 0;
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, init_thread, p.url);
        for (int i = 0; i < 4; i++) {
            void *result;
            pthread_join(threads[i], &result);
            assert_true((uintptr_t)result < 2);
            made += (uintptr_t)result;
        }
        assert_int_equal(made, 1);
        store_free(open_store(&p));
    }
}

static void every_change_is_a_generation(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    uint64_t before, after;
    struct store *store = new_store(&p);
    assert_ok(store_generation(store, &before, &err), err);
    assert_int_equal(before, 1); /* the bank */
    struct ulid id = add_no(store, 1);
    set_state(store, &id, ENTRY_REVOKED);
    set_state(store, &id, ENTRY_REVOKED); /* changes nothing */
    assert_ok(store_generation(store, &after, &err), err);
    assert_int_equal(after, 3);
    store_free(store);
    assert_whole(p.path);
}

static void waits_for_another_writer_then_says_busy(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    sqlite3 *other = raw_open(p.path);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);

    struct bank bank = {.name = "B", .action = ACTION_REVIEW, CLIP_RULES};
    assert_int_equal(store_bank_create(store, &bank, &alice, &err), RC_BUSY);
    assert_non_null(strstr(err.msg, "locked by another process"));
    /* Readers do not wait. */
    uint64_t generation;
    assert_ok(store_generation(store, &generation, &err), err);

    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_ok(store_bank_create(store, &bank, &alice, &err), err);
    store_free(store);
    assert_whole(p.path);
}

static void ping_notices_a_file_that_went(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    assert_ok(store_ping(store, &err), err);
    assert_int_equal(unlink(p.path), 0);
    assert_int_equal(store_ping(store, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "removed or replaced"));
    store_free(store);
}

static void open_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct place p;
    store_free(new_store(&p));
    for (unsigned nth = 1;; nth++) {
        struct store *store = NULL;
        struct err err;
        oom_arm(nth);
        enum rc rc = store_open(p.url, &store, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 2);
            store_free(store);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_other_schemes),
        cmocka_unit_test(refuses_what_is_not_there),
        cmocka_unit_test(refuses_what_is_not_ours),
        cmocka_unit_test(refuses_another_schema),
        cmocka_unit_test(refuses_a_file_it_may_not_read),
        cmocka_unit_test(makes_private_files_whatever_the_umask),
        cmocka_unit_test(init_is_harmless_when_done),
        cmocka_unit_test(init_makes_one_missing_folder),
        cmocka_unit_test(concurrent_inits_make_it_once),
        cmocka_unit_test(every_change_is_a_generation),
        cmocka_unit_test(waits_for_another_writer_then_says_busy),
        cmocka_unit_test(ping_notices_a_file_that_went),
        cmocka_unit_test(open_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
