/* Import in batches, and export of what is active. */
#include <pthread.h>
#include <stdatomic.h>

#include "db/store_sqlite.h"
#include "tests/unit/db/store_fixture.h"

enum { LINES = 5000 };

static struct import_line *lines_of(size_t n)
{
    struct import_line *lines = calloc(n, sizeof *lines);
    assert_non_null(lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = (struct import_line){.signal = signal_no(i % 2 ? SIGNAL_PDQ : SIGNAL_MD5, i),
                                        .labels = "x y",
                                        .source = "list"};
    return lines;
}

static struct import_result import(struct store *store, const struct import_line *lines, size_t n)
{
    struct import_result r = {0};
    struct err err;
    assert_ok(store_import(store, "A", "01IMPORT", "shared list", lines, n, &alice, &r, &err), err);
    assert_int_equal(r.added + r.duplicates, n);
    return r;
}

static void counts_what_it_adds_and_what_was_there(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct import_line *lines = lines_of(LINES);
    add_no(store, 7); /* line 7 is in the bank already */
    lines[4000].signal = lines[10].signal;
    lines[11].signal = lines[10].signal;

    struct import_result r = import(store, lines, LINES);
    assert_int_equal(r.added, LINES - 3);
    assert_int_equal(r.generation, 2 + 3); /* three batches */
    struct import_result again = import(store, lines, LINES);
    assert_int_equal(again.added, 0);
    assert_int_equal(again.generation, r.generation);
    struct import_result none = import(store, lines, 0);
    assert_int_equal(none.generation, r.generation);
    free(lines);

    struct bank bank = {0};
    struct err err;
    assert_ok(store_bank_get(store, "A", &bank, &err), err);
    assert_int_equal(bank.entries, LINES - 2);
    bank_clear(&bank);
    assert_chain_holds(store);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM entries WHERE import_id = '01IMPORT'"
                                        " AND reason = 'shared list' AND source = 'list' AND"
                                        " labels = 'x y' AND created_by = 'alice'"),
                     LINES - 3);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit WHERE action = 'import'"), 6);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit WHERE target = '01IMPORT' AND"
                                        " details = '{\"import\":\"01IMPORT\",\"first_line\":2001,"
                                        "\"last_line\":4000,\"added\":2000,\"duplicates\":0}'"),
                     1);
    assert_whole(p.path);
}

static void refuses_before_anything_is_written(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct import_result r;
    struct store *store = new_store(&p);
    struct import_line *lines = lines_of(LINES);
    assert_int_equal(store_import(store, "NONE", "i", "r", lines, LINES, &alice, &r, &err),
                     RC_NOTFOUND);
    assert_int_equal(store_import(store, "NONE", "i", "r", lines, 0, &alice, &r, &err),
                     RC_NOTFOUND);
    lines[4321].labels = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27"
                         " 28 29 30 31 32 33";
    assert_int_equal(store_import(store, "A", "i", "r", lines, LINES, &alice, &r, &err), RC_INPUT);
    assert_string_equal(err.msg, "line 4322: more than 32 labels");
    lines[100].signal.type = (enum signal_type)4;
    assert_int_equal(store_import(store, "A", "i", "r", lines, LINES, &alice, &r, &err), RC_INPUT);
    assert_string_equal(err.msg, "line 101: unknown type of signal");
    free(lines);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM entries"), 0);
    assert_whole(p.path);
}

struct exported {
    size_t n, stop;
    struct ulid revoked;
    uint8_t seen[LINES];
};

static bool note_line(void *ctx, const struct export_line *line)
{
    struct exported *out = ctx;
    uint64_t number;
    memcpy(&number, line->signal->value, sizeof number);
    assert_true(number < LINES);
    assert_int_equal(out->seen[number]++, 0);
    assert_int_equal(line->signal->type, number % 2 ? SIGNAL_PDQ : SIGNAL_MD5);
    assert_string_equal(line->labels, "x y");
    assert_string_equal(line->reason, "shared list");
    assert_string_equal(line->source, "list");
    assert_memory_not_equal(line->entry, &out->revoked, sizeof out->revoked);
    return ++out->n != out->stop;
}

static bool first_id(void *ctx, const struct entry *entry)
{
    *(struct ulid *)ctx = entry->id;
    return false;
}

static void exports_what_is_active(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct import_line *lines = lines_of(LINES);
    struct exported *out = calloc(1, sizeof *out);
    import(store, lines, LINES);
    free(lines);

    struct entry_filter first = {.bank = "A", .limit = 1};
    assert_ok(store_entry_list(store, &first, first_id, &out->revoked, &err), err);
    set_state(store, &out->revoked, ENTRY_REVOKED);
    assert_ok(store_export(store, "A", &alice, note_line, out, &err), err);
    assert_int_equal(out->n, LINES - 1);

    *out = (struct exported){.stop = 3};
    assert_ok(store_export(store, "A", &alice, note_line, out, &err), err);
    assert_int_equal(out->n, 3);
    assert_int_equal(store_export(store, "NONE", &alice, note_line, out, &err), RC_NOTFOUND);
    free(out);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit WHERE action = 'export' AND"
                                        " bank = 'A' AND details = '{\"entries\":4999}'"),
                     2);
    assert_whole(p.path);
}

struct importer {
    struct store *store;
    const struct import_line *lines;
    atomic_bool done;
};

static void *importer_run(void *arg)
{
    struct importer *in = arg;
    struct import_result r;
    struct err err;
    if (store_import(in->store, "A", "i", "r", in->lines, 6 * LINES, &alice, &r, &err) != RC_OK)
        abort();
    atomic_store(&in->done, true);
    return NULL;
}

static void other_writers_get_their_turn(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct import_line *lines = lines_of(6 * LINES);
    struct importer in = {.store = store, .lines = lines};
    pthread_t thread;
    pthread_create(&thread, NULL, importer_run, &in);
    unsigned added = 0;
    while (!atomic_load(&in.done))
        add_no(store, 1000000 + added++);
    pthread_join(thread, NULL);
    /* 15 batches: one writer that adds all the while gets in between most of them. */
    assert_true(added >= 5);
    free(lines);
    store_free(store);
    assert_whole(p.path);
}

/* The pages that it wrote are of no use to anyone afterwards. */
static void an_import_gives_its_cache_back(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct import_result r;
    int64_t before = 0, after = 1;
    struct store *store = new_store(&p);
    sqlite3 *db = sqlite_of(store)->writer->db;
    struct import_line *lines = lines_of(LINES);
    assert_ok(db_number(db, "PRAGMA cache_size", &before, &err), err);
    assert_true(before < 0 && before >= -8192); /* KiB */
    for (int known = 0; known < 2; known++) {
        const char *bank = known ? "A" : "UNKNOWN";
        enum rc rc = store_import(store, bank, "i", "r", lines, LINES, &alice, &r, &err);
        assert_int_equal(rc, known ? RC_OK : RC_NOTFOUND);
        assert_ok(db_number(db, "PRAGMA cache_size", &after, &err), err);
        assert_int_equal(after, before);
    }
    free(lines);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_gives_its_cache_back),
        cmocka_unit_test(counts_what_it_adds_and_what_was_there),
        cmocka_unit_test(refuses_before_anything_is_written),
        cmocka_unit_test(exports_what_is_active),
        cmocka_unit_test(other_writers_get_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
