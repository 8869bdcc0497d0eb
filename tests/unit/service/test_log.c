/* Is each event one line, whatever it contains? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "service/log.h"
#include "tests/support/rnd.h"
#include "tests/support/tmpdir.h"

static int real_stderr = -1;
static char captured[16384];

/* Standard error goes to a file until capture_end(), which returns what was written. */
static void capture_begin(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/log", tmpdir());
    real_stderr = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w+", stderr));
}

static const char *capture_end(void)
{
    ssize_t n = pread(STDERR_FILENO, captured, sizeof captured - 1, 0);
    captured[n < 0 ? 0 : n] = '\0';
    fflush(stderr);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    return captured;
}

/* "2026-01-02T03:04:05.678Z" */
static void assert_time(const char *s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < sizeof form - 1; i++)
        assert_true(form[i] == 'd' ? s[i] >= '0' && s[i] <= '9' : s[i] == form[i]);
}

static void writes_text(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    capture_begin();
    log_line(LOG_INFO, "listening", "on %s", "127.0.0.1:1");
    log_line(LOG_ERROR, "stopped", "%s", "");
    log_line(LOG_DEBUG, "hidden", "%s", "x");
    const char *text = capture_end();
    assert_time(text);
    assert_memory_equal(text + 24, " info listening: on 127.0.0.1:1\n", 32);
    assert_time(text + 56);
    assert_string_equal(text + 80, " error stopped\n");
}

static void writes_json(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, true);
    capture_begin();
    log_line(LOG_WARNING, "odd \"event\"", "a\\b \"c\"\n\x1b[31m\xff\xC3\xA9");
    const char *text = capture_end();
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), 4);
    assert_time(json_string_value(json_object_get(json, "ts")));
    assert_string_equal(json_string_value(json_object_get(json, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(json, "event")), "odd \"event\"");
    assert_string_equal(json_string_value(json_object_get(json, "detail")),
                        "a\\b \"c\"\\x0a\\x1b[31m\\xff\xC3\xA9");
    json_decref(json);
}

static void marks_priority_for_the_journal(void **state)
{
    (void)state;
    char stream[64];
    struct stat st;
    capture_begin();
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_setup(LOG_INFO, false);
    log_line(LOG_WARNING, "w", "%d", 1);
    const char *text = capture_end();
    assert_memory_equal(text, "<4>2", 4);

    /* Another stream's number: standard error is not the journal. */
    setenv("JOURNAL_STREAM", "1:2", 1);
    capture_begin();
    log_setup(LOG_INFO, false);
    log_line(LOG_WARNING, "w", "%d", 1);
    assert_time(capture_end());
    unsetenv("JOURNAL_STREAM");
}

static void logs_an_err(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, RC_STORE, "db/store.c:1", "disk full"), RC_STORE);
    log_setup(LOG_INFO, false);
    capture_begin();
    log_err(LOG_ERROR, "cannot write", &err);
    assert_string_equal(capture_end() + 24,
                        " error cannot write: store: disk full (db/store.c:1)\n");
}

/* Bytes at random: one line, bounded, printable, and valid JSON when it is to be JSON. */
static void stays_one_line(void **state)
{
    (void)state;
    struct rnd r = rnd_from_environment();
    static char detail[6000];
    for (int round = 0; round < 400; round++) {
        size_t n = rnd_below(&r, round % 4 == 0 ? sizeof detail - 1 : 60);
        bool json = round % 2 == 0;
        for (size_t i = 0; i < n; i++)
            detail[i] = (char)(rnd_below(&r, 3) == 0 ? "\"\\\n\x1b"[rnd_below(&r, 4)]
                                                     : (char)(1 + rnd_below(&r, 255)));
        detail[n] = '\0';
        log_setup(LOG_INFO, json);
        capture_begin();
        log_line(LOG_INFO, detail, "%s", detail);
        const char *text = capture_end();
        size_t length = strlen(text);
        assert_true(length > 30 && length <= 4096);
        assert_ptr_equal(strchr(text, '\n'), text + length - 1);
        for (size_t i = 0; i + 1 < length; i++)
            assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
        json_t *parsed = json ? json_loads(text, 0, NULL) : NULL;
        assert_true(!json || parsed != NULL);
        json_decref(parsed);
    }
}

static void parses_levels(void **state)
{
    (void)state;
    enum log_level level = LOG_ERROR;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse("Debug", &level));
    assert_false(log_level_parse("", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_text),    cmocka_unit_test(writes_json),
        cmocka_unit_test(logs_an_err),    cmocka_unit_test(marks_priority_for_the_journal),
        cmocka_unit_test(stays_one_line), cmocka_unit_test(parses_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
