/* Is a target taken apart as it was meant, and is everything doubtful refused, with its reason? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "hashing/base/text.h"
#include "service/query.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

static void takes_a_target_apart(void **state)
{
    (void)state;
    struct query q;
    struct err err;

    assert_int_equal(query_parse("/v1/banks/A%42/entries?a=1&b=x%20y+z&c&d=%C3%BC%2F%5C", &q, &err),
                     RC_OK);
    assert_int_equal(q.n_segments, 4);
    assert_string_equal(q.segment[0], "v1");
    assert_string_equal(q.segment[2], "AB");
    assert_int_equal(q.n_params, 4);
    assert_string_equal(query_get(&q, "a"), "1");
    assert_string_equal(query_get(&q, "b"), "x y z");
    assert_string_equal(query_get(&q, "c"), "");
    assert_string_equal(query_get(&q, "d"), "\xc3\xbc/\\");
    assert_null(query_get(&q, "e"));
    query_clear(&q);
}

static void knows_the_root_and_a_trailing_slash(void **state)
{
    (void)state;
    struct query q;
    struct err err;

    assert_int_equal(query_parse("/", &q, &err), RC_OK);
    assert_int_equal(q.n_segments, 0);
    query_clear(&q);
    assert_int_equal(query_parse("/a/?", &q, &err), RC_OK);
    assert_int_equal(q.n_segments, 2);
    assert_string_equal(q.segment[1], ""); /* matches no route */
    assert_int_equal(q.n_params, 0);
    query_clear(&q);
}

/* Decoded once: what comes out is text, not escapes. */
static void decodes_once(void **state)
{
    (void)state;
    struct query q;
    struct err err;

    assert_int_equal(query_parse("/%252e%252e/a+b", &q, &err), RC_OK);
    assert_string_equal(q.segment[0], "%2e%2e");
    assert_string_equal(q.segment[1], "a+b");
    query_clear(&q);
}

static const struct {
    const char *target, *words;
} refused[] = {
    {"", "target: it must begin with a slash"},
    {"*", "target: it must begin with a slash"},
    {"a/b", "target: it must begin with a slash"},
    {"http://h/livez", "target: an absolute URI; send the path alone"},
    {"/a b", "target: a space"},
    {"/a\tb", "target: a control byte"},
    {"/a\x7f", "target: a control byte"},
    {"/a#b", "target: a fragment"},
    {"/a?b#c", "target: a fragment"},
    {"/a%00", "target: an encoded NUL in the path"},
    {"/a?b=%00", "target: an encoded NUL in the query"},
    {"/a%2fb", "target: an encoded slash in the path"},
    {"/a%2Fb", "target: an encoded slash in the path"},
    {"/a\\b", "target: a backslash in the path"},
    {"/a%5cb", "target: a backslash in the path"},
    {"//a", "target: a doubled slash in the path"},
    {"/a//b", "target: a doubled slash in the path"},
    {"/a//", "target: a doubled slash in the path"},
    {"/./a", "target: a dot segment in the path"},
    {"/a/..", "target: a dot segment in the path"},
    {"/%2e%2e/a", "target: a dot segment in the path"},
    {"/.%2E", "target: a dot segment in the path"},
    {"/a%", "target: a broken percent sign in the path"},
    {"/a%4", "target: a broken percent sign in the path"},
    {"/a%4g", "target: a broken percent sign in the path"},
    {"/a?b=%", "target: a broken percent sign in the query"},
    {"/a?%zz=1", "target: a broken percent sign in the query"},
    {"/a%0d%0ab", "target: a control byte in the path"},
    {"/a?b=%1b%5b31m", "target: a control byte in the query"},
    {"/a?b=%7f", "target: a control byte in the query"},
    {"/\xff", "target: the path is not UTF-8"},
    {"/%c0%af", "target: the path is not UTF-8"},
    {"/a?b=%ed%a0%80", "target: the query is not UTF-8"},
    {"/a?b=1&b=2", "parameter \"b\" is given twice"},
    {"/a?b=1&%62", "parameter \"b\" is given twice"},
    {"/a?=1", "target: a parameter without a name"},
    {"/a?b=1&", "target: a parameter without a name"},
    {"/a?&b=1", "target: a parameter without a name"},
    {"/1/2/3/4/5/6/7/8/9", "target: more than 8 segments in the path"},
    {"/?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r&s&t&u&v&w&x&y", "target: more than 24 parameters"},
};

static void refuses_what_is_doubtful(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct query q = {.n_params = 99};
        struct err err = {0};

        assert_int_equal(query_parse(refused[i].target, &q, &err), RC_INPUT);
        assert_string_equal(err.msg, refused[i].words);
        assert_int_equal(q.n_params, 99); /* written on success only */
    }
}

static void refuses_unknown_parameters(void **state)
{
    (void)state;
    static const char *const allowed[] = {"a", "b", NULL};
    struct query q;
    struct err err;

    assert_int_equal(query_parse("/x?b=1&a=2", &q, &err), RC_OK);
    assert_int_equal(query_only(&q, allowed, &err), RC_OK);
    assert_int_equal(query_only(&q, NULL, &err), RC_INPUT);
    assert_string_equal(err.msg, "unknown parameter \"b\"");
    query_clear(&q);
    assert_int_equal(query_parse("/x?A=1", &q, &err), RC_OK);
    assert_int_equal(query_only(&q, allowed, &err), RC_INPUT);
    assert_string_equal(err.msg, "unknown parameter \"A\"");
    query_clear(&q);
}

/* What was accepted is clean: that is what every handler relies on. */
static void assert_clean(const char *s, bool is_path)
{
    assert_true(text_is_utf8(s, strlen(s)));
    for (; *s != '\0'; s++) {
        assert_true((unsigned char)*s >= 0x20 && *s != 0x7f);
        assert_false(is_path && (*s == '/' || *s == '\\'));
    }
}

/* Writes text as a query value that means it. */
static void encode(const char *text, char *out)
{
    for (; *text != '\0'; text++)
        out += sprintf(out, "%%%02x", (unsigned char)*text);
}

static void any_string_is_refused_or_clean(void **state)
{
    (void)state;
    static const char alphabet[] = "/a.%2f?&=+#\\0eE5c \x01\xc3\xbc\xff";
    struct rnd rnd = rnd_from_environment();
    unsigned accepted = 0;

    for (int round = 0; round < 200000; round++) {
        char target[40] = "/";
        size_t n = rnd_below(&rnd, sizeof target - 2);
        for (size_t i = 1; i <= n; i++)
            target[i] = alphabet[rnd_below(&rnd, sizeof alphabet - 1)];
        struct query q = {0};
        struct err err;
        if (query_parse(target, &q, &err) != RC_OK) {
            assert_int_equal(err.rc, RC_INPUT);
            assert_true(err.msg[0] != '\0');
            continue;
        }
        accepted++;
        for (unsigned i = 0; i < q.n_segments; i++)
            assert_clean(q.segment[i], true);
        for (unsigned i = 0; i < q.n_params; i++) {
            assert_clean(q.param[i].name, false);
            assert_clean(q.param[i].value, false);
        }
        query_clear(&q);
    }
    assert_true(accepted > 100);
}

static void values_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();

    for (int round = 0; round < 2000; round++) {
        char value[32] = "", target[128] = "/a?v=";
        size_t n = rnd_below(&rnd, sizeof value - 1);
        for (size_t i = 0; i < n; i++)
            value[i] = (char)(0x20 + rnd_below(&rnd, 0x5f));
        encode(value, target + 5);
        struct query q;
        struct err err;
        assert_int_equal(query_parse(target, &q, &err), RC_OK);
        assert_string_equal(query_get(&q, "v"), value);
        query_clear(&q);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct query q = {0};
        struct err err;

        oom_arm(nth);
        enum rc rc = query_parse("/v1/banks/A?x=1", &q, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 1);
            query_clear(&q);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(q.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_target_apart),
        cmocka_unit_test(knows_the_root_and_a_trailing_slash),
        cmocka_unit_test(decodes_once),
        cmocka_unit_test(refuses_what_is_doubtful),
        cmocka_unit_test(refuses_unknown_parameters),
        cmocka_unit_test(any_string_is_refused_or_clean),
        cmocka_unit_test(values_come_out_as_they_went_in),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
