#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/oom.h"
#include "tests/unit/db/fake_store.h"
#include "tests/unit/db/look_up.h"

static struct blocklist *load(struct store *store)
{
    struct blocklist *list = NULL;
    assert_int_equal(blocklist_load(store, &list, NULL), RC_OK);
    return list;
}

static void follow(struct blocklist *list)
{
    struct err err;
    assert_int_equal(blocklist_follow(list, NULL, &err), RC_OK);
}

static void an_empty_store_is_an_empty_list(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store);
    assert_int_equal(blocklist_banks(list), 0);
    assert_int_equal(blocklist_generation(list), 0);
    assert_int_equal(blocklist_bank_number(list, "BANK_0"), -1);
    assert_int_equal(index_count(blocklist_index(list)), 0);
    assert_int_equal(blocklist_healthy(list, NULL), RC_OK);
    follow(list);
    blocklist_free(NULL);
}

static void loads_banks_and_entries(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    fake_bank(store, ACTION_BLOCK, 31);
    fake_bank(store, ACTION_OBSERVE, 5);
    struct signal s[2] = {pdq_signal(7, 100), md5_signal(7)};
    uint64_t first = fake_entry(store, 1, s, 2);
    struct signal other = pdq_signal(8, 100);
    uint64_t second = fake_entry(store, 0, &other, 1);
    fake_entry_set(store, second, false);

    SCOPED(blocklist_free) struct blocklist *list = load(store);
    assert_int_equal(blocklist_banks(list), 2);
    struct bank_rule rule;
    blocklist_bank(list, 1, &rule);
    assert_string_equal(rule.name, "BANK_1");
    assert_int_equal(rule.action, ACTION_OBSERVE);
    assert_int_equal(rule.threshold, 5);
    assert_int_equal(blocklist_bank_number(list, "BANK_1"), 1);
    assert_int_equal(blocklist_bank_number(list, "BANK_2"), -1);
    assert_int_equal(blocklist_generation(list), 5);

    for (int i = 0; i < 2; i++) {
        struct seen seen = look_up(list, &s[i]);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.last.entry, first);
        assert_int_equal(seen.last.bank, 1);
        struct ulid id = blocklist_entry_id(list, seen.last.entry), want = fake_entry_id(first);
        assert_memory_equal(&id, &want, sizeof(id));
    }
    assert_int_equal(look_up(list, &other).n, 0);
}

static void flat_pictures_are_not_listed(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    fake_bank(store, ACTION_BLOCK, 31);
    struct signal s[4] = {pdq_signal(1, PDQ_MIN_QUALITY - 1), pdq_signal(2, PDQ_MIN_QUALITY),
                          pdq_signal(3, -1), pdq_signal(4, 0)};
    fake_entry(store, 0, s, 4);
    SCOPED(blocklist_free) struct blocklist *list = load(store);
    assert_int_equal(look_up(list, &s[0]).n, 0);
    assert_int_equal(look_up(list, &s[1]).n, 1);
    assert_int_equal(look_up(list, &s[2]).n, 1);
    assert_int_equal(look_up(list, &s[3]).n, 0);
}

static void a_change_counts_when_follow_returns(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store);
    fake_bank(store, ACTION_BLOCK, 31);
    struct signal s[2] = {pdq_signal(1, 100), md5_signal(1)};
    uint64_t entry = fake_entry(store, 0, s, 2);
    for (int i = 0; i < 1000; i++) {
        follow(list);
        assert_int_equal(look_up(list, &s[0]).n, 1);
        assert_int_equal(look_up(list, &s[1]).n, 1);
        fake_entry_set(store, entry, true); /* labels, say */
        follow(list);
        assert_int_equal(look_up(list, &s[0]).n, 1);
        assert_int_equal(look_up(list, &s[1]).n, 1);
        fake_entry_set(store, entry, false);
        follow(list);
        assert_int_equal(look_up(list, &s[0]).n, 0);
        assert_int_equal(look_up(list, &s[1]).n, 0);
        fake_entry_set(store, entry, true);
        assert_true(blocklist_generation(list) < store->generation);
    }
    follow(list);
    assert_int_equal(blocklist_generation(list), store->generation);
    index_check(blocklist_index(list));
}

static void banks_may_come_out_of_their_order(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    fake_bank(store, ACTION_REVIEW, 1);
    fake_bank(store, ACTION_REVIEW, 2);
    struct signal s = pdq_signal(1, 100);
    fake_entry(store, 0, &s, 1);
    fake_bank_set(store, 0, ACTION_BLOCK, 9); /* so it is told last */
    SCOPED(blocklist_free) struct blocklist *list = load(store);
    assert_int_equal(blocklist_banks(list), 2);
    struct bank_rule rule;
    blocklist_bank(list, 0, &rule);
    assert_int_equal(rule.action, ACTION_BLOCK);
    assert_int_equal(rule.threshold, 9);
    assert_int_equal(look_up(list, &s).n, 1);
}

static void keys_are_told(void **state)
{
    (void)state;
    SCOPED(fake_free) struct store *store = fake_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store);
    bool keys = true;
    assert_int_equal(blocklist_follow(list, &keys, NULL), RC_OK);
    assert_false(keys);
    fake_bank(store, ACTION_BLOCK, 31);
    assert_int_equal(blocklist_follow(list, &keys, NULL), RC_OK);
    assert_false(keys);
    fake_key_change(store);
    assert_int_equal(blocklist_follow(list, &keys, NULL), RC_OK);
    assert_true(keys);
    assert_int_equal(blocklist_follow(list, &keys, NULL), RC_OK);
    assert_false(keys);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    struct err err;
    {
        SCOPED(fake_free) struct store *store = fake_store();
        struct signal s = pdq_signal(1, 100);
        fake_entry(store, 3, &s, 1);
        struct blocklist *list = NULL;
        assert_int_equal(blocklist_load(store, &list, &err), RC_STORE);
        assert_null(list);
        assert_string_equal(err.msg,
                            "block-list: an entry is in bank number 3, but there are 0 banks");
    }
    {
        SCOPED(fake_free) struct store *store = fake_store();
        fake_bank(store, ACTION_BLOCK, 31);
        struct signal s = {.type = SIGNAL_TYPES};
        fake_entry(store, 0, &s, 1);
        struct blocklist *list = NULL;
        assert_int_equal(blocklist_load(store, &list, &err), RC_STORE);
        assert_string_equal(err.msg, "block-list: entry number 0: a signal of unknown type");
    }
    {
        SCOPED(fake_free) struct store *store = fake_store();
        fake_bank(store, ACTION_BLOCK, 31);
        SCOPED(blocklist_free) struct blocklist *list = load(store);
        store->generation = 0;
        assert_int_equal(blocklist_follow(list, NULL, &err), RC_STORE);
        assert_string_equal(err.msg, "block-list: the store went back from generation 1 to 0: "
                                     "start again");
    }
}

/* Twenty entries; every other one is revoked in the end. */
static void fill(struct store *store, struct signal *s)
{
    fake_bank(store, ACTION_BLOCK, 31);
    for (uint64_t i = 0; i < 20; i++) {
        s[i * 2] = pdq_signal(i, 100);
        s[i * 2 + 1] = md5_signal((uint8_t)i);
        fake_entry(store, 0, &s[i * 2], 2);
    }
}

static void revoke_odd(struct store *store)
{
    for (uint64_t i = 1; i < 20; i += 2)
        fake_entry_set(store, i, false);
}

static void check_filled(const struct blocklist *list, const struct signal *s)
{
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(look_up(list, &s[i]).n, i / 2 % 2 == 0);
    assert_int_equal(index_count(blocklist_index(list)), 10);
    index_check(blocklist_index(list));
}

/* early: changes before, so that the list follows from there and not from the start. */
static void fail_and_repeat(unsigned after, uint64_t early)
{
    struct signal s[40];
    SCOPED(fake_free) struct store *store = fake_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store);
    struct err err;
    for (uint64_t i = 0; i < early; i++)
        fake_key_change(store);
    follow(list);
    fill(store, s);
    store->fail_after = after;
    enum rc rc = blocklist_follow(list, NULL, &err);
    assert_int_equal(rc, after < 21 ? RC_STORE : RC_OK);
    assert_int_equal(blocklist_generation(list), after < 21 ? early : early + 21);
    revoke_odd(store);
    store->fail_after = after < 10 ? after : 5;
    assert_int_equal(blocklist_follow(list, NULL, &err), RC_STORE);
    assert_string_equal(err.msg, "fake store: told to fail");
    store->fail_after = 0;
    follow(list);
    check_filled(list, s);
    assert_int_equal(blocklist_generation(list), store->generation);
}

static void a_follow_that_failed_halfway_is_repeated(void **state)
{
    (void)state;
    for (unsigned after = 1; after <= 21; after++) {
        fail_and_repeat(after, 0);
        fail_and_repeat(after, 3);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct signal s[40];
    for (unsigned nth = 1;; nth++) {
        SCOPED(fake_free) struct store *store = fake_store();
        SCOPED(blocklist_free) struct blocklist *list = NULL;
        struct err err;
        fill(store, s);
        oom_arm(nth);
        enum rc rc = blocklist_load(store, &list, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 10);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(list);

        list = load(store);
        store->fail_after = 0;
        revoke_odd(store);
        follow(list);
        check_filled(list, s);
    }
}

static void a_follow_without_memory_is_repeated(void **state)
{
    (void)state;
    struct signal s[40];
    for (unsigned nth = 1;; nth++) {
        SCOPED(fake_free) struct store *store = fake_store();
        SCOPED(blocklist_free) struct blocklist *list = load(store);
        struct err err;
        fill(store, s);
        oom_arm(nth);
        enum rc rc = blocklist_follow(list, NULL, &err);
        bool failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        assert_int_equal(blocklist_generation(list), failed ? 0 : 21);
        revoke_odd(store);
        follow(list);
        check_filled(list, s);
        if (!failed) {
            assert_true(nth > 4);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_is_an_empty_list),
        cmocka_unit_test(loads_banks_and_entries),
        cmocka_unit_test(flat_pictures_are_not_listed),
        cmocka_unit_test(a_change_counts_when_follow_returns),
        cmocka_unit_test(banks_may_come_out_of_their_order),
        cmocka_unit_test(keys_are_told),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(a_follow_that_failed_halfway_is_repeated),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(a_follow_without_memory_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
