/* Checks that outlive their request; and what became of a database of schema 1. */
#include "db/migrate.h"
#include "tests/unit/db/fault_vfs.h"
#include "tests/unit/db/store_fixture.h"

static struct ulid begin(struct store *store, const char *node)
{
    struct ulid id = ulid_new();
    struct err err;
    assert_ok(store_check_begin(store, &id, "01KEY", "post 7", node, &err), err);
    return id;
}

static void expect(struct store *store, const struct ulid *id, enum check_state state,
                   unsigned status, const char *answer)
{
    struct check_row got = {0};
    struct err err;
    assert_ok(store_check_get(store, id, &got, &err), err);
    assert_memory_equal(got.id.b, id->b, sizeof id->b);
    assert_string_equal(got.key_id, "01KEY");
    assert_string_equal(got.ref, "post 7");
    assert_int_equal(got.state, state);
    assert_int_equal(got.status, status);
    assert_string_equal(got.answer, answer);
    assert_true(got.created_ms > 1700000000000 && got.updated_ms >= got.created_ms);
    check_row_clear(&got);
    assert_null(got.answer);
}

static void a_check_begins_and_ends_once(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct ulid id = begin(store, "a"), none = ulid_new();
    expect(store, &id, CHECK_RUNNING, 0, "");
    assert_int_equal(store_check_begin(store, &id, "", "", "a", &err), RC_CONFLICT);
    assert_ok(store_check_end(store, &id, CHECK_DONE, 200, "{\"verdict\":\"allow\"}", &err), err);
    expect(store, &id, CHECK_DONE, 200, "{\"verdict\":\"allow\"}");

    assert_int_equal(store_check_end(store, &id, CHECK_ERROR, 503, "{}", &err), RC_CONFLICT);
    assert_non_null(strstr(err.msg, "has ended already"));
    expect(store, &id, CHECK_DONE, 200, "{\"verdict\":\"allow\"}");
    assert_int_equal(store_check_end(store, &none, CHECK_DONE, 200, "{}", &err), RC_NOTFOUND);
    struct check_row got = {0};
    assert_int_equal(store_check_get(store, &none, &got, &err), RC_NOTFOUND);
    assert_non_null(strstr(err.msg, "no check 0"));
    assert_null(got.answer);
    store_free(store);
    /* No change of the list. */
    assert_int_equal(raw_number(p.path, "SELECT generation FROM counter"), 1);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit"), 1);
    assert_whole(p.path);
}

static void refuses_bad_endings(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    uint64_t n;
    struct store *store = new_store(&p);
    struct ulid id = begin(store, "a");
    assert_int_equal(store_check_begin(store, &id, "", "", "", &err), RC_INPUT);
    assert_int_equal(store_checks_abandon(store, "", 503, "{}", &n, &err), RC_INPUT);
    assert_string_equal(err.msg, "check: the name of the node is required");
    assert_int_equal(store_check_end(store, &id, CHECK_RUNNING, 0, "{}", &err), RC_INPUT);
    assert_string_equal(err.msg, "check: cannot end in state number 0");
    assert_int_equal(store_check_end(store, &id, CHECK_STATES, 0, "{}", &err), RC_INPUT);
    assert_int_equal(store_check_end(store, &id, CHECK_DONE, 200, "", &err), RC_INPUT);
    assert_int_equal(store_checks_abandon(store, "a", 503, NULL, &n, &err), RC_INPUT);
    expect(store, &id, CHECK_RUNNING, 0, "");
    store_free(store);
}

static void a_node_abandons_its_own_alone(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    uint64_t n = 77;
    struct store *store = new_store(&p);
    struct ulid mine[2] = {begin(store, "a"), begin(store, "a")}, done = begin(store, "a"),
                other = begin(store, "b");
    assert_ok(store_check_end(store, &done, CHECK_DONE, 200, "{}", &err), err);
    assert_ok(store_checks_abandon(store, "a", 503, "{\"gone\":1}", &n, &err), err);
    assert_int_equal(n, 2);
    expect(store, &mine[0], CHECK_ERROR, 503, "{\"gone\":1}");
    expect(store, &mine[1], CHECK_ERROR, 503, "{\"gone\":1}");
    expect(store, &done, CHECK_DONE, 200, "{}");
    expect(store, &other, CHECK_RUNNING, 0, "");
    assert_ok(store_checks_abandon(store, "a", 503, "{}", &n, &err), err);
    assert_int_equal(n, 0);
    store_free(store);
}

static void old_checks_are_forgotten_running_ones_not(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    uint64_t n = 77;
    struct store *store = new_store(&p);
    struct ulid running = begin(store, "a"), fresh = begin(store, "a");
    assert_ok(store_check_end(store, &fresh, CHECK_ERROR, 422, "{}", &err), err);
    raw_exec(p.path, "UPDATE checks SET updated_ms = 5 WHERE state = 0;"
                     "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                     " WHERE i < 1500) INSERT INTO checks (id, key_id, ref, node, state, status,"
                     " answer, created_ms, updated_ms)"
                     " SELECT randomblob(16), '', '', 'a', 1, 200, '{}', 1, i FROM n");
    assert_ok(store_checks_forget(store, 1001, &n, &err), err);
    assert_int_equal(n, 1000);
    assert_ok(store_checks_forget(store, 1001, &n, &err), err);
    assert_int_equal(n, 0);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM checks"), 502);
    assert_ok(store_checks_forget(store, 1501, &n, &err), err);
    assert_int_equal(n, 500);
    struct check_row got = {0};
    assert_ok(store_check_get(store, &running, &got, &err), err);
    assert_int_equal(got.updated_ms, 5);
    check_row_clear(&got);
    expect(store, &fresh, CHECK_ERROR, 422, "{}");
    store_free(store);
    assert_whole(p.path);
}

static void get_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct ulid id = begin(store, "a");
    for (unsigned nth = 1;; nth++) {
        struct check_row got = {0};
        struct err err;
        oom_arm(nth);
        enum rc rc = store_check_get(store, &id, &got, &err);
        bool failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        check_row_clear(&got);
        if (!failed) {
            assert_true(nth > 4);
            break;
        }
    }
    store_free(store);
}

/* What was begun or ended is on disk; what failed has not happened. */
static void a_failing_disk_is_told(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    for (unsigned nth = 1;; nth++) {
        struct ulid id = ulid_new();
        fault_arm(nth, SQLITE_IOERR_WRITE, false);
        enum rc rc = store_check_begin(store, &id, "01KEY", "post 7", "a", &err);
        bool hit = fault_disarm();
        assert_int_equal(rc, hit ? RC_STORE : RC_OK);
        if (!hit)
            break;
        assert_int_equal(store_check_end(store, &id, CHECK_DONE, 200, "{}", &err), RC_NOTFOUND);
    }
    struct ulid id = begin(store, "a");
    for (unsigned nth = 1;; nth++) {
        fault_arm(nth, SQLITE_IOERR_WRITE, false);
        enum rc rc = store_check_end(store, &id, CHECK_DONE, 200, "{}", &err);
        bool hit = fault_disarm();
        assert_int_equal(rc, hit ? RC_STORE : RC_OK);
        expect(store, &id, hit ? CHECK_RUNNING : CHECK_DONE, hit ? 0 : 200, hit ? "" : "{}");
        if (!hit) {
            assert_true(nth > 3 && fault.syncs >= 1);
            break;
        }
    }
    store_free(store);
    assert_whole(p.path);
}

/* --- a database that an older program made --- */

static void make_schema_1(const struct place *p)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(migration_version(&sqlite_migrations[0]), 1);
    assert_int_equal(sqlite3_exec(db, sqlite_migrations[0].sql, NULL, NULL, NULL), SQLITE_OK);
    char *text = NULL;
    if (sqlite3_exec(db,
                     "PRAGMA application_id = 0x48474154; PRAGMA user_version = 1;"
                     "UPDATE counter SET generation = 2;"
                     "INSERT INTO banks VALUES (0, 'OLD', 'd', 'o', 's', 2, 29, 'x y', 1, 5, 6, 1);"
                     "INSERT INTO changes VALUES (1, 0, 0), (2, 1, 1);"
                     "INSERT INTO entries VALUES (1, x'00112233445566778899aabbccddeeff', 0, 0,"
                     " 'why', '', '', '', '', 'x', 'bob', 5, 6, 2);"
                     "INSERT INTO signals VALUES (1, 0, 0, 0, zeroblob(32), 99, 1500);"
                     "INSERT INTO keys VALUES (1, 'K', 'n', 1, zeroblob(32), 1, 0, 0, 5, 0, 0, '')",
                     NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s", text);
    sqlite3_close(db);
}

static void a_database_of_schema_1_is_migrated(void **state)
{
    (void)state;
    struct place p = new_place();
    struct store *store = NULL;
    struct err err;
    bool created = true;
    make_schema_1(&p);
    assert_int_equal(store_open(p.url, &store, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "schema 1 is older than 2: run \"hashgated init\""));
    assert_ok(store_init(p.url, &created, &err), err);
    assert_false(created);
    assert_ok(store_init(p.url, &created, &err), err);

    store = open_store(&p);
    struct bank bank = {0};
    assert_ok(store_bank_get(store, "OLD", &bank, &err), err);
    assert_string_equal(bank.description, "d");
    assert_int_equal(bank.threshold, 29);
    assert_int_equal(bank.labels.n, 2);
    assert_int_equal(bank.entries, 1);
    assert_int_equal(bank.bank_match_percent, BANK_MATCH_PERCENT);
    assert_int_equal(bank.query_match_percent, QUERY_MATCH_PERCENT);
    assert_int_equal(bank.match_run, MATCH_RUN);
    bank_clear(&bank);
    struct ulid id = {{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc,
                       0xdd, 0xee, 0xff}};
    struct entry entry = {0};
    assert_ok(store_entry_get(store, &id, &entry, &err), err);
    assert_string_equal(entry.created_by, "bob");
    assert_int_equal(entry.signals[0].ms, 1500);
    entry_clear(&entry);
    struct ulid check = begin(store, "a");
    expect(store, &check, CHECK_RUNNING, 0, "");
    uint64_t generation;
    assert_ok(store_generation(store, &generation, &err), err);
    assert_int_equal(generation, 2);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM keys"), 1);
    assert_int_equal(raw_number(p.path, "PRAGMA user_version"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_begins_and_ends_once),
        cmocka_unit_test(refuses_bad_endings),
        cmocka_unit_test(a_node_abandons_its_own_alone),
        cmocka_unit_test(old_checks_are_forgotten_running_ones_not),
        cmocka_unit_test(get_survives_every_failed_allocation),
        cmocka_unit_test(a_failing_disk_is_told),
        cmocka_unit_test(a_database_of_schema_1_is_migrated),
    };
    fault_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
