#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/records.h"

static void names_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < ACTIONS; i++) {
        enum action a = ACTIONS;
        assert_true(action_parse(action_name((enum action)i), &a));
        assert_int_equal(a, i);
    }
    for (int i = 0; i < ENTRY_STATES; i++) {
        enum entry_state s = ENTRY_STATES;
        assert_true(entry_state_parse(entry_state_name((enum entry_state)i), &s));
        assert_int_equal(s, i);
    }
    for (int i = 0; i < SIGNAL_TYPES; i++) {
        enum signal_type t = SIGNAL_TYPES;
        assert_true(signal_type_parse(signal_type_name((enum signal_type)i), &t));
        assert_int_equal(t, i);
    }
    assert_string_equal(action_name(ACTION_BLOCK), "block");
    assert_string_equal(action_name(ACTION_REVIEW), "review");
    assert_string_equal(action_name(ACTION_OBSERVE), "observe");
    assert_string_equal(verdict_name(VERDICT_ALLOW), "allow");
    assert_string_equal(verdict_name(VERDICT_REVIEW), "review");
    assert_string_equal(verdict_name(VERDICT_BLOCK), "block");
    assert_string_equal(entry_state_name(ENTRY_REVOKED), "revoked");
    assert_string_equal(signal_type_name(SIGNAL_SHA1), "sha1");
}

static void names_end(void **state)
{
    (void)state;
    assert_null(action_name(ACTIONS));
    assert_null(verdict_name(VERDICTS));
    assert_null(entry_state_name(ENTRY_STATES));
    assert_null(signal_type_name(SIGNAL_TYPES));
    assert_null(scope_name(6));
    assert_null(digest_name(DIGEST_TYPES));
}

static void other_words_are_no_names(void **state)
{
    (void)state;
    static const char *const words[] = {"", "Block", "block ", " block", "blo", "blockx", "allow"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        enum action a = ACTION_OBSERVE;
        enum entry_state s = ENTRY_ACTIVE;
        enum signal_type t = SIGNAL_PDQ;
        assert_false(action_parse(words[i], &a));
        assert_false(entry_state_parse(words[i], &s));
        assert_false(signal_type_parse(words[i], &t));
        assert_int_equal(a, ACTION_OBSERVE);
    }
}

static void signals_have_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(signal_size(SIGNAL_PDQ), 32);
    assert_int_equal(signal_size(SIGNAL_SHA256), 32);
    assert_int_equal(signal_size(SIGNAL_SHA1), 20);
    assert_int_equal(signal_size(SIGNAL_MD5), 16);
    enum digest_type type;
    assert_false(signal_digest_type(SIGNAL_PDQ, &type));
    assert_false(signal_digest_type(SIGNAL_TYPES, &type));
    for (int i = SIGNAL_SHA256; i < SIGNAL_TYPES; i++) {
        assert_true(signal_digest_type((enum signal_type)i, &type));
        assert_int_equal(digest_size(type), signal_size((enum signal_type)i));
        assert_string_equal(digest_name(type), signal_type_name((enum signal_type)i));
    }
}

static void bank_names(void **state)
{
    (void)state;
    static const char *const good[] = {"A", "TERROR_CORE", "A9_", "Z__0"};
    static const char *const bad[] = {"",   "a",   "9A",   "_A",        "A b", "A-B",
                                      "Aa", "A\n", "\x80", "A\xc3\x84", " A"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(bank_name_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bank_name_valid(bad[i]));

    char name[BANK_NAME_MAX + 2];
    memset(name, 'A', sizeof(name));
    name[BANK_NAME_MAX + 1] = '\0';
    assert_false(bank_name_valid(name));
    name[BANK_NAME_MAX] = '\0';
    assert_true(bank_name_valid(name));
}

static void scopes(void **state)
{
    (void)state;
    assert_int_equal(scopes_parse("check"), SCOPE_CHECK);
    assert_int_equal(scopes_parse("check,match"), SCOPE_CHECK | SCOPE_MATCH);
    assert_int_equal(scopes_parse("metrics,metrics"), SCOPE_METRICS);
    static const char *const bad[] = {"",     ",",           "check,", ",check", "check,,match",
                                      "chec", "check match", "root"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(scopes_parse(bad[i]), 0);

    unsigned all = 0;
    for (unsigned i = 0; scope_name(i) != NULL; i++) {
        assert_int_equal(scopes_parse(scope_name(i)), 1u << i);
        all |= 1u << i;
    }
    assert_int_equal(scopes_closure(SCOPE_ADMIN), all);
    assert_int_equal(scopes_closure(SCOPE_MODERATE),
                     SCOPE_MODERATE | SCOPE_CHECK | SCOPE_MATCH | SCOPE_DETAIL);
    assert_int_equal(scopes_closure(SCOPE_CHECK), SCOPE_CHECK);
    assert_int_equal(scopes_closure(SCOPE_MATCH | SCOPE_METRICS), SCOPE_MATCH | SCOPE_METRICS);
    assert_int_equal(scopes_closure(SCOPE_DETAIL), SCOPE_DETAIL);
    assert_int_equal(scopes_closure(0), 0);
}

/* Leaks and double frees are the sanitizer's to see. */
static void clearing_is_thorough_and_repeatable(void **state)
{
    (void)state;
    struct bank bank = {.description = strdup("d"), .owner = strdup("o")};
    bank.labels.label[bank.labels.n++] = strdup("l");
    struct entry entry = {.reason = strdup("r"), .signals = calloc(2, sizeof(struct signal))};
    struct key key = {.name = strdup("k"), .banks = calloc(3, sizeof(char *))};
    key.banks[0] = strdup("A");
    key.banks[1] = strdup("B");
    for (int i = 0; i < 2; i++) {
        bank_clear(&bank);
        entry_clear(&entry);
        key_clear(&key);
    }
    assert_null(bank.description);
    assert_int_equal(bank.labels.n, 0);
    assert_null(entry.signals);
    assert_null(key.banks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(names_end),
        cmocka_unit_test(other_words_are_no_names),
        cmocka_unit_test(signals_have_their_sizes),
        cmocka_unit_test(bank_names),
        cmocka_unit_test(scopes),
        cmocka_unit_test(clearing_is_thorough_and_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
