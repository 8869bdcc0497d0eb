/* Entries and decisions: added, read, changed, listed, refused; by several threads at once. */
#include <pthread.h>

#include "tests/support/oom.h"
#include "tests/unit/db/store_fixture.h"

static void an_entry_comes_back_as_it_went(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct signal signals[] = {signal_no(SIGNAL_PDQ, 1), signal_no(SIGNAL_SHA256, 2),
                               signal_no(SIGNAL_SHA1, 3), signal_no(SIGNAL_MD5, 4)};
    signals[0].ms = 1500;
    struct labels labels = {.n = 2, .label = {(char *)"b", (char *)"a"}};
    struct entry_new e = entry_of(signals, 4);
    e.reason = "'; DROP TABLE entries; --\xe2\x80\xae";
    e.case_ref = "C-1";
    e.source = "\"desk\"";
    e.media_type = "image/jpeg";
    e.labels = &labels;
    struct ulid id;
    uint64_t generation = 0;
    assert_ok(store_entry_add(store, &e, &alice, &id, &generation, &err), err);
    assert_int_equal(generation, 2);

    struct entry got = {0};
    assert_ok(store_entry_get(store, &id, &got, &err), err);
    assert_memory_equal(&got.id, &id, sizeof id);
    assert_int_equal(got.number, 1);
    assert_string_equal(got.bank_name, "A");
    assert_int_equal(got.state, ENTRY_ACTIVE);
    assert_string_equal(got.reason, e.reason);
    assert_string_equal(got.case_ref, "C-1");
    assert_string_equal(got.source, e.source);
    assert_string_equal(got.media_type, "image/jpeg");
    assert_string_equal(got.import_id, "");
    assert_string_equal(got.created_by, "alice");
    assert_int_equal(got.labels.n, 2);
    assert_string_equal(got.labels.label[0], "b");
    assert_int_equal(got.generation, 2);
    assert_int_equal(got.n_signals, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(got.signals[i].type, signals[i].type);
        assert_memory_equal(got.signals[i].value, signals[i].value, 32);
        assert_int_equal(got.signals[i].quality, signals[i].quality);
        assert_int_equal(got.signals[i].ms, signals[i].ms);
    }
    entry_clear(&got);

    struct ulid ids[2] = {id, {.b = {1}}};
    struct labels found[2];
    assert_ok(store_entry_labels(store, ids, 2, found, &err), err);
    assert_int_equal(found[0].n, 2);
    assert_string_equal(found[0].label[1], "a");
    assert_int_equal(found[1].n, 0);
    labels_clear(&found[0]);
    store_free(store);
    assert_whole(p.path);
}

static void refuses_bad_entries(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct ulid id;
    uint64_t generation;
    struct store *store = new_store(&p);
    struct signal s = signal_no(SIGNAL_PDQ, 1), odd = {.type = (enum signal_type)9};
    struct entry_new e = entry_of(&s, 1), unknown = e, silent = e, empty = entry_of(&s, 0),
                     strange = entry_of(&odd, 1);
    unknown.bank = "NONE";
    silent.reason = "";
    assert_int_equal(store_entry_add(store, &unknown, &alice, &id, &generation, &err), RC_NOTFOUND);
    assert_string_equal(err.msg, "no bank \"NONE\"");
    assert_int_equal(store_entry_add(store, &silent, &alice, &id, &generation, &err), RC_INPUT);
    assert_string_equal(err.msg, "reason: required");
    assert_int_equal(store_entry_add(store, &empty, &alice, &id, &generation, &err), RC_INPUT);
    assert_int_equal(store_entry_add(store, &strange, &alice, &id, &generation, &err), RC_INPUT);

    struct entry got = {0};
    struct ulid nobody = {.b = {7}};
    enum entry_state revoked = ENTRY_REVOKED;
    struct entry_patch patch = {.state = &revoked, .reason = "x"}, mute = {.state = &revoked};
    assert_int_equal(store_entry_get(store, &nobody, &got, &err), RC_NOTFOUND);
    assert_int_equal(store_entry_update(store, &nobody, &patch, &alice, &got, &err), RC_NOTFOUND);
    assert_non_null(strstr(err.msg, "no entry "));
    assert_int_equal(store_entry_update(store, &nobody, &mute, &alice, &got, &err), RC_INPUT);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit"), 1);
    assert_whole(p.path);
}

static void the_same_signals_are_a_conflict(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    uint64_t generation;
    struct store *store = new_store(&p);
    struct signal two[] = {signal_no(SIGNAL_PDQ, 1), signal_no(SIGNAL_PDQ, 2)};
    struct ulid first = add_no(store, 1), id;
    struct entry_new e = entry_of(two, 1);
    char text[ULID_SIZE];
    ulid_text(&first, text);

    assert_int_equal(store_entry_add(store, &e, &alice, &id, &generation, &err), RC_CONFLICT);
    assert_string_equal(err.ref, text);
    set_state(store, &first, ENTRY_REVOKED);
    assert_int_equal(store_entry_add(store, &e, &alice, &id, &generation, &err), RC_CONFLICT);
    assert_string_equal(err.ref, text);

    e.n_signals = 2; /* one is new */
    assert_ok(store_entry_add(store, &e, &alice, &id, &generation, &err), err);
    assert_int_equal(store_entry_add(store, &e, &alice, &id, &generation, &err), RC_CONFLICT);

    struct bank other = {.name = "B", .action = ACTION_BLOCK, CLIP_RULES};
    assert_ok(store_bank_create(store, &other, &alice, &err), err);
    e.bank = "B"; /* another bank knows nothing of them */
    assert_ok(store_entry_add(store, &e, &alice, &id, &generation, &err), err);
    store_free(store);
    assert_whole(p.path);
}

static void a_patch_changes_what_it_names(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct ulid id = add_no(store, 1);
    struct labels labels = {.n = 1, .label = {(char *)"new"}};
    struct entry_patch patch = {.labels = &labels, .case_ref = "C-2", .reason = "why"};
    struct entry got = {0};
    assert_ok(store_entry_update(store, &id, &patch, &alice, &got, &err), err);
    assert_string_equal(got.labels.label[0], "new");
    assert_string_equal(got.case_ref, "C-2");
    assert_string_equal(got.reason, "seen");
    assert_int_equal(got.n_signals, 1);
    assert_int_equal(got.generation, 3);
    entry_clear(&got);
    set_state(store, &id, ENTRY_REVOKED);
    set_state(store, &id, ENTRY_ACTIVE);

    struct bank bank = {0};
    assert_ok(store_bank_get(store, "A", &bank, &err), err);
    assert_int_equal(bank.entries, 1);
    bank_clear(&bank);
    store_free(store);
    static const char *const actions[] = {"entry.update", "entry.revoke", "entry.restore"};
    for (size_t i = 0; i < 3; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM audit WHERE action = '%s'", actions[i]);
        assert_int_equal(raw_number(p.path, sql), 1);
    }
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit WHERE details ="
                                        " '{\"case\":{\"old\":\"\",\"new\":\"C-2\"},"
                                        "\"labels\":{\"old\":[],\"new\":[\"new\"]}}'"),
                     1);
    assert_whole(p.path);
}

struct page {
    size_t n;
    struct ulid id[64];
};

static bool note_entry(void *ctx, const struct entry *entry)
{
    struct page *page = ctx;
    assert_true(entry->n_signals >= 1);
    page->id[page->n++] = entry->id;
    return page->n < 64;
}

static size_t list(struct store *store, const struct entry_filter *filter, struct page *page)
{
    struct err err;
    page->n = 0;
    assert_ok(store_entry_list(store, filter, note_entry, page, &err), err);
    for (size_t i = 1; i < page->n; i++)
        assert_true(memcmp(page->id[i - 1].b, page->id[i].b, 16) < 0);
    return page->n;
}

static void lists_by_state_label_signal_and_page(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct ulid id[10];
    struct page page;
    for (unsigned i = 0; i < 10; i++)
        id[i] = add_no(store, i);
    set_state(store, &id[3], ENTRY_REVOKED);
    struct labels labels = {.n = 2, .label = {(char *)"ab", (char *)"c%"}};
    struct entry_patch patch = {.labels = &labels, .reason = "r"};
    struct entry got = {0};
    assert_ok(store_entry_update(store, &id[5], &patch, &alice, &got, &err), err);
    entry_clear(&got);

    enum entry_state active = ENTRY_ACTIVE, revoked = ENTRY_REVOKED;
    struct signal s7 = signal_no(SIGNAL_PDQ, 7), none = signal_no(SIGNAL_MD5, 7);
    assert_int_equal(list(store, &(struct entry_filter){.bank = "A", .limit = 50}, &page), 10);
    assert_memory_equal(page.id, id, sizeof id);
    struct entry_filter f = {.bank = "A", .limit = 4, .after = &id[4]};
    assert_int_equal(list(store, &f, &page), 4);
    assert_memory_equal(&page.id[0], &id[5], sizeof id[5]);
    f = (struct entry_filter){.bank = "A", .limit = 50, .state = &active};
    assert_int_equal(list(store, &f, &page), 9);
    f.state = &revoked;
    assert_int_equal(list(store, &f, &page), 1);
    assert_memory_equal(&page.id[0], &id[3], sizeof id[3]);
    f = (struct entry_filter){.bank = "A", .limit = 50, .label = "ab"};
    assert_int_equal(list(store, &f, &page), 1);
    f.label = "a"; /* no part of a label, no pattern */
    assert_int_equal(list(store, &f, &page), 0);
    f.label = "%";
    assert_int_equal(list(store, &f, &page), 0);
    f = (struct entry_filter){.bank = "A", .limit = 50, .signal = &s7};
    assert_int_equal(list(store, &f, &page), 1);
    assert_memory_equal(&page.id[0], &id[7], sizeof id[7]);
    f.after = &id[7];
    assert_int_equal(list(store, &f, &page), 0);
    f = (struct entry_filter){.bank = "A", .limit = 50, .signal = &none};
    assert_int_equal(list(store, &f, &page), 0);
    f.bank = "NONE";
    assert_int_equal(store_entry_list(store, &f, note_entry, &page, &err), RC_NOTFOUND);
    store_free(store);
}

static void add_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    for (unsigned nth = 1;; nth++) {
        struct signal s = signal_no(SIGNAL_PDQ, nth);
        struct labels labels = {.n = 1, .label = {(char *)"x"}};
        struct entry_new e = entry_of(&s, 1);
        struct ulid id;
        uint64_t generation;
        struct err err;
        e.labels = &labels;
        oom_arm(nth);
        enum rc rc = store_entry_add(store, &e, &alice, &id, &generation, &err);
        bool failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        if (!failed) {
            assert_true(nth > 2);
            break;
        }
    }
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM entries"), 1);
    assert_whole(p.path);
}

static void update_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct ulid id = add_no(store, 1);
    for (unsigned nth = 1;; nth++) {
        enum entry_state revoked = ENTRY_REVOKED;
        struct labels labels = {.n = 1, .label = {(char *)"x"}}, found;
        struct entry_patch patch = {.state = &revoked, .labels = &labels, .reason = "r"};
        struct entry got = {0};
        struct err err;
        oom_arm(nth);
        enum rc rc = store_entry_update(store, &id, &patch, &alice, &got, &err);
        if (rc == RC_OK)
            rc = store_entry_labels(store, &id, 1, &found, &err);
        bool failed = oom_disarm();
        entry_clear(&got);
        if (!failed) {
            assert_int_equal(rc, RC_OK);
            labels_clear(&found);
            assert_true(nth > 10);
            break;
        }
        assert_int_equal(rc, RC_NOMEM);
        set_state(store, &id, ENTRY_ACTIVE);
    }
    store_free(store);
    assert_whole(p.path);
}

enum { THREADS = 4, EACH = 50 };
struct adder {
    struct store *store;
    unsigned first;
    uint64_t generation[EACH];
    unsigned conflicts;
};

/* Odd numbers are everyone's: exactly one thread may add each. */
static void *adder_run(void *arg)
{
    struct adder *a = arg;
    for (unsigned i = 0; i < EACH; i++) {
        struct signal s = signal_no(SIGNAL_PDQ, i % 2 ? i : a->first + i);
        struct entry_new e = entry_of(&s, 1);
        struct ulid id;
        struct err err;
        enum rc rc = store_entry_add(a->store, &e, &alice, &id, &a->generation[i], &err);
        struct entry got = {0};
        if (rc == RC_CONFLICT)
            a->conflicts++;
        else if (rc != RC_OK || store_entry_get(a->store, &id, &got, &err) != RC_OK)
            abort();
        entry_clear(&got);
    }
    return NULL;
}

static void threads_add_without_losing_or_doubling(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    pthread_t threads[THREADS];
    struct adder adders[THREADS] = {0};
    unsigned conflicts = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        adders[t] = (struct adder){.store = store, .first = 1000 * (t + 1)};
        pthread_create(&threads[t], NULL, adder_run, &adders[t]);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        conflicts += adders[t].conflicts;
        uint64_t last = 0;
        for (unsigned i = 0; i < EACH; i++)
            if (adders[t].generation[i] != 0) {
                assert_true(adders[t].generation[i] > last);
                last = adders[t].generation[i];
            }
    }
    assert_int_equal(conflicts, EACH / 2 * (THREADS - 1));
    assert_chain_holds(store);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM entries"),
                     THREADS * EACH - conflicts);
    assert_int_equal(raw_number(p.path, "SELECT max(number) - count(*) FROM entries"), 0);
    assert_whole(p.path);
}

static void a_decision_is_kept_with_its_matches(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct decision_match m[2] = {{.entry = {.b = {5}},
                                   .action = ACTION_BLOCK,
                                   .distance = 4,
                                   .threshold = 31,
                                   .orientation = ORIENT_ROT90,
                                   .ms = -1,
                                   .entry_ms = 40},
                                  {.bank = 3, .type = SIGNAL_MD5, .ms = -1, .entry_ms = -1}};
    struct decision d = {.check_id = ulid_new(),
                         .at_ms = 123,
                         .key_id = "k",
                         .ref = "post-1",
                         .verdict = VERDICT_BLOCK,
                         .generation = 9,
                         .n_matches = 2,
                         .matches = m};
    assert_ok(store_decision_add(store, &d, &err), err);
    assert_int_equal(store_decision_add(store, &d, &err), RC_CONFLICT);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM decisions WHERE at_ms = 123 AND"
                                        " key_id = 'k' AND ref = 'post-1' AND verdict = 2 AND"
                                        " generation = 9"),
                     1);
    assert_int_equal(
        raw_number(p.path, "SELECT count(*) FROM decision_matches WHERE action = 2 AND"
                           " distance = 4 AND threshold = 31 AND orientation = 1 AND entry_ms = 40"
                           " AND entry = x'05000000000000000000000000000000'"),
        1);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM decision_matches"), 2);
    assert_whole(p.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_comes_back_as_it_went),
        cmocka_unit_test(refuses_bad_entries),
        cmocka_unit_test(the_same_signals_are_a_conflict),
        cmocka_unit_test(a_patch_changes_what_it_names),
        cmocka_unit_test(lists_by_state_label_signal_and_page),
        cmocka_unit_test(add_survives_every_failed_allocation),
        cmocka_unit_test(update_survives_every_failed_allocation),
        cmocka_unit_test(threads_add_without_losing_or_doubling),
        cmocka_unit_test(a_decision_is_kept_with_its_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
