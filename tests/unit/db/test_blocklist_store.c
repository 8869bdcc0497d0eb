/* The block-list over the real store: what is acknowledged counts, here and on another node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/policy.h"
#include "tests/support/rnd.h"
#include "tests/support/tmpdir.h"

static const struct actor actor = {.key_id = "", .name = "test", .request_id = "r"};

struct node {
    struct store *store;
    struct blocklist *list;
};

static void node_end(struct node *node)
{
    blocklist_free(node->list);
    store_free(node->store);
}
SCOPED_DEFINE(node_end, struct node *)

static void node_begin(struct node *node, const char *name)
{
    char url[256];
    struct err err = {.msg = ""};
    bool created;
    snprintf(url, sizeof(url), "sqlite:%s/%s.db", tmpdir(), name);
    if (store_init(url, &created, &err) != RC_OK || store_open(url, &node->store, &err) != RC_OK ||
        blocklist_load(node->store, &node->list, &err) != RC_OK)
        fail_msg("%s", err.msg);
}

static void make_bank(struct node *node, const char *name, enum action action)
{
    struct bank bank = {.description = strdup(""),
                        .owner = strdup(""),
                        .sharing = strdup(""),
                        .action = action,
                        .threshold = 31,
                        .bank_match_percent = BANK_MATCH_PERCENT,
                        .match_run = MATCH_RUN};
    struct err err;
    snprintf(bank.name, sizeof(bank.name), "%s", name);
    if (store_bank_create(node->store, &bank, &actor, &err) != RC_OK)
        fail_msg("%s", err.msg);
    bank_clear(&bank);
}

static struct ulid list_entry(struct node *node, const char *bank, const struct signal *signals,
                              size_t n)
{
    const struct labels labels = {0};
    const struct entry_new entry = {.bank = bank,
                                    .reason = "test",
                                    .case_ref = "",
                                    .source = "",
                                    .media_type = "",
                                    .labels = &labels,
                                    .signals = signals,
                                    .n_signals = n};
    struct ulid id;
    uint64_t generation;
    struct err err;
    if (store_entry_add(node->store, &entry, &actor, &id, &generation, &err) != RC_OK)
        fail_msg("%s", err.msg);
    return id;
}

static void set_state(struct node *node, const struct ulid *id, enum entry_state state)
{
    const struct entry_patch patch = {.state = &state, .reason = "test"};
    struct entry entry = {0};
    struct err err;
    if (store_entry_update(node->store, id, &patch, &actor, &entry, &err) != RC_OK)
        fail_msg("%s", err.msg);
    entry_clear(&entry);
}

static struct lookup ask(struct node *node, const struct signal *s)
{
    struct lookup_signal q = {.type = s->type, .ms = -1};
    struct lookup got = {.n = 0};
    struct err err;
    if (s->type == SIGNAL_PDQ)
        q.pdq = pdq_from_bytes(s->value);
    else
        memcpy(q.digest, s->value, sizeof(q.digest));
    if (blocklist_follow(node->list, NULL, &err) != RC_OK ||
        lookup_once(node->list, &q, 1, NULL, 0, &got, &err) != RC_OK)
        fail_msg("%s", err.msg);
    return got;
}

static struct signal random_signal(struct rnd *rnd, enum signal_type type)
{
    struct signal s = {.type = type, .quality = type == SIGNAL_PDQ ? 100 : -1, .ms = -1};
    for (size_t i = 0; i < signal_size(type); i++)
        s.value[i] = (uint8_t)rnd_next(rnd);
    return s;
}

static void an_entry_counts_until_it_is_revoked(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(node_end) struct node *here = &(struct node){0};
    SCOPED(node_end) struct node *there = &(struct node){0};
    node_begin(here, "revoke");
    node_begin(there, "revoke");
    make_bank(here, "CORE", ACTION_BLOCK);
    struct signal s[4];
    for (int i = 0; i < SIGNAL_TYPES; i++)
        s[i] = random_signal(&rnd, (enum signal_type)i);
    struct ulid id = list_entry(here, "CORE", s, 4);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < SIGNAL_TYPES; i++) {
            struct lookup got = ask(there, &s[i]);
            assert_int_equal(got.verdict, VERDICT_BLOCK);
            assert_int_equal(got.total, 1);
            assert_int_equal(got.matches[0].type, i);
            struct ulid found = blocklist_entry_id(there->list, got.matches[0].entry);
            assert_memory_equal(&found, &id, sizeof(id));
            assert_int_equal(ask(here, &s[i]).verdict, VERDICT_BLOCK);
        }
        set_state(here, &id, ENTRY_REVOKED);
        for (int i = 0; i < SIGNAL_TYPES; i++) {
            assert_int_equal(ask(here, &s[i]).verdict, VERDICT_ALLOW);
            assert_int_equal(ask(there, &s[i]).total, 0);
        }
        set_state(there, &id, ENTRY_ACTIVE);
    }
}

static void a_bank_that_changes_is_followed(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(node_end) struct node *node = &(struct node){0};
    node_begin(node, "banks");
    make_bank(node, "ONE", ACTION_BLOCK);
    make_bank(node, "TWO", ACTION_REVIEW);
    struct signal s = random_signal(&rnd, SIGNAL_PDQ);
    list_entry(node, "ONE", &s, 1);
    list_entry(node, "TWO", &s, 1);
    struct lookup got = ask(node, &s);
    assert_int_equal(got.n, 2);
    assert_string_equal(got.rules[0].name, "ONE");
    assert_int_equal(blocklist_bank_number(node->list, "TWO"), got.matches[1].bank);

    const enum action action = ACTION_OBSERVE;
    struct bank bank = {0};
    assert_int_equal(store_bank_update(node->store, "ONE", &(struct bank_patch){.action = &action},
                                       &actor, &bank, NULL),
                     RC_OK);
    bank_clear(&bank);
    got = ask(node, &s);
    assert_int_equal(got.verdict, VERDICT_REVIEW);
    assert_string_equal(got.rules[0].name, "TWO");
}

/* A list that followed and one that is loaded anew hold the same. */
static void following_and_loading_agree(void **state)
{
    (void)state;
    enum { LINES = 6000 };
    struct rnd rnd = rnd_from_environment();
    SCOPED(node_end) struct node *old = &(struct node){0};
    SCOPED(node_end) struct node *fresh = &(struct node){0};
    SCOPED(mem_free) struct import_line *lines = calloc(LINES, sizeof(*lines));
    node_begin(old, "import");
    make_bank(old, "CORE", ACTION_BLOCK);
    for (int i = 0; i < LINES; i++)
        lines[i] = (struct import_line){
            .signal = random_signal(&rnd, (enum signal_type)(i % SIGNAL_TYPES)),
            .labels = "",
            .source = ""};
    struct import_result result;
    assert_int_equal(
        store_import(old->store, "CORE", "I", "test", lines, LINES, &actor, &result, NULL), RC_OK);
    for (int i = 0; i < 100; i++) {
        struct lookup got = ask(old, &lines[i * 7].signal);
        assert_int_equal(got.total, 1);
        struct ulid id = blocklist_entry_id(old->list, got.matches[0].entry);
        set_state(old, &id, ENTRY_REVOKED);
    }
    ask(old, &lines[0].signal);
    node_begin(fresh, "import");
    assert_int_equal(blocklist_generation(fresh->list), blocklist_generation(old->list));
    assert_int_equal(index_count(blocklist_index(fresh->list)),
                     index_count(blocklist_index(old->list)));
    for (int i = 0; i < LINES; i++) {
        bool revoked = i % 7 == 0 && i < 700;
        assert_int_equal(ask(fresh, &lines[i].signal).total, !revoked);
        assert_int_equal(ask(old, &lines[i].signal).total, !revoked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_counts_until_it_is_revoked),
        cmocka_unit_test(a_bank_that_changes_is_followed),
        cmocka_unit_test(following_and_loading_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
