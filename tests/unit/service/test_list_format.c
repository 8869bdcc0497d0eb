/* Are lists read as they are written, and are bad lines named with their number and their fault? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/text.h"
#include "service/list_format.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

#define PDQ_A "d8f8f0cce0f4a84f0e370a22028f67f0b36e2ed596621e1d33e6b39c4e9c9b22"
#define PDQ_B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MD5_A "d41d8cd98f00b204e9800998ecf8427f"
#define HEAD  "signal_type,signal_str,collab,category,tags\n"

static struct list *read_ok(enum list_format format, const char *text)
{
    struct list *list = NULL;
    struct err err = {0};
    if (list_read(format, bytes_str(text), &list, &err) != RC_OK)
        fail_msg("%s", err.msg);
    return list;
}

static void expect_line(const struct list *list, size_t i, enum signal_type type, const char *hex,
                        const char *labels, const char *source)
{
    char got[65];
    assert_true(i < list->n);
    const struct import_line *line = &list->lines[i];
    text_hex(line->signal.value, signal_size(line->signal.type), got);
    assert_int_equal(line->signal.type, type);
    assert_string_equal(got, hex);
    assert_string_equal(line->labels, labels);
    assert_string_equal(line->source, source);
}

static void reads_text(void **state)
{
    (void)state;
    SCOPED(list_free)
    struct list *list = read_ok(LIST_TEXT, "\xef\xbb\xbf# a list\r\n\r\n" PDQ_A "\r\n"
                                           "pdq " PDQ_B "\n  PDQ\t" PDQ_A "  \n   \n"
                                           "sha256 " PDQ_B "\nmd5 " MD5_A);
    assert_int_equal(list->n, 5);
    assert_int_equal(list->error_count, 0);
    expect_line(list, 0, SIGNAL_PDQ, PDQ_A, "", "");
    expect_line(list, 1, SIGNAL_PDQ, PDQ_B, "", "");
    expect_line(list, 2, SIGNAL_PDQ, PDQ_A, "", "");
    expect_line(list, 3, SIGNAL_SHA256, PDQ_B, "", "");
    expect_line(list, 4, SIGNAL_MD5, MD5_A, "", "");
    assert_int_equal(list->lines[0].signal.quality, -1);
    assert_int_equal(list->lines[0].signal.ms, -1);
}

static void reads_tx_csv(void **state)
{
    (void)state;
    SCOPED(list_free)
    struct list *list =
        read_ok(LIST_CSV, HEAD "pdq," PDQ_A ",my list,INVESTIGATION_SEED,\r\n"
                               "video_md5," MD5_A ",\"a, \"\"b\"\"\",POSITIVE_CLASS,one  two\n"
                               "pdq," PDQ_B ",,NEGATIVE_CLASS,\n"
                               "\n"
                               "pdq," PDQ_B ",'=1+1,,'@x\n"
                               "sha256,2Pjw" /* padded base64 of PDQ_A */
                               "zOD0qE8ONwoiAo9n8LNuLtWWYh4dM+aznE6cmyI=,,DISPUTED,\n");
    assert_int_equal(list->error_count, 0);
    assert_int_equal(list->n, 4);
    assert_int_equal(list->skipped, 1);
    expect_line(list, 0, SIGNAL_PDQ, PDQ_A, "", "my list");
    expect_line(list, 1, SIGNAL_MD5, MD5_A, "one two", "a, \"b\"");
    expect_line(list, 2, SIGNAL_PDQ, PDQ_B, "@x", "=1+1");
    expect_line(list, 3, SIGNAL_SHA256, PDQ_A, "", "");
}

static void reads_csv_with_columns_in_any_order(void **state)
{
    (void)state;
    SCOPED(list_free)
    struct list *list = read_ok(LIST_CSV, "tags,signal_str,signal_type\nx," PDQ_A ",pdq\n");
    assert_int_equal(list->n, 1);
    expect_line(list, 0, SIGNAL_PDQ, PDQ_A, "x", "");
}

static void reads_ndjson(void **state)
{
    (void)state;
    SCOPED(list_free)
    struct list *list =
        read_ok(LIST_NDJSON,
                "{\"type\":\"pdq\",\"value\":\"" PDQ_A "\",\"quality\":88,\"ms\":1500,"
                "\"labels\":[\"a\",\"b\"],\"source\":\"s\",\"entry\":\"01J\",\"reason\":\"r\"}\n"
                "\n  \r\n{\"type\":\"md5\",\"value\":\"" MD5_A "\"}");
    assert_int_equal(list->error_count, 0);
    assert_int_equal(list->n, 2);
    expect_line(list, 0, SIGNAL_PDQ, PDQ_A, "a b", "s");
    expect_line(list, 1, SIGNAL_MD5, MD5_A, "", "");
    assert_int_equal(list->lines[0].signal.quality, 88);
    assert_int_equal(list->lines[0].signal.ms, 1500);
}

struct refusal {
    enum list_format format;
    const char *text;
    uint64_t line;
    const char *words;
};

static void names_each_bad_line(void **state)
{
    (void)state;
#define J(rest) "{\"type\":\"pdq\",\"value\":\"" PDQ_A "\"" rest "}"
    static const struct refusal refusals[] = {
        {LIST_TEXT, "\n#\n" PDQ_A "0\n", 3, "the value of a pdq must be 64 hex digits"},
        {LIST_TEXT, "pdq " PDQ_A " x\n", 1, "more than a type and a value"},
        {LIST_TEXT, PDQ_A "\nphotodna " PDQ_A "\n", 2,
         "type \"photodna\" is not pdq, sha256, sha1, md5 or video_md5"},
        /* Cut off where it could be an md5 or base64: never taken for one. */
        {LIST_TEXT, "d8f8f0cce0f4a84f0e370a22028f67f0", 1,
         "the value of a pdq must be 64 hex digits"},
        {LIST_TEXT, "pdq d8f8f0cce0f4a84f0e370a22028f67f0b36e2ed5966", 1,
         "the value of a pdq must be 64 hex digits"},
        {LIST_TEXT, "pdq 0000000000000000000000000000000000000000000000000000000000000000\n", 1,
         "pdq: all bits are equal: a placeholder, not the hash of anything"},
        {LIST_TEXT, "pdq ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n", 1,
         "pdq: all bits are equal: a placeholder, not the hash of anything"},
        {LIST_TEXT, "\xff\xfe\n", 1, "the line is not UTF-8 text"},
        {LIST_CSV, HEAD "pdq," PDQ_A "\n", 2, "2 columns where the header has 5"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",,,,\n", 2, "more than 5 columns"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",\"x,,\n", 2, "a quoted field does not end on this line"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",\"x\"y,,\n", 2, "text after a quoted field"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",x\"y,,\n", 2, "a quote within an unquoted field"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",,MAYBE,\n", 2, "category \"MAYBE\" is not one of tx's"},
        {LIST_CSV, HEAD "url,https://example.org,,,\n", 2,
         "type \"url\" is not pdq, sha256, sha1, md5 or video_md5"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",,,a,b\n", 2, "more than 5 columns"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",,,\"a,b\"\n", 2, "label holds a blank or a comma"},
        {LIST_CSV, HEAD "pdq," PDQ_A ",\x1b[2J,,\n", 2, "source holds a control character"},
        {LIST_NDJSON, J("") "\n{\n", 2, "not a JSON object, or one with a member twice"},
        {LIST_NDJSON, J(",\"type\":\"pdq\""), 1, "not a JSON object, or one with a member twice"},
        {LIST_NDJSON, "[]", 1, "not a JSON object, or one with a member twice"},
        {LIST_NDJSON, J(",\"tag\":1"), 1, "unknown field 'tag' in this line"},
        {LIST_NDJSON, J(",\"source\":1"), 1, "'source' must be text in this line"},
        {LIST_NDJSON, J(",\"labels\":[\"a b\"]"), 1, "'labels[0]' holds a blank or a comma"},
        {LIST_NDJSON, J(",\"quality\":49"), 1,
         "pdq: quality 49 is below 50: it would match anything flat"},
        {LIST_NDJSON, "{\"type\":\"pdq\"}", 1, "'value' is required in this line"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        SCOPED(list_free)
        struct list *list = read_ok(refusals[i].format, refusals[i].text);
        assert_int_equal(list->error_count, 1);
        assert_int_equal(list->n_errors, 1);
        assert_string_equal(list->errors[0].detail, refusals[i].words);
        assert_int_equal(list->errors[0].line, refusals[i].line);
    }
}

static void refuses_what_is_no_list(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {LIST_TEXT, "", 0, "the list is empty"},
        {LIST_TEXT, "# nothing\n\n", 0, "the list holds no signal"},
        {LIST_CSV, HEAD, 0, "the list holds no signal"},
        {LIST_CSV, "pdq," PDQ_A ",,,\n", 0,
         "line 1: \"pdq\" is not a column of signal_type,signal_str,collab,category,tags"},
        {LIST_CSV, "signal_type,collab\n", 0,
         "line 1: the columns signal_type and signal_str are needed"},
        {LIST_CSV, "signal_type,signal_type\n", 0,
         "line 1: \"signal_type\" is not a column of signal_type,signal_str,collab,category,tags"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct list *list = NULL;
        struct err err;
        assert_int_equal(list_read(refusals[i].format, bytes_str(refusals[i].text), &list, &err),
                         RC_INPUT);
        assert_null(list);
        assert_string_equal(err.msg, refusals[i].words);
    }
}

static void refuses_a_line_without_end(void **state)
{
    (void)state;
    static char text[LIST_LINE_MAX + 2];
    memset(text, 'a', LIST_LINE_MAX + 1);
    SCOPED(list_free) struct list *list = read_ok(LIST_TEXT, text);
    assert_int_equal(list->error_count, 1);
    assert_string_equal(list->errors[0].detail, "the line is longer than 65536 bytes");
    text[LIST_LINE_MAX] = '\0';
    SCOPED(list_free) struct list *shorter = read_ok(LIST_TEXT, text);
    assert_string_equal(shorter->errors[0].detail, "the value of a pdq must be 64 hex digits");
}

static void counts_errors_beyond_those_it_keeps(void **state)
{
    (void)state;
    char text[3 * 300 + 1];
    for (size_t i = 0; i < 300; i++)
        memcpy(text + 3 * i, "xy\n", 4);
    SCOPED(list_free) struct list *list = read_ok(LIST_TEXT, text);
    assert_int_equal(list->error_count, 300);
    assert_int_equal(list->n_errors, LIST_ERRORS_MAX);
    assert_int_equal(list->errors[99].line, 100);
}

static void knows_content_types(void **state)
{
    (void)state;
    enum list_format f;
    assert_true(list_format_parse("text/plain", &f) && f == LIST_TEXT);
    assert_true(list_format_parse("Text/CSV; charset=utf-8", &f) && f == LIST_CSV);
    assert_true(list_format_parse("application/x-ndjson", &f) && f == LIST_NDJSON);
    assert_false(list_format_parse("", &f));
    assert_false(list_format_parse("text/plainer", &f));
    assert_false(list_format_parse("text/plai", &f));
    assert_false(list_format_parse("application/x-www-form-urlencoded", &f));
}

/* What the CSV writer guards, the reader gives back. */
static void csv_text_comes_back(void **state)
{
    (void)state;
    static const char alphabet[] = "ab=+-@'\"|,;. ";
    struct rnd rnd = rnd_from_environment();
    for (int round = 0; round < 3000; round++) {
        char source[20], quoted[64], text[300];
        size_t n = rnd_below(&rnd, sizeof source - 1);
        for (size_t i = 0; i < n; i++)
            source[i] = alphabet[rnd_below(&rnd, sizeof alphabet - 1)];
        source[n] = '\0';
        assert_true(list_csv_quote(source, quoted, sizeof quoted));
        assert_null(strchr("=+-@", quoted[0] == '\0' ? 'x' : quoted[0]));
        snprintf(text, sizeof text, HEAD "pdq," PDQ_A ",%s,,\n", quoted);
        SCOPED(list_free) struct list *list = read_ok(LIST_CSV, text);
        assert_int_equal(list->n, 1);
        assert_string_equal(list->lines[0].source, source);
    }
    char small[8];
    assert_false(list_csv_quote("abcdef", small, sizeof small));
}

/* Any bytes give a list, or a refusal; never a crash, never a signal that no line holds. */
static void takes_any_bytes(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "pdq " PDQ_A "\n# x\n" PDQ_B "\n", HEAD "pdq," PDQ_A ",\"x\"\"y\",POSITIVE_CLASS,a b\n",
        "{\"type\":\"pdq\",\"value\":\"" PDQ_A "\",\"labels\":[\"a\"]}\n"};
    struct rnd rnd = rnd_from_environment();
    for (int round = 0; round < 20000; round++) {
        enum list_format format = (enum list_format)(round % 3);
        char text[256];
        size_t n = (size_t)snprintf(text, sizeof text, "%s", seeds[format]);
        for (uint64_t edits = rnd_below(&rnd, 6); edits > 0; edits--)
            text[rnd_below(&rnd, n)] = (char)rnd_next(&rnd);
        n -= rnd_below(&rnd, n);
        SCOPED(list_free) struct list *list = NULL;
        struct err err = {0};
        enum rc rc = list_read(format, bytes_of(text, n), &list, &err);
        assert_true(rc == RC_OK || (rc == RC_INPUT && err.msg[0] != '\0'));
        for (size_t i = 0; list != NULL && i < list->n; i++)
            assert_true(text_is_utf8(list->lines[i].source, strlen(list->lines[i].source)));
    }
}

static void reads_a_million_lines(void **state)
{
    (void)state;
    enum { LINES = 1000000, LINE = 69 };
    SCOPED(mem_free) char *text = malloc((size_t)LINES * LINE + 1);
    assert_non_null(text);
    for (unsigned i = 0; i < LINES; i++)
        snprintf(text + (size_t)i * LINE, LINE + 1, "pdq %08x%056x\n", i + 1, 7u);
    SCOPED(list_free) struct list *list = read_ok(LIST_TEXT, text);
    assert_int_equal(list->n, LINES);
    assert_int_equal(list->error_count, 0);
    assert_int_equal(list->lines[LINES - 1].signal.value[1], LINES >> 16);
    assert_ptr_equal(list->lines[0].labels, list->lines[LINES - 1].labels);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    static char text[1200 * 66];
    text[0] = '\0';
    for (size_t i = 0, used = 0; i < 1000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%08zx%056x\n", i + 1, 3u);
    for (unsigned nth = 1;; nth++) {
        SCOPED(list_free) struct list *list = NULL;
        struct err err;
        oom_arm(nth);
        enum rc rc = list_read(LIST_TEXT, bytes_str(text), &list, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_int_equal(list->n, 1000);
            assert_true(nth > 3);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_text),
        cmocka_unit_test(reads_tx_csv),
        cmocka_unit_test(reads_csv_with_columns_in_any_order),
        cmocka_unit_test(reads_ndjson),
        cmocka_unit_test(names_each_bad_line),
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(refuses_a_line_without_end),
        cmocka_unit_test(counts_errors_beyond_those_it_keeps),
        cmocka_unit_test(knows_content_types),
        cmocka_unit_test(csv_text_comes_back),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(reads_a_million_lines),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
