/* Does a key open what it is for, for as long and as often as it may, and nothing else? */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/clock.h"
#include "service/auth.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

/* --- tokens --- */

static void tokens_are_random_and_of_one_form(void **state)
{
    (void)state;
    char a[TOKEN_SIZE], b[TOKEN_SIZE];
    uint8_t sha_a[32], sha_b[32];
    for (int i = 0; i < 200; i++) {
        token_new(a, sha_a);
        token_new(b, sha_b);
        assert_int_equal(strlen(a), TOKEN_SIZE - 1);
        assert_memory_equal(a, "hgk_", 4);
        assert_int_equal(strspn(a + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_"),
                         43);
        assert_string_not_equal(a, b);
        assert_memory_not_equal(sha_a, sha_b, 32);
    }
}

/* --- the keyring over a real store --- */

struct fixture {
    struct store *store;
    struct keyring *ring;
    struct blocklist *list;
};

static const struct actor actor = {.key_id = "", .name = "test", .request_id = "t"};

static int set_up(void **state)
{
    static int number;
    static struct fixture f;
    char url[300];
    bool created;
    struct err err = {0};
    f = (struct fixture){0};
    snprintf(url, sizeof url, "sqlite:%s/%d.db", tmpdir(), number++);
    if (store_init(url, &created, &err) != RC_OK || store_open(url, &f.store, &err) != RC_OK ||
        keyring_new(0, 0, &f.ring, &err) != RC_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return -1;
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    blocklist_free(f->list);
    keyring_free(f->ring);
    store_free(f->store);
    return 0;
}

/* Puts a key into the store; the token comes back. */
static void make_key(struct fixture *f, struct key *key, char token[TOKEN_SIZE])
{
    struct err err = {0};
    char name[] = "platform";
    key->name = key->name != NULL ? key->name : name;
    token_new(token, key->token_sha256);
    if (store_key_create(f->store, key, &actor, &err) != RC_OK)
        fail_msg("%s", err.msg);
    free(key->created_by); /* all that the store made; the rest is the test's */
    key->created_by = NULL;
    if (keyring_load(f->ring, f->store, &err) != RC_OK)
        fail_msg("%s", err.msg);
}

static void assert_unknown(struct fixture *f, const char *token)
{
    struct caller caller;
    struct err err = {0};
    assert_int_equal(keyring_find(f->ring, token, &caller, &err), RC_AUTH);
    assert_string_equal(err.msg, "unknown API key");
}

static void finds_a_key(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE];
    struct key key = {.scopes = SCOPE_MODERATE};
    struct caller caller;
    struct err err = {0};
    make_key(f, &key, token);
    assert_int_equal(keyring_find(f->ring, token, &caller, &err), RC_OK);
    assert_string_equal(caller.id, key.id);
    assert_string_equal(caller.name, "platform");
    assert_int_equal(caller.scopes, SCOPE_CHECK | SCOPE_MATCH | SCOPE_DETAIL | SCOPE_MODERATE);
    assert_true(caller.sees_all);
}

static void refuses_every_other_token(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE], other[TOKEN_SIZE + 8];
    struct key key = {.scopes = SCOPE_CHECK};
    assert_unknown(f, "");
    make_key(f, &key, token);
    assert_unknown(f, "");
    assert_unknown(f, "hgk_");
    for (size_t i = 0; i < TOKEN_SIZE - 1; i++) {
        strcpy(other, token);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_unknown(f, other);
        other[i] = '\0';
        assert_unknown(f, other);
    }
    snprintf(other, sizeof other, "%s ", token);
    assert_unknown(f, other);
}

static void forgets_revoked_and_expired_keys(void **state)
{
    struct fixture *f = *state;
    char revoked[TOKEN_SIZE], expired[TOKEN_SIZE], valid[TOKEN_SIZE];
    struct key a = {.scopes = SCOPE_CHECK};
    struct key b = {.scopes = SCOPE_CHECK, .expires_ms = clock_wall_ms() - 1};
    struct key c = {.scopes = SCOPE_CHECK, .expires_ms = clock_wall_ms() + 3600000};
    struct caller caller;
    struct err err = {0};
    make_key(f, &a, revoked);
    make_key(f, &b, expired);
    make_key(f, &c, valid);
    assert_int_equal(keyring_find(f->ring, revoked, &caller, &err), RC_OK);
    assert_int_equal(store_key_revoke(f->store, a.id, &actor, &err), RC_OK);
    assert_int_equal(keyring_load(f->ring, f->store, &err), RC_OK);
    assert_unknown(f, revoked);
    assert_unknown(f, expired);
    assert_int_equal(keyring_find(f->ring, valid, &caller, &err), RC_OK);
    /* A request that had found it before. */
    assert_int_equal(keyring_spend(f->ring, a.id, 1, &err), RC_AUTH);
    assert_string_equal(err.msg, "unknown API key");
}

static void keeps_budgets_over_a_reload(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE];
    struct key slow = {.scopes = SCOPE_CHECK, .rate = 0.001, .burst = 2};
    struct key free_key = {.scopes = SCOPE_CHECK};
    struct err err = {0};
    make_key(f, &slow, token);
    make_key(f, &free_key, token);
    assert_int_equal(keyring_spend(f->ring, slow.id, 1, &err), RC_OK);
    assert_int_equal(keyring_spend(f->ring, slow.id, 1, &err), RC_OK);
    assert_int_equal(keyring_spend(f->ring, slow.id, 1, &err), RC_RATE);
    assert_true(err.retry > 900 && err.retry <= 1000);
    assert_int_equal(keyring_load(f->ring, f->store, &err), RC_OK);
    assert_int_equal(keyring_spend(f->ring, slow.id, 1, &err), RC_RATE);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(keyring_spend(f->ring, free_key.id, 100, &err), RC_OK);
    assert_int_equal(keyring_spend(f->ring, "", 1e9, &err), RC_OK);
}

static void uses_the_configured_rate(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE];
    struct key plain = {.scopes = SCOPE_CHECK}, own = {.scopes = SCOPE_CHECK, .rate = 1e9};
    struct err err = {0};
    keyring_free(f->ring);
    f->ring = NULL;
    assert_int_equal(keyring_new(0.001, 0, &f->ring, &err), RC_OK);
    make_key(f, &plain, token);
    make_key(f, &own, token);
    assert_int_equal(keyring_spend(f->ring, plain.id, 1, &err), RC_OK); /* a burst of one */
    assert_int_equal(keyring_spend(f->ring, plain.id, 1, &err), RC_RATE);
    for (int i = 0; i < 100; i++)
        assert_int_equal(keyring_spend(f->ring, own.id, 1, &err), RC_OK);
}

static void make_bank(struct fixture *f, const char *name)
{
    char empty[] = "";
    struct bank bank = {.description = empty,
                        .owner = empty,
                        .sharing = empty,
                        .threshold = 31,
                        .bank_match_percent = BANK_MATCH_PERCENT};
    struct err err = {0};
    strcpy(bank.name, name);
    if (store_bank_create(f->store, &bank, &actor, &err) != RC_OK)
        fail_msg("%s", err.msg);
}

static struct bank_set banks_of(struct fixture *f, const struct caller *caller, const char *names,
                                const char *words)
{
    struct bank_set set = {0};
    struct err err = {0};
    enum rc rc = caller_banks(caller, f->list, names, &set, &err);
    assert_int_equal(rc, words == NULL ? RC_OK : RC_INPUT);
    assert_string_equal(err.msg, words == NULL ? "" : words);
    return set;
}

static void shows_only_the_banks_of_the_key(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE], a[] = "A", c[] = "C";
    char *banks[] = {a, c, NULL};
    struct key key = {.scopes = SCOPE_CHECK, .banks = banks};
    struct caller caller, all = caller_admin();
    struct err err = {0};
    make_bank(f, "A");
    make_bank(f, "B");
    make_bank(f, "C");
    assert_int_equal(blocklist_load(f->store, &f->list, &err), RC_OK);
    make_key(f, &key, token);
    assert_int_equal(keyring_find(f->ring, token, &caller, &err), RC_OK);
    assert_true(!caller.sees_all && caller.n_banks == 2);
    uint32_t na = (uint32_t)blocklist_bank_number(f->list, "A");
    uint32_t nb = (uint32_t)blocklist_bank_number(f->list, "B");
    uint32_t nc = (uint32_t)blocklist_bank_number(f->list, "C");

    struct bank_set set = banks_of(f, &caller, NULL, NULL);
    assert_true(bank_set_has(&set, na) && !bank_set_has(&set, nb) && bank_set_has(&set, nc));
    set = banks_of(f, &caller, "C", NULL);
    assert_true(!bank_set_has(&set, na) && !bank_set_has(&set, nb) && bank_set_has(&set, nc));
    set = banks_of(f, &all, NULL, NULL);
    assert_true(bank_set_has(&set, na) && bank_set_has(&set, nb) && bank_set_has(&set, nc));
    set = banks_of(f, &all, "B,A", NULL);
    assert_true(bank_set_has(&set, na) && bank_set_has(&set, nb) && !bank_set_has(&set, nc));

    banks_of(f, &caller, "A,B", "unknown bank 'B'");
    banks_of(f, &caller, "A,D", "unknown bank 'D'");
    banks_of(f, &all, "D", "unknown bank 'D'");
    banks_of(f, &all, "", "unknown bank ''");
    banks_of(f, &all, "A,", "unknown bank ''");
    banks_of(f, &all, ",A", "unknown bank ''");
    banks_of(f, &all, "a", "unknown bank 'a'");
    banks_of(f, &all, "A B", "unknown bank 'A B'");
}

/* A key that is bound to a bank which is not there must not check against less in silence. */
static void fails_without_the_banks_of_the_key(void **state)
{
    struct fixture *f = *state;
    struct caller caller = {.n_banks = 2, .banks = {"A", "GONE"}};
    struct err err = {0};
    make_bank(f, "A");
    assert_int_equal(blocklist_load(f->store, &f->list, &err), RC_OK);
    banks_of(f, &caller, NULL, "unknown bank 'GONE'");
}

static void admin_may_everything(void **state)
{
    (void)state;
    struct caller admin = caller_admin();
    assert_true(admin.sees_all);
    assert_string_equal(admin.id, "");
    for (unsigned i = 0; scope_name(i) != NULL; i++)
        assert_true((admin.scopes & 1u << i) != 0);
}

/* --- threads and memory --- */

struct hammer {
    struct fixture *f;
    const char *token;
};

static void *ask_often(void *ctx)
{
    struct hammer *h = ctx;
    struct err err = {0};
    for (int i = 0; i < 2000; i++) {
        struct caller caller;
        if (keyring_find(h->f->ring, h->token, &caller, &err) != RC_OK ||
            keyring_spend(h->f->ring, caller.id, 1, &err) != RC_OK)
            return h;
    }
    return NULL;
}

static void answers_during_reloads(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE];
    struct key key = {.scopes = SCOPE_CHECK};
    struct err err = {0};
    make_key(f, &key, token);
    struct hammer h = {f, token};
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_often, &h), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(keyring_load(f->ring, f->store, &err), RC_OK);
    for (int i = 0; i < 3; i++) {
        void *failed = NULL;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
}

static void survives_lack_of_memory(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_SIZE];
    struct key key = {.scopes = SCOPE_CHECK};
    struct caller caller;
    struct keyring *ring = NULL;
    struct err err = {0};
    make_key(f, &key, token);
    for (unsigned nth = 1;; nth++) {
        oom_arm(nth);
        enum rc rc = keyring_load(f->ring, f->store, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            break;
        }
        assert_true(rc == RC_NOMEM || rc == RC_STORE);
        /* As it was before. */
        assert_int_equal(keyring_find(f->ring, token, &caller, &err), RC_OK);
    }
    oom_arm(1);
    assert_int_equal(keyring_new(0, 0, &ring, &err), RC_NOMEM);
    assert_true(oom_disarm());
    assert_null(ring);
    keyring_free(NULL);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_random_and_of_one_form),
        cmocka_unit_test(admin_may_everything),
        WITH_STORE(finds_a_key),
        WITH_STORE(refuses_every_other_token),
        WITH_STORE(forgets_revoked_and_expired_keys),
        WITH_STORE(keeps_budgets_over_a_reload),
        WITH_STORE(uses_the_configured_rate),
        WITH_STORE(shows_only_the_banks_of_the_key),
        WITH_STORE(fails_without_the_banks_of_the_key),
        WITH_STORE(answers_during_reloads),
        WITH_STORE(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
