/* Banks and keys: made, changed, listed, refused. */
#include "tests/support/oom.h"
#include "tests/unit/db/store_fixture.h"

static void a_bank_comes_back_as_it_went(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct bank bank = {.name = "TERROR_CORE",
                        .description = (char *)"\"core\" \\ \xc3\xa9",
                        .owner = (char *)"o",
                        .sharing = (char *)"partners",
                        .action = ACTION_REVIEW,
                        .threshold = 20,
                        .bank_match_percent = 75,
                        .query_match_percent = 10,
                        .match_run = 0,
                        .labels = {.n = 2, .label = {(char *)"x", (char *)"y-z"}}};
    assert_ok(store_bank_create(store, &bank, &alice, &err), err);
    assert_int_equal(bank.number, 1);
    assert_int_equal(bank.generation, 2);
    assert_true(bank.created_ms > 1700000000000);

    struct bank got = {0};
    assert_ok(store_bank_get(store, "TERROR_CORE", &got, &err), err);
    assert_int_equal(got.number, 1);
    assert_string_equal(got.name, bank.name);
    assert_string_equal(got.description, bank.description);
    assert_string_equal(got.owner, "o");
    assert_string_equal(got.sharing, "partners");
    assert_int_equal(got.action, ACTION_REVIEW);
    assert_int_equal(got.threshold, 20);
    assert_int_equal(got.bank_match_percent, 75);
    assert_int_equal(got.query_match_percent, 10);
    assert_int_equal(got.match_run, 0);
    assert_int_equal(got.labels.n, 2);
    assert_string_equal(got.labels.label[1], "y-z");
    assert_int_equal(got.entries, 0);
    assert_int_equal(got.created_ms, bank.created_ms);
    assert_int_equal(got.generation, 2);
    bank_clear(&got);
    store_free(store);
    assert_whole(p.path);
}

static void refuses_bad_banks(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct bank twice = {.name = "A", CLIP_RULES}, lower = {.name = "a"},
                wide = {.name = "W", .threshold = 64},
                odd = {.name = "O", .action = (enum action)7},
                words = {
                    .name = "L", CLIP_RULES, .labels = {.n = 1, .label = {(char *)"two words"}}};
    assert_int_equal(store_bank_create(store, &twice, &alice, &err), RC_CONFLICT);
    assert_string_equal(err.msg, "bank \"A\" exists already");
    assert_string_equal(err.ref, "");
    assert_int_equal(store_bank_create(store, &lower, &alice, &err), RC_INPUT);
    assert_int_equal(store_bank_create(store, &wide, &alice, &err), RC_INPUT);
    assert_string_equal(err.msg, "threshold 64: must be 0 to 63");
    assert_int_equal(store_bank_create(store, &odd, &alice, &err), RC_INPUT);
    assert_int_equal(store_bank_create(store, &words, &alice, &err), RC_INPUT);
    assert_string_equal(err.msg, "label \"two words\": must be one word");

    struct bank got = {0};
    assert_int_equal(store_bank_get(store, "NONE", &got, &err), RC_NOTFOUND);
    assert_string_equal(err.msg, "no bank \"NONE\"");
    struct bank_patch patch = {.owner = "x"};
    assert_int_equal(store_bank_update(store, "NONE", &patch, &alice, &got, &err), RC_NOTFOUND);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM banks"), 1);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit"), 1);
    assert_whole(p.path);
}

static void refuses_bad_rules_for_clips(void **state)
{
    (void)state;
    static const struct {
        unsigned bank_percent, query_percent, run;
        const char *words;
    } cases[] = {
        {0, 0, 3, "bank_match_percent 0: must be 1 to 100"},
        {101, 0, 3, "bank_match_percent 101: must be 1 to 100"},
        {80, 101, 3, "query_match_percent 101: must be 0 to 100"},
        {80, 0, 1, "match_run 1: must be 2 to 100, or 0 for none"},
        {80, 0, 101, "match_run 101: must be 2 to 100, or 0 for none"},
    };
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bank bank = {.name = "CLIPS",
                            .bank_match_percent = cases[i].bank_percent,
                            .query_match_percent = cases[i].query_percent,
                            .match_run = cases[i].run},
                    got = {0};
        struct bank_patch patch = {.bank_match_percent = &cases[i].bank_percent,
                                   .query_match_percent = &cases[i].query_percent,
                                   .match_run = &cases[i].run};
        assert_int_equal(store_bank_create(store, &bank, &alice, &err), RC_INPUT);
        assert_string_equal(err.msg, cases[i].words);
        assert_int_equal(store_bank_update(store, "A", &patch, &alice, &got, &err), RC_INPUT);
        assert_string_equal(err.msg, cases[i].words);
    }
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit"), 1);
}

static void a_patch_changes_what_it_names(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct bank got = {0};
    enum action observe = ACTION_OBSERVE;
    unsigned threshold = 12, bank_percent = 90, query_percent = 5, run = 0;
    struct labels labels = {.n = 1, .label = {(char *)"new"}};
    struct bank_patch patch = {.action = &observe,
                               .threshold = &threshold,
                               .bank_match_percent = &bank_percent,
                               .query_match_percent = &query_percent,
                               .match_run = &run,
                               .labels = &labels,
                               .reason = "too many"};
    assert_ok(store_bank_update(store, "A", &patch, &alice, &got, &err), err);
    assert_int_equal(got.action, ACTION_OBSERVE);
    assert_int_equal(got.threshold, 12);
    assert_int_equal(got.bank_match_percent, 90);
    assert_int_equal(got.query_match_percent, 5);
    assert_int_equal(got.match_run, 0);
    assert_string_equal(got.labels.label[0], "new");
    assert_string_equal(got.description, "");
    assert_int_equal(got.generation, 2);
    bank_clear(&got);

    struct bank_patch same = {.action = &observe, .reason = "again"};
    assert_ok(store_bank_update(store, "A", &same, &alice, &got, &err), err);
    assert_int_equal(got.generation, 2);
    bank_clear(&got);
    store_free(store);
    assert_int_equal(
        raw_number(p.path,
                   "SELECT count(*) FROM audit WHERE action = 'bank.update' AND bank = 'A' AND"
                   " reason = 'too many' AND actor_name = 'alice' AND details ="
                   " '{\"action\":{\"old\":\"block\",\"new\":\"observe\"},"
                   "\"threshold\":{\"old\":31,\"new\":12},"
                   "\"bank_match_percent\":{\"old\":80,\"new\":90},"
                   "\"query_match_percent\":{\"old\":0,\"new\":5},"
                   "\"match_run\":{\"old\":3,\"new\":0},"
                   "\"labels\":{\"old\":[],\"new\":[\"new\"]}}'"),
        1);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit"), 2);
    assert_whole(p.path);
}

static void no_more_banks_than_the_index_takes(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    raw_exec(p.path,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4094)"
             " INSERT INTO banks (number, name, description, owner, sharing, action, threshold,"
             " labels, created_ms, updated_ms, generation)"
             " SELECT i, 'N' || i, '', '', '', 0, 0, '', 0, 0, 1 FROM n");
    struct bank last = {.name = "LAST", CLIP_RULES}, over = {.name = "OVER", CLIP_RULES};
    assert_ok(store_bank_create(store, &last, &alice, &err), err);
    assert_int_equal(last.number, INDEX_BANKS_MAX - 1);
    assert_int_equal(store_bank_create(store, &over, &alice, &err), RC_LIMIT);
    assert_string_equal(err.msg, "no more than 4096 banks");
    store_free(store);
}

struct names {
    int n;
    char text[64];
};

static bool note_bank(void *ctx, const struct bank *bank)
{
    struct names *names = ctx;
    strcat(names->text, bank->name);
    return ++names->n < 2;
}

static void lists_banks_until_told_to_stop(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct bank z = {.name = "Z", CLIP_RULES}, c = {.name = "C", CLIP_RULES};
    struct names names = {0};
    assert_ok(store_bank_create(store, &z, &alice, &err), err);
    assert_ok(store_bank_create(store, &c, &alice, &err), err);
    assert_ok(store_bank_list(store, note_bank, &names, &err), err);
    assert_string_equal(names.text, "AZ");
    store_free(store);
}

static void update_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    for (unsigned nth = 1;; nth++) {
        struct bank got = {0};
        struct err err;
        char owner[16];
        snprintf(owner, sizeof owner, "o%u", nth);
        struct bank_patch patch = {.owner = owner};
        oom_arm(nth);
        enum rc rc = store_bank_update(store, "A", &patch, &alice, &got, &err);
        bool failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        if (!failed) {
            assert_string_equal(got.owner, owner);
            bank_clear(&got);
            assert_true(nth > 5);
            break;
        }
    }
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit"), 2);
    assert_whole(p.path);
}

/* --- keys --- */

static bool copy_key(void *ctx, const struct key *key)
{
    struct key *out = ctx;
    if (strcmp(key->name, "probe") != 0)
        return true;
    key_clear(out); /* the last of that name counts */
    *out = *key;
    out->name = strdup(key->name);
    out->created_by = strdup(key->created_by);
    out->banks = NULL;
    if (key->banks != NULL) {
        out->banks = calloc(3, sizeof *out->banks);
        for (size_t i = 0; key->banks[i] != NULL && i < 2; i++)
            out->banks[i] = strdup(key->banks[i]);
    }
    return true;
}

static void a_key_comes_back_and_is_revoked_once(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    char *banks[] = {(char *)"A", NULL};
    struct key key = {.name = (char *)"probe",
                      .scopes = SCOPE_CHECK | SCOPE_DETAIL,
                      .token_sha256 = {1, 2, 3},
                      .banks = banks,
                      .rate = 2.5,
                      .expires_ms = 77};
    assert_ok(store_key_create(store, &key, &alice, &err), err);
    assert_int_equal(strlen(key.id), 26);
    assert_string_equal(key.created_by, "alice");

    struct key got = {0};
    assert_ok(store_key_list(store, copy_key, &got, &err), err);
    assert_string_equal(got.id, key.id);
    assert_int_equal(got.scopes, key.scopes);
    assert_memory_equal(got.token_sha256, key.token_sha256, 32);
    assert_string_equal(got.banks[0], "A");
    assert_null(got.banks[1]);
    assert_true(got.rate == 2.5 && got.burst == 0);
    assert_int_equal(got.expires_ms, 77);
    assert_int_equal(got.revoked_ms, 0);
    key_clear(&got);

    assert_ok(store_key_revoke(store, key.id, &alice, &err), err);
    assert_ok(store_key_revoke(store, key.id, &alice, &err), err);
    assert_int_equal(store_key_revoke(store, "01NOBODY", &alice, &err), RC_NOTFOUND);
    assert_string_equal(err.msg, "no key 01NOBODY");
    got = (struct key){0};
    assert_ok(store_key_list(store, copy_key, &got, &err), err);
    assert_true(got.revoked_ms > 0);
    key_clear(&got);
    free(key.created_by);
    store_free(store);
    assert_int_equal(raw_number(p.path, "SELECT count(*) FROM audit WHERE action = 'key.revoke'"),
                     1);
    assert_int_equal(
        raw_number(p.path, "SELECT count(*) FROM audit WHERE action = 'key.create' AND details ="
                           " '{\"name\":\"probe\",\"scopes\":[\"check\",\"detail\"],"
                           "\"banks\":[\"A\"],\"rate\":2.5,\"burst\":0,\"expires_ms\":77}'"),
        1);
    assert_whole(p.path);
}

static void a_key_sees_every_bank_or_those_named(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    char *unknown[] = {(char *)"A", (char *)"NONE", NULL};
    char *none[] = {NULL};
    struct key key = {.name = (char *)"probe", .scopes = SCOPE_CHECK, .banks = unknown};
    assert_int_equal(store_key_create(store, &key, &alice, &err), RC_NOTFOUND);
    assert_string_equal(err.msg, "no bank \"NONE\"");
    struct key got = {0};
    assert_ok(store_key_list(store, copy_key, &got, &err), err);
    assert_null(got.name);

    key.banks = none;
    assert_ok(store_key_create(store, &key, &alice, &err), err);
    assert_ok(store_key_list(store, copy_key, &got, &err), err);
    assert_non_null(got.banks);
    assert_null(got.banks[0]);
    key_clear(&got);

    key.banks = NULL;
    assert_int_equal(store_key_create(store, &key, &alice, &err), RC_CONFLICT); /* same token */
    key.token_sha256[0] = 9;
    assert_ok(store_key_create(store, &key, &alice, &err), err);
    assert_ok(store_key_list(store, copy_key, &got, &err), err);
    assert_null(got.banks);
    key_clear(&got);
    free(key.created_by);

    struct key nameless = {.name = (char *)"", .scopes = 1}, useless = {.name = (char *)"x"};
    assert_int_equal(store_key_create(store, &nameless, &alice, &err), RC_INPUT);
    assert_int_equal(store_key_create(store, &useless, &alice, &err), RC_INPUT);
    assert_string_equal(err.msg, "key: at least one scope is required");
    store_free(store);
    assert_whole(p.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bank_comes_back_as_it_went),
        cmocka_unit_test(refuses_bad_banks),
        cmocka_unit_test(refuses_bad_rules_for_clips),
        cmocka_unit_test(a_patch_changes_what_it_names),
        cmocka_unit_test(no_more_banks_than_the_index_takes),
        cmocka_unit_test(lists_banks_until_told_to_stop),
        cmocka_unit_test(update_survives_every_failed_allocation),
        cmocka_unit_test(a_key_comes_back_and_is_revoked_once),
        cmocka_unit_test(a_key_sees_every_bank_or_those_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
