/* Text forms and ids: right on the right ones, and refused where they must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/err.h"
#include "hashing/base/text.h"
#include "hashing/base/ulid.h"
#include "tests/support/rnd.h"

static void hex_round_trips_and_refuses(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0x00, 0x7f, 0xa5, 0xff}, back[4];
    char text[9];
    text_hex(bytes, 4, text);
    assert_string_equal(text, "007fa5ff");
    assert_true(text_unhex("007FA5ff", 8, back, 4));
    assert_memory_equal(bytes, back, 4);
    assert_false(text_unhex("007fa5f", 7, back, 4));
    assert_false(text_unhex("007fa5fg", 8, back, 4));
    assert_false(text_unhex("007fa5ff0", 9, back, 4));
}

static void base64_reads_both_alphabets_padded_or_not(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_true(text_unbase64("+/8A", 4, out, 3));
    assert_memory_equal(out, "\xfb\xff\x00", 3);
    assert_true(text_unbase64("-_8A", 4, out, 3));
    assert_true(text_unbase64("QQ==", 4, out, 1));
    assert_true(text_unbase64("QQ", 2, out, 1));
    assert_int_equal(out[0], 'A');
    assert_false(text_unbase64("QR==", 4, out, 1)); /* left-over bits */
    assert_false(text_unbase64("QQ=", 3, out, 1));
    assert_false(text_unbase64("QQ=A", 4, out, 1));
    assert_false(text_unbase64("Q Q=", 4, out, 1));
}

static void utf8_refuses_what_rfc3629_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xc0\xaf",
        "\xe0\x80\xaf",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xc3",
        "a\xff",
        "\xf0\x82\x82\xac",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    assert_false(text_is_utf8("a\0b", 3));
    assert_true(text_is_utf8("", 0));
    assert_true(text_is_utf8("na\xc3\xafve \xf0\x9f\x98\x80", 11));
}

static void times_round_trip(void **state)
{
    (void)state;
    char text[TEXT_TIME_SIZE];
    int64_t ms;
    text_time(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    text_time(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    assert_true(text_untime("2026-11-24T03:51:07.125Z", &ms));
    text_time(ms, text);
    assert_string_equal(text, "2026-11-24T03:51:07.125Z");
    assert_true(text_untime("2026-11-24T05:51:07.125+02:00", &ms));
    text_time(ms, text);
    assert_string_equal(text, "2026-11-24T03:51:07.125Z");

    assert_true(text_untime("0999-01-01T00:00:00Z", &ms));
    text_time(ms, text);
    assert_string_equal(text, "0999-01-01T00:00:00.000Z");
    assert_true(text_untime("2016-12-31T23:59:60Z", &ms));
    text_time(ms, text);
    assert_string_equal(text, "2017-01-01T00:00:00.000Z");

    static const char *const bad[] = {"",
                                      "2026-11-24",
                                      "2026-02-30T00:00:00Z",
                                      "2026-02-30T00:00:60Z",
                                      "2026-13-01T00:00:60Z",
                                      "2026-00-00T00:00:60Z",
                                      "0000-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "9999-12-31T23:59:60Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00Zx"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_untime(bad[i], &ms));
}

static void numbers_have_bounds_and_units(void **state)
{
    (void)state;
    int64_t n;
    uint64_t u;
    assert_true(text_number("-9223372036854775808", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MIN);
    assert_true(text_number("9223372036854775807", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MAX);
    assert_false(text_number("9223372036854775808", INT64_MIN, INT64_MAX, &n));
    assert_false(text_number("64", 0, 63, &n));
    assert_false(text_number("", 0, 63, &n));
    assert_false(text_number("-", -5, 63, &n));
    assert_false(text_number("1 ", 0, 63, &n));
    assert_false(text_number("+1", 0, 63, &n));

    assert_true(text_size("64MiB", &u) && u == 64u << 20);
    assert_true(text_size("4096", &u) && u == 4096);
    assert_false(text_size("64MB", &u));
    assert_false(text_size("MiB", &u));
    assert_false(text_size("99999999999TiB", &u));
    assert_true(text_count("100M", &u) && u == 100000000);
    assert_true(text_duration("20s", &n) && n == 20000);
    assert_true(text_duration("250ms", &n) && n == 250);
    assert_true(text_duration("30d", &n) && n == 30ll * 86400000);
    assert_false(text_duration("20", &n));
}

static void printable_hides_what_a_terminal_would_obey(void **state)
{
    (void)state;
    char out[64];
    text_printable("a\x1b[31mb", 7, out, sizeof out);
    assert_string_equal(out, "a\\x1b[31mb");
    text_printable("\xc2\x9b", 2, out, sizeof out); /* C1 CSI */
    assert_string_equal(out, "\\xc2\\x9b");
    text_printable("\xe2\x80\xae"
                   "x",
                   4, out, sizeof out); /* right-to-left override */
    assert_string_equal(out, "\\xe2\\x80\\xaex");
    text_printable("\xffz", 2, out, sizeof out);
    assert_string_equal(out, "\\xffz");
    text_printable("na\xc3\xafve", 6, out, sizeof out);
    assert_string_equal(out, "na\xc3\xafve");
    assert_int_equal(text_printable("abcdef", 6, out, 4), 3);
    assert_string_equal(out, "abc");
}

static void ulids_grow_and_round_trip(void **state)
{
    (void)state;
    char last[ULID_SIZE] = "";
    for (int i = 0; i < 10000; i++) {
        char text[ULID_SIZE];
        struct ulid id = ulid_new(), back;
        ulid_text(&id, text);
        assert_true(strcmp(text, last) > 0);
        assert_true(ulid_parse(text, &back));
        assert_memory_equal(&id, &back, sizeof id);
        memcpy(last, text, sizeof last);
    }
    struct ulid id;
    assert_true(ulid_parse("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", &id));
    assert_false(ulid_parse("8ZZZZZZZZZZZZZZZZZZZZZZZZZ", &id)); /* over 128 bits */
    assert_false(ulid_parse("01ARZ3NDEKTSV4RRFFQ69G5FA", &id));
    assert_false(ulid_parse("01ARZ3NDEKTSV4RRFFQ69G5FAU", &id)); /* no U in the alphabet */
    assert_true(ulid_parse("01arz3ndektsv4rrffq69g5fav", &id));
}

static void errors_are_filled_once_and_never_carry_controls(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, RC_INPUT, "here:1", "bad name '%s'", "a\x1b[2Jb"), RC_INPUT);
    assert_string_equal(err.msg, "bad name 'a?[2Jb'");
    assert_int_equal(err_set(NULL, RC_LIMIT, "here:2", "x"), RC_LIMIT);
    assert_int_equal(err_set_sys(&err, 2, "here:3", "open"), RC_SYS);
    assert_string_equal(err.msg, "open: No such file or directory");
    for (unsigned rc = 0; rc < RC_COUNT; rc++)
        assert_non_null(rc_name((enum rc)rc));
    assert_string_equal(rc_name(RC_COUNT), "unknown");
}

/* Whatever bytes come, nothing reads or writes past its end (ASan watches). */
static void random_text_is_harmless(void **state)
{
    (void)state;
    struct rnd r = rnd_from_environment();
    for (int i = 0; i < 20000; i++) {
        size_t n = rnd_below(&r, 24);
        char *s = malloc(n + 1), out[40];
        assert_non_null(s);
        for (size_t k = 0; k < n; k++)
            s[k] = (char)rnd_next(&r);
        s[n] = '\0';
        int64_t v;
        uint64_t u;
        size_t made = text_printable(s, n, out, sizeof out);
        assert_true(text_is_utf8(out, made));
        (void)text_untime(s, &v);
        (void)text_number(s, INT64_MIN, INT64_MAX, &v);
        (void)text_size(s, &u);
        (void)text_unhex(s, n, (uint8_t *)out, 8);
        (void)text_unbase64(s, n, (uint8_t *)out, 8);
        free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_round_trips_and_refuses),
        cmocka_unit_test(base64_reads_both_alphabets_padded_or_not),
        cmocka_unit_test(utf8_refuses_what_rfc3629_refuses),
        cmocka_unit_test(times_round_trip),
        cmocka_unit_test(numbers_have_bounds_and_units),
        cmocka_unit_test(printable_hides_what_a_terminal_would_obey),
        cmocka_unit_test(ulids_grow_and_round_trip),
        cmocka_unit_test(errors_are_filled_once_and_never_carry_controls),
        cmocka_unit_test(random_text_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
