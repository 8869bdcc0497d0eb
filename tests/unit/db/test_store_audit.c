/* Every act leaves one row, and a row that was touched is found. */
#include "tests/unit/db/store_fixture.h"

static void deed(struct store *store)
{
    struct ulid id = add_no(store, 1);
    add_no(store, 2);
    set_state(store, &id, ENTRY_REVOKED);
    set_state(store, &id, ENTRY_ACTIVE);
}

struct rows {
    size_t n;
    uint64_t seq[32];
    char action[32][24];
};

static bool note_row(void *ctx, const struct audit_row *row)
{
    struct rows *rows = ctx;
    assert_string_equal(row->actor_id, "01ALICE");
    assert_string_equal(row->actor_name, "alice");
    assert_string_equal(row->request_id, "r-1");
    rows->seq[rows->n] = row->seq;
    snprintf(rows->action[rows->n++], sizeof rows->action[0], "%s", row->action);
    return rows->n < 32;
}

static size_t list(struct store *store, struct audit_filter f, struct rows *rows)
{
    struct err err;
    rows->n = 0;
    f.limit = f.limit == 0 ? 32 : f.limit;
    assert_ok(store_audit_list(store, &f, note_row, rows, &err), err);
    return rows->n;
}

static void lists_newest_first_and_filters(void **state)
{
    (void)state;
    static const char *const actions[] = {"entry.restore", "entry.revoke", "entry.add", "entry.add",
                                          "bank.create"};
    struct place p;
    struct rows rows;
    struct store *store = new_store(&p);
    deed(store);
    assert_int_equal(list(store, (struct audit_filter){0}, &rows), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(rows.seq[i], 5 - i);
        assert_string_equal(rows.action[i], actions[i]);
    }
    assert_int_equal(list(store, (struct audit_filter){.before = 3}, &rows), 2);
    assert_int_equal(rows.seq[0], 2);
    assert_int_equal(list(store, (struct audit_filter){.limit = 2}, &rows), 2);
    assert_int_equal(list(store, (struct audit_filter){.action = "entry.add"}, &rows), 2);
    assert_int_equal(list(store, (struct audit_filter){.bank = "A"}, &rows), 5);
    assert_int_equal(list(store, (struct audit_filter){.bank = "B"}, &rows), 0);
    assert_int_equal(list(store, (struct audit_filter){.actor = "alice"}, &rows), 5);
    assert_int_equal(list(store, (struct audit_filter){.actor = "01ALICE"}, &rows), 5);
    assert_int_equal(list(store, (struct audit_filter){.actor = "bob"}, &rows), 0);
    assert_int_equal(list(store, (struct audit_filter){.target = "A"}, &rows), 1);
    store_free(store);
    assert_whole(p.path);
}

static struct audit_check verify(struct store *store)
{
    struct audit_check check = {0};
    struct err err;
    assert_ok(store_audit_verify(store, &check, &err), err);
    return check;
}

/* Made with Python: sha256(bytes(32) + struct.pack(">QqQ", seq, at_ms, generation) and for each
 * text struct.pack(">Q", len(t)) + t). */
#define KNOWN_CHAIN "433679aeae01510f0efd14bb42635fbbe540e6ca206c841f1f778a999605a3f3"

/* The bytes hashed are a promise to whoever keeps heads elsewhere: pinned by a known value. */
static void the_chain_of_a_known_row(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    raw_exec(p.path, "DELETE FROM audit; INSERT INTO audit VALUES (1, 1700000000000, 'k', 'n', 'r',"
                     " 'entry.add', 'A', 't', 'why', '{}', 2, "
                     "x'" KNOWN_CHAIN "')");
    assert_int_equal(verify(store).bad_seq, 0);
    store_free(store);
}

static void finds_what_was_touched(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        uint64_t bad;
    } touched[] = {
        {"UPDATE audit SET reason = 'other' WHERE seq = 2", 2},
        {"UPDATE audit SET actor_name = 'bob' WHERE seq = 1", 1},
        {"UPDATE audit SET actor_id = actor_id || request_id, request_id = '' WHERE seq = 3", 3},
        {"UPDATE audit SET details = details || char(0) || 'x' WHERE seq = 4", 4},
        {"UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 4", 4},
        {"UPDATE audit SET generation = 99 WHERE seq = 5", 5},
        {"UPDATE audit SET chain = zeroblob(32) WHERE seq = 3", 3},
        {"DELETE FROM audit WHERE seq = 3", 3},
        {"DELETE FROM audit WHERE seq = 1", 1},
        {"DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = seq - 1 WHERE seq > 2", 2},
        {"UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;"
         " UPDATE audit SET seq = 3 WHERE seq = 100",
         2},
        {"INSERT INTO audit SELECT 6, at_ms, actor_id, actor_name, request_id, action, bank,"
         " target, reason, details, generation, chain FROM audit WHERE seq = 5",
         6},
    };
    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++) {
        struct place p;
        struct store *store = new_store(&p);
        deed(store);
        assert_int_equal(verify(store).bad_seq, 0);
        raw_exec(p.path, touched[i].sql);
        if (verify(store).bad_seq != touched[i].bad)
            fail_msg("%s: bad row %d", touched[i].sql, (int)verify(store).bad_seq);
        store_free(store);
    }
}

/* Rows cut off at the end leave a chain that holds: only the head tells, kept elsewhere. */
static void a_cut_shows_in_the_head(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct audit_check before, after;
    deed(store);
    before = verify(store);
    assert_int_equal(before.rows, 5);
    raw_exec(p.path, "DELETE FROM audit WHERE seq = 5");
    after = verify(store);
    assert_int_equal(after.rows, 4);
    assert_int_equal(after.bad_seq, 0);
    assert_memory_not_equal(before.head, after.head, 32);
    store_free(store);
}

static void goes_on_after_reopening(void **state)
{
    (void)state;
    struct place p;
    store_free(new_store(&p));
    for (unsigned i = 0; i < 3; i++) {
        struct store *store = open_store(&p);
        add_no(store, i);
        store_free(store);
    }
    struct store *store = open_store(&p);
    assert_int_equal(verify(store).rows, 4);
    assert_chain_holds(store);
    store_free(store);
    assert_whole(p.path);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    fclose(out);
}

static void must_not_have(struct store *store, const struct store_mark *mark)
{
    struct err err = {.msg = ""};
    assert_int_equal(store_mark_check(store, mark, &err), RC_CONFLICT);
    assert_non_null(strstr(err.msg, "an older copy of this one"));
}

/* A mark holds for ever in its database and its copies of later; never in another or an older. */
static void a_mark_is_of_one_history(void **state)
{
    (void)state;
    struct place p, q, copy = new_place();
    struct err err;
    struct store_mark early, late, wrong;
    struct store *store = new_store(&p), *other = new_store(&q);
    add_no(store, 1);
    assert_ok(store_mark(store, &early, &err), err);
    assert_int_equal(early.generation, 2);
    assert_int_equal(early.audit_seq, 2);
    store_free(store); /* so that nothing is left in its WAL */
    copy_file(p.path, copy.path);
    store = open_store(&p);
    add_no(store, 2);
    assert_ok(store_mark(store, &late, &err), err);
    assert_ok(store_mark_check(store, &early, &err), err);
    assert_ok(store_mark_check(store, &late, &err), err);

    for (uint64_t i = 0; i < 5; i++)
        add_no(other, i);
    must_not_have(other, &early);
    struct store *old = open_store(&copy);
    assert_ok(store_mark_check(old, &early, &err), err);
    must_not_have(old, &late);
    add_no(old, 2);
    add_no(old, 3); /* beyond the mark, by another way */
    must_not_have(old, &late);
    wrong = early;
    wrong.generation = 1000;
    must_not_have(store, &wrong);
    store_free(store);
    store_free(other);
    store_free(old);
}

static void a_new_database_has_no_mark(void **state)
{
    (void)state;
    struct place p = new_place();
    struct store_mark mark;
    struct err err;
    bool created;
    assert_ok(store_init(p.url, &created, &err), err);
    struct store *store = open_store(&p);
    assert_int_equal(store_mark(store, &mark, &err), RC_NOTFOUND);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_newest_first_and_filters),
        cmocka_unit_test(the_chain_of_a_known_row),
        cmocka_unit_test(finds_what_was_touched),
        cmocka_unit_test(a_cut_shows_in_the_head),
        cmocka_unit_test(goes_on_after_reopening),
        cmocka_unit_test(a_mark_is_of_one_history),
        cmocka_unit_test(a_new_database_has_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
