/* Is a strict reading of JSON strict, and does it name what is wrong? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/text.h"
#include "service/json_in.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

#define HEX32 "00112233445566778899AABBCCDDEEFFffeeddccbbaa99887766554433221100"

static json_t *object(const char *text)
{
    json_t *json = NULL;
    struct err err = {0};
    if (json_in_object(bytes_str(text), &json, &err) != RC_OK)
        fail_msg("%s: %s", text, err.msg);
    return json;
}

static void refuse_object(const char *text, size_t n, const char *words)
{
    json_t *json = NULL;
    struct err err = {0};
    assert_int_equal(json_in_object(bytes_of(text, n), &json, &err), RC_INPUT);
    assert_null(json);
    if (strstr(err.msg, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
    assert_true(text_is_utf8(err.msg, strlen(err.msg)));
}

static void refuses_what_is_no_object(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "the body is empty"},
        {"[]", "the body must be a JSON object"},
        {"{", "not valid JSON"},
        {"{}x", "line 1, column 3"},
        {"{\"a\":1,\"a\":2}", "duplicate object key near '\"a\"'"},
        {"{\"a\":{\"b\":1,\"b\":1}}", "duplicate object key"},
        {"{\"a\":\"\\u0000\"}", "not valid JSON"},
        {"{\"a\\u0000\":1}", "not valid JSON"},
        {"{\"a\":\"\xff\"}", "not valid JSON"},
        {"{\"a\":\"\\ud800\"}", "not valid JSON"},
        {"{\"a\":1e999}", "not valid JSON"},
        {"{\"a\":99999999999999999999}", "too big integer"},
        {"{\"a\":NaN}", "not valid JSON"},
        {"{'a':1}", "not valid JSON"},
        {"{\"a\":1,}", "not valid JSON"},
        {"\xEF\xBB\xBF{}", "not valid JSON"},
        {"{\"a\": \x1b[31m}", "not valid JSON"},
        {"{\"a\": \xE2\x80\xAE}", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_object(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    refuse_object("{}\0", 3, "not valid JSON");
    json_decref(object(" {} \n"));
}

static void bounds_the_depth(void **state)
{
    (void)state;
    char text[200];
    for (int depth = 1; depth < 60; depth++) {
        size_t n = (size_t)sprintf(text, "{\"a\":");
        for (int i = 1; i < depth; i++)
            text[n++] = '[';
        text[n++] = '1';
        for (int i = 1; i < depth; i++)
            text[n++] = ']';
        text[n++] = '}';
        text[n] = '\0';
        if (depth <= 32)
            json_decref(object(text));
        else
            refuse_object(text, n, "the body's JSON is nested deeper than 32 levels");
    }
    /* Brackets within text nest nothing. */
    json_decref(object("{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}"));

    static char brackets[1 << 20];
    memset(brackets, '[', sizeof brackets);
    refuse_object(brackets, sizeof brackets, "nested deeper");
}

static void names_unknown_fields(void **state)
{
    (void)state;
    static const char *const allowed[] = {"a", "b", NULL};
    struct err err = {0};
    SCOPED(json_free) json_t *fine = object("{\"a\":1,\"b\":2}");
    SCOPED(json_free) json_t *bad = object("{\"a\":1,\"colour\":2}");
    SCOPED(json_free) json_t *odd = object("{\"\\u001b\\u202e\":1}");
    assert_int_equal(json_in_only(fine, allowed, "", &err), RC_OK);
    assert_int_equal(json_in_only(bad, allowed, "", &err), RC_INPUT);
    assert_string_equal(err.msg, "unknown field 'colour'");
    assert_int_equal(json_in_only(bad, allowed, "media[3]", &err), RC_INPUT);
    assert_string_equal(err.msg, "unknown field 'colour' in media[3]");
    assert_int_equal(json_in_only(odd, allowed, "", &err), RC_INPUT);
    assert_string_equal(err.msg, "unknown field '\\x1b\\xe2\\x80\\xae'");
}

static void check_text(const char *json, bool required, const char *text, const char *words)
{
    SCOPED(json_free) json_t *o = object(json);
    const char *ret = "untouched";
    struct err err = {0};
    enum rc rc = json_in_text(o, "t", "x", required, 10, &ret, &err);
    if (words != NULL) {
        assert_int_equal(rc, RC_INPUT);
        assert_string_equal(err.msg, words);
        assert_string_equal(ret, "untouched");
    } else {
        assert_int_equal(rc, RC_OK);
        if (text == NULL)
            assert_null(ret);
        else
            assert_string_equal(ret, text);
    }
}

static void reads_text(void **state)
{
    (void)state;
    check_text("{}", false, NULL, NULL);
    check_text("{}", true, NULL, "'t' is required in x");
    check_text("{\"t\":\"\"}", false, "", NULL);
    check_text("{\"t\":\"\"}", true, NULL, "'t' must not be empty in x");
    check_text("{\"t\":\" \\n\\t\"}", true, NULL, "'t' must not be empty in x");
    check_text("{\"t\":null}", false, NULL, "'t' must be text in x");
    check_text("{\"t\":5}", false, NULL, "'t' must be text in x");
    check_text("{\"t\":\"0123456789\"}", true, "0123456789", NULL);
    check_text("{\"t\":\"01234567890\"}", true, NULL, "'t' in x is longer than 10 bytes");
    check_text("{\"t\":\"a\\r\"}", true, NULL, "'t' in x holds a control character");
    check_text("{\"t\":\"a\\n\\tb\"}", true, "a\n\tb", NULL);
    check_text("{\"t\":\"\\u202ea\"}", true,
               "\xE2\x80\xAE"
               "a",
               NULL);
}

static void checks_text_that_is_kept(void **state)
{
    (void)state;
    struct err err = {0};
    for (unsigned c = 1; c < 0x100; c++) {
        char raw[2] = {(char)c, '\0'};
        char point[3] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)), '\0'};
        bool control = (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
        assert_int_equal(text_in_check(raw, 0, "x", &err), c >= 0x80 || control ? RC_INPUT : RC_OK);
        if (c >= 0x80)
            assert_int_equal(text_in_check(point, 0, "x", &err), c < 0xa0 ? RC_INPUT : RC_OK);
    }
    char *longest = malloc(4098);
    memset(longest, 'a', 4097);
    longest[4097] = '\0';
    assert_int_equal(text_in_check(longest, 0, "reason", &err), RC_INPUT);
    assert_string_equal(err.msg, "reason is longer than 4096 bytes");
    assert_int_equal(text_in_check(longest + 1, 0, "reason", &err), RC_OK);
    free(longest);
}

static void reads_numbers(void **state)
{
    (void)state;
    struct err err = {0};
    SCOPED(json_free)
    json_t *o =
        object("{\"i\":63,\"low\":-1,\"real\":5.0,\"text\":\"5\",\"null\":null,\"true\":true}");
    static const char *const bad[] = {"low", "real", "text", "null", "true"};
    int64_t i = 7;
    double d = 7;
    bool given = true;
    assert_int_equal(json_in_int(o, "none", "", false, 0, 63, &i, &given, &err), RC_OK);
    assert_true(i == 7 && !given);
    assert_int_equal(json_in_int(o, "i", "", true, 0, 63, &i, &given, &err), RC_OK);
    assert_true(i == 63 && given);
    assert_int_equal(json_in_int(o, "i", "", true, 0, 62, &i, NULL, &err), RC_INPUT);
    assert_string_equal(err.msg, "'i' must be a whole number from 0 to 62");
    assert_int_equal(json_in_int(o, "none", "x", true, 0, 62, &i, NULL, &err), RC_INPUT);
    assert_string_equal(err.msg, "'none' is required in x");
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        assert_int_equal(json_in_int(o, bad[k], "x", false, 0, 63, &i, NULL, &err), RC_INPUT);
    assert_int_equal(i, 63);

    assert_int_equal(json_in_number(o, "none", "", 0, 9, &d, &err), RC_OK);
    assert_true(d > 6.9 && d < 7.1);
    assert_int_equal(json_in_number(o, "real", "", 0, 9, &d, &err), RC_OK);
    assert_true(d > 4.9 && d < 5.1);
    assert_int_equal(json_in_number(o, "i", "", 0, 63, &d, &err), RC_OK);
    assert_int_equal(json_in_number(o, "low", "", 0, 0.5, &d, &err), RC_INPUT);
    assert_string_equal(err.msg, "'low' must be a number from 0 to 0.5");
    assert_int_equal(json_in_number(o, "text", "", 0, 9, &d, &err), RC_INPUT);
}

static void check_labels(const char *json, const char *words)
{
    SCOPED(json_free) json_t *o = object(json);
    struct labels labels = {.n = 77};
    bool given = false;
    struct err err = {0};
    assert_int_equal(json_in_labels(o, "labels", &labels, &given, &err), RC_INPUT);
    assert_string_equal(err.msg, words);
    assert_int_equal(labels.n, 77);
}

static void reads_labels(void **state)
{
    (void)state;
    struct err err = {0};
    struct labels labels = {.n = 77};
    bool given = true;
    SCOPED(json_free) json_t *o = object("{\"labels\":[\"is-propaganda\",\"\xC3\xA9t\xC3\xA9\"]}");
    assert_int_equal(json_in_labels(o, "none", &labels, &given, &err), RC_OK);
    assert_true(!given && labels.n == 77);
    assert_int_equal(json_in_labels(o, "labels", &labels, &given, &err), RC_OK);
    assert_true(given && labels.n == 2);
    assert_string_equal(labels.label[0], "is-propaganda");

    check_labels("{\"labels\":\"a\"}", "'labels' must be an array of at most 32 labels");
    check_labels("{\"labels\":[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2]}",
                 "'labels' must be an array of at most 32 labels");
    check_labels("{\"labels\":[\"a\",5]}", "'labels[1]' must be text");
    check_labels("{\"labels\":[\"a\",\"a\"]}", "'labels[1]' is given twice");
    check_labels("{\"labels\":[\"\"]}", "'labels[0]' is empty");
    check_labels("{\"labels\":[\"a b\"]}", "'labels[0]' holds a blank or a comma");
    check_labels("{\"labels\":[\"a,b\"]}", "'labels[0]' holds a blank or a comma");
    check_labels("{\"labels\":[\"\\u0085\"]}", "'labels[0]' holds a control character");
}

static void refuse_signal(const char *json, const char *words)
{
    SCOPED(json_free) json_t *o = object(json);
    struct signal signal;
    struct err err = {0};
    assert_int_equal(json_in_signal(o, "signals[2]", &signal, &err), RC_INPUT);
    assert_string_equal(err.msg, words);
}

static void refuses_bad_signals(void **state)
{
    (void)state;
    refuse_signal("{\"type\":\"pdq\"}", "'value' is required in signals[2]");
    refuse_signal("{\"value\":\"x\"}", "'type' is required in signals[2]");
    refuse_signal("{\"type\":\"PDQ\",\"value\":\"x\"}",
                  "unknown signal type 'PDQ' in signals[2] (pdq, sha256, sha1 or md5)");
    refuse_signal("{\"type\":\"pdq\",\"value\":\"x\",\"usable\":true}",
                  "unknown field 'usable' in signals[2]");
    refuse_signal("{\"type\":\"md5\",\"value\":\"" HEX32 "\"}",
                  "'value' in signals[2] is not a md5: 32 hex digits, or base64 of 16 bytes");
    refuse_signal("{\"type\":\"pdq\",\"value\":\"" HEX32 "0\"}",
                  "'value' in signals[2] is not a pdq: 64 hex digits, or base64 of 32 bytes");
    refuse_signal("{\"type\":\"pdq\",\"value\":5}", "'value' must be text in signals[2]");
    refuse_signal("{\"type\":\"pdq\",\"value\":\"" HEX32 "\",\"quality\":101}",
                  "'quality' must be a whole number from 0 to 100 in signals[2]");
    refuse_signal("{\"type\":\"sha256\",\"value\":\"" HEX32 "\",\"quality\":100}",
                  "'quality' in signals[2]: only a pdq has one");
    refuse_signal("{\"type\":\"pdq\",\"value\":\"" HEX32 "\",\"ms\":-1}",
                  "'ms' must be a whole number from 0 to 2147483647 in signals[2]");
    struct signal signal;
    struct err err = {0};
    SCOPED(json_free) json_t *o = object("{\"a\":[]}");
    assert_int_equal(json_in_signal(json_object_get(o, "a"), "signals[0]", &signal, &err),
                     RC_INPUT);
    assert_string_equal(err.msg, "signals[0] must be an object");
}

/* The slow and plain way, with '+' and '/' or '-' and '_'. */
static void base64(const uint8_t *in, size_t n, bool url, bool padded, char *out)
{
    const char *last = url ? "-_" : "+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < n ? in[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            uint32_t d = v >> (18 - 6 * k) & 63;
            bool used = i + k <= n;
            if (used || padded)
                *out++ = !used    ? '='
                         : d < 26 ? (char)('A' + d)
                         : d < 52 ? (char)('a' + d - 26)
                         : d < 62 ? (char)('0' + d - 52)
                                  : last[d - 62];
        }
    }
    *out = '\0';
}

static void write_value(struct rnd *r, const uint8_t *value, size_t size, char *text)
{
    uint64_t form = rnd_below(r, 6);
    for (size_t i = 0; i < size && form < 2; i++)
        sprintf(text + 2 * i, form == 0 ? "%02x" : "%02X", value[i]);
    if (form >= 2)
        base64(value, size, (form & 1) != 0, form >= 4, text);
}

static void reads_signals_of_every_form(void **state)
{
    (void)state;
    struct rnd r = rnd_from_environment();
    for (int round = 0; round < 2000; round++) {
        enum signal_type type = (enum signal_type)rnd_below(&r, SIGNAL_TYPES);
        uint8_t value[32] = {0};
        char text[80], json[256], more[64] = "";
        int64_t ms = (int64_t)rnd_below(&r, 1u << 31);
        bool has_more = rnd_below(&r, 2) == 0;
        for (size_t i = 0; i < signal_size(type); i++)
            value[i] = (uint8_t)rnd_next(&r);
        write_value(&r, value, signal_size(type), text);
        if (has_more)
            snprintf(more, sizeof more, ",\"ms\":%lld%s", (long long)ms,
                     type == SIGNAL_PDQ ? ",\"quality\":42" : "");
        snprintf(json, sizeof json, "{\"type\":\"%s\",\"value\":\"%s\"%s}", signal_type_name(type),
                 text, more);

        struct signal signal;
        struct err err = {0};
        SCOPED(json_free) json_t *o = object(json);
        assert_int_equal(json_in_signal(o, "s", &signal, &err), RC_OK);
        assert_int_equal(signal.type, type);
        assert_memory_equal(signal.value, value, 32);
        assert_int_equal(signal.ms, has_more ? ms : -1);
        assert_int_equal(signal.quality, has_more && type == SIGNAL_PDQ ? 42 : -1);
    }
}

/* jansson's own allocations are made to fail, each in turn. */
static void survives_lack_of_memory(void **state)
{
    (void)state;
    json_set_alloc_funcs(malloc, free);
    for (unsigned nth = 1;; nth++) {
        json_t *json = NULL;
        struct err err = {0};
        oom_arm(nth);
        enum rc rc = json_in_object(bytes_str("{\"a\":[1,\"two\",{\"b\":3.5}]}"), &json, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            json_decref(json);
            break;
        }
        /* jansson's reader of tokens calls a lack of memory an invalid token. */
        assert_true(rc == RC_NOMEM || rc == RC_INPUT);
        assert_null(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(names_unknown_fields),
        cmocka_unit_test(reads_text),
        cmocka_unit_test(checks_text_that_is_kept),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(reads_labels),
        cmocka_unit_test(refuses_bad_signals),
        cmocka_unit_test(reads_signals_of_every_form),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
