/* Does every setting arrive from where it may, with its default, and is each mistake refused? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/config.h"
#include "service/log.h"
#include "service/service.h"
#include "service/setting.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#include "tests/support/tmpdir.h"

static struct config *fresh(void)
{
    struct config *config = NULL;
    struct err err = {0};
    assert_int_equal(config_new(&config, &err), RC_OK);
    return config;
}

static void refuse(const char *text, const char *words)
{
    SCOPED(config_free) struct config *config = fresh();
    struct err err = {0};
    assert_int_equal(config_parse(text, "hashgated.conf", config, &err), RC_INPUT);
    assert_string_equal(err.msg, words);
}

static void has_the_documented_defaults(void **state)
{
    (void)state;
    SCOPED(config_free) struct config *c = fresh();
    struct err err = {0};
    assert_string_equal(c->listen, "127.0.0.1:8480");
    assert_string_equal(c->address_file, "");
    assert_string_equal(c->tls_certificate, "");
    assert_false(c->plain_anywhere);
    assert_string_equal(c->admin_socket, "");
    assert_int_equal(c->max_upload, 32u << 20);
    assert_int_equal(c->max_video_upload, 512u << 20);
    assert_int_equal(c->max_import, 256u << 20);
    assert_int_equal(c->max_json, 1u << 20);
    assert_int_equal(c->header_timeout_ms, 10000);
    assert_int_equal(c->body_timeout_ms, 20000);
    assert_int_equal(c->min_rate, 32768);
    assert_int_equal(c->idle_timeout_ms, 30000);
    assert_int_equal(c->max_connections, 4096);
    assert_int_equal(c->queue, 256);
    assert_int_equal(c->stop_timeout_ms, 25000);
    assert_string_equal(c->database, "sqlite:/var/lib/hashgate/hashgate.db");
    assert_string_equal(c->snapshot, "beside");
    assert_int_equal(c->follow_ms, 1000);
    assert_int_equal(c->workers, 0);
    assert_int_equal(c->hashing_timeout_ms, 20000);
    assert_int_equal(c->max_pixels, 100000000);
    assert_int_equal(c->memory, 1u << 30);
    assert_false(c->unusable_review);
    assert_true(c->rate <= 0 && c->burst <= 0);
    assert_string_equal(c->metrics_listen, "");
    assert_int_equal(c->log_level, LOG_INFO);
    assert_false(c->log_json);
    assert_int_equal(config_check(c, &err), RC_OK);
}

static void reads_every_type(void **state)
{
    (void)state;
    SCOPED(config_free) struct config *c = fresh();
    struct err err = {0};
    const char *text = "\xEF\xBB\xBF; a comment\r\n"
                       "[http]\r\n"
                       "  listen = [::1]:0, unix:/run/h.sock ; inline\n"
                       "\tmax_upload=8KiB\n"
                       "plain = anywhere\n"
                       "header_timeout: 1500ms\n"
                       "\n"
                       "[log] # the log\n"
                       "level = debug\n"
                       "format = json\n"
                       "[limits]\n"
                       "rate = 12.5\n"
                       "[hashing]\n"
                       "workers = 3\n"
                       "max_pixels = 50M\n"
                       "[check]\n"
                       "unusable = review";
    assert_int_equal(config_parse(text, "t", c, &err), RC_OK);
    assert_string_equal(c->listen, "[::1]:0, unix:/run/h.sock");
    assert_int_equal(c->max_upload, 8192);
    assert_true(c->plain_anywhere);
    assert_int_equal(c->header_timeout_ms, 1500);
    assert_int_equal(c->log_level, LOG_DEBUG);
    assert_true(c->log_json);
    assert_true(c->rate > 12.4 && c->rate < 12.6);
    assert_int_equal(c->workers, 3);
    assert_int_equal(c->max_pixels, 50000000);
    assert_true(c->unusable_review);
    assert_int_equal(c->max_video_upload, 512u << 20); /* not named: as it was */
}

static void names_line_and_reason(void **state)
{
    (void)state;
    refuse("[http]\n\n# x\nmax_upload = abc\n",
           "hashgated.conf:4: [http] max_upload: 'abc' is not a size (as 64MiB)");
    refuse("[http]\nmax_upload = 1\n",
           "hashgated.conf:2: [http] max_upload: '1' is out of range (1KiB to 16GiB)");
    refuse("[http]\nmax_upload =\n",
           "hashgated.conf:2: [http] max_upload: '' is not a size (as 64MiB)");
    refuse("[http]\nqueue = -1\n",
           "hashgated.conf:2: [http] queue: '-1' is out of range (1 to 65535)");
    refuse("[http]\nqueue = 1s\n", "hashgated.conf:2: [http] queue: '1s' is not a whole number");
    refuse("[http]\nidle_timeout = 30\n",
           "hashgated.conf:2: [http] idle_timeout: '30' is not a time (as 30s)");
    refuse("[hashing]\nmax_pixels = 1MiB\n",
           "hashgated.conf:2: [hashing] max_pixels: '1MiB' is not a count (as 100M)");
    refuse("[limits]\nrate = inf\n",
           "hashgated.conf:2: [limits] rate: 'inf' is not a number (as 12.5, or none)");
    refuse("[limits]\nrate = 1.2.3\n",
           "hashgated.conf:2: [limits] rate: '1.2.3' is not a number (as 12.5, or none)");
    refuse("[limits]\nrate = 0.0000009\n", "hashgated.conf:2: [limits] rate: '0.0000009' is less "
                                           "than one in eleven days (0.000001)");
    refuse("[log]\nlevel = loud\n",
           "hashgated.conf:2: [log] level: 'loud' is not error, warning, info or debug");
    refuse("[http]\nplain = no\n",
           "hashgated.conf:2: [http] plain: 'no' is not loopback or anywhere");
    refuse("[http]\nlisten = a\nlisten = b\n", "hashgated.conf:3: [http] listen: given twice");
    refuse("[http]\nlisten = a\n[log]\n[http]\nlisten = b\n",
           "hashgated.conf:5: [http] listen: given twice");
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    refuse("[http]\nlisten_on = a\n", "hashgated.conf:2: there is no setting [http] listen_on");
    refuse("[store]\nlisten = a\n", "hashgated.conf:2: there is no setting [store] listen");
    refuse("\n[htpp]\n", "hashgated.conf:2: there is no section [htpp]");
    refuse("[HTTP]\n", "hashgated.conf:1: there is no section [HTTP]");
    refuse("listen = a\n", "hashgated.conf:1: 'listen' stands before any [section]");
    refuse("[http]\nlisten\n", "hashgated.conf:2: neither [section] nor key = value");
    refuse("[http\nlisten = a\n", "hashgated.conf:1: neither [section] nor key = value");
    refuse("[http] listen = a\n", "hashgated.conf:1: text behind the ']' of a section");
    refuse("[http]\nlisten\nqueue = x\n", "hashgated.conf:2: neither [section] nor key = value");
    refuse("[http]\naddress_file = a\x01\n",
           "hashgated.conf:2: the line holds a control character");
    refuse("[http]\naddress_file = \xff\n", "hashgated.conf:2: the line is not UTF-8");
    refuse("[http]\n  continued\n", "hashgated.conf:2: neither [section] nor key = value");
}

static void refuses_long_lines(void **state)
{
    (void)state;
    static char text[6000];
    struct err err = {0};
    for (size_t n = 4070; n < 5000; n++) {
        SCOPED(config_free) struct config *c = fresh();
        memcpy(text, "[http]\naddress_file = ", 22);
        memset(text + 22, 'a', n);
        memcpy(text + 22 + n, "\n", 2);
        enum rc rc = config_parse(text, "t", c, &err);
        /* Read whole or refused, never cut. */
        if (rc == RC_OK)
            assert_int_equal(strlen(c->address_file), n);
        else
            assert_int_equal(rc, RC_INPUT);
        if (n > 4094 - 15)
            assert_string_equal(err.msg, "t:2: the line is longer than 4094 bytes");
    }
}

static void checks_what_must_fit_together(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"[http]\ntls_key = /k\n", "[http] tls_certificate and tls_key: give both or neither"},
        {"[http]\nlisten =\n", "[http] listen: must not be empty"},
        {"[http]\nadmin_socket = run/x\n", "[http] admin_socket: 'run/x' is not an absolute path"},
        {"[store]\ndatabase =\n", "[store] database: must not be empty"},
        {"[store]\nsnapshot =\n", "[store] snapshot: must not be empty: beside, none or a path"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        SCOPED(config_free) struct config *c = fresh();
        struct err err = {0};
        assert_int_equal(config_parse(bad[i][0], "t", c, &err), RC_OK);
        assert_int_equal(config_check(c, &err), RC_INPUT);
        assert_string_equal(err.msg, bad[i][1]);
    }
}

static void refuses_plain_http_beyond_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rc rc;
    } cases[] = {
        {"[http]\nlisten = 0.0.0.0:80\n", RC_INPUT},
        {"[http]\nlisten = 127.0.0.1:1, [::]:80\n", RC_INPUT},
        {"[http]\nlisten = 0.0.0.0:80\nplain = anywhere\n", RC_OK},
        {"[http]\nlisten = 0.0.0.0:80\ntls_certificate = /c\ntls_key = /k\n", RC_OK},
        {"[http]\nlisten = 127.0.0.1:0, [::1]:0, unix:/run/x\n", RC_OK},
        {"[http]\nlisten = 127.0.0.1:99999\n", RC_INPUT},
        {"[http]\nlisten = 127.0.0.1:1,,127.0.0.1:2\n", RC_INPUT},
        {"[metrics]\nlisten = here\n", RC_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        SCOPED(config_free) struct config *c = fresh();
        struct err err = {0};
        assert_int_equal(config_parse(cases[i].text, "t", c, &err), RC_OK);
        assert_int_equal(config_check(c, &err), cases[i].rc);
    }
}

static const char *write_file(const char *text, size_t n)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/hashgated.conf", tmpdir());
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    return path;
}

static const char *write_text(const char *text)
{
    return write_file(text, strlen(text));
}

static void environment_wins_over_file(void **state)
{
    (void)state;
    const char *path = write_text("[http]\nqueue = 7\nmax_json = 2KiB\n");
    struct err err = {0};
    SCOPED(config_free) struct config *c = NULL;
    setenv("HASHGATE_HTTP_QUEUE", "9", 1);
    setenv("HASHGATE_HTTP_ADMIN_SOCKET", "/run/a=b.sock", 1);
    setenv("HASHGATE_URL", "http://x", 1);
    setenv("HASHGATE_KEY", "k", 1);
    assert_int_equal(config_load(path, &c, &err), RC_OK);
    assert_int_equal(c->queue, 9);
    assert_int_equal(c->max_json, 2048);
    assert_string_equal(c->admin_socket, "/run/a=b.sock");
    unsetenv("HASHGATE_HTTP_QUEUE");
    unsetenv("HASHGATE_HTTP_ADMIN_SOCKET");
}

static void refuse_environment(const char *name, const char *value, const char *words)
{
    struct config *c = NULL;
    struct err err = {0};
    const char *path = write_text("");
    setenv(name, value, 1);
    assert_int_equal(config_load(path, &c, &err), RC_INPUT);
    assert_null(c);
    assert_string_equal(err.msg, words);
    unsetenv(name);
}

static void environment_is_as_strict(void **state)
{
    (void)state;
    refuse_environment("HASHGATE_HTTP_QUEUE", "many",
                       "HASHGATE_HTTP_QUEUE: 'many' is not a whole number");
    refuse_environment("HASHGATE_HTTP_LISTN", "x",
                       "environment: there is no setting HASHGATE_HTTP_LISTN");
    refuse_environment("HASHGATE_LOG_", "x", "environment: there is no setting HASHGATE_LOG_");
    refuse_environment("HASHGATE_STORE_DATABASE", "sqlite:/a ;b",
                       "HASHGATE_STORE_DATABASE: the value holds ';' where it begins a comment");
    refuse_environment("HASHGATE_STORE_DATABASE", "sqlite:/a\n[http]",
                       "HASHGATE_STORE_DATABASE: the value holds a control character");
}

static void refuses_files_that_are_none(void **state)
{
    (void)state;
    struct config *c = NULL;
    struct err err = {0};
    assert_int_equal(config_load("/nonexistent/hashgated.conf", &c, &err), RC_SYS);
    assert_string_equal(err.msg,
                        "/nonexistent/hashgated.conf: cannot be read: No such file or directory");
    assert_int_equal(config_load(tmpdir(), &c, &err), RC_SYS);
    assert_int_equal(config_load(write_file("[http]\0x", 8), &c, &err), RC_INPUT);
    assert_non_null(strstr(err.msg, "holds a NUL byte"));
    assert_null(c);
}

/* The table is the map: equal in every setting means equal in text. */
static void assert_same(const struct config *a, const struct config *b)
{
    char room_a[64], room_b[64];
    for (const struct setting *s = settings; s->section != NULL; s++)
        assert_string_equal(setting_text(s, a, room_a, sizeof room_a),
                            setting_text(s, b, room_b, sizeof room_b));
}

static void print_and_parse_back(const struct config *c)
{
    char *text = NULL;
    size_t n = 0;
    struct err err = {0};
    SCOPED(config_free) struct config *again = fresh();
    FILE *out = open_memstream(&text, &n);
    config_print(c, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(config_parse(text, "printed", again, &err), RC_OK);
    assert_same(c, again);
    free(text);
}

static void set_at_random(struct rnd *r, const struct setting *s, struct config *c)
{
    char value[64];
    struct err err;
    uint64_t span = (uint64_t)(s->max - s->min) + 1;
    if (s->type == SETTING_TEXT)
        snprintf(value, sizeof value, "/a b;c=%llu#\xC3\xA9", (unsigned long long)rnd_next(r));
    else if (s->type == SETTING_SWITCH)
        snprintf(value, sizeof value, "%s", s->words[rnd_below(r, 2)]);
    else if (s->type == SETTING_WORD)
        snprintf(value, sizeof value, "%s", s->words[rnd_below(r, 4)]);
    else if (s->type == SETTING_RATE)
        snprintf(value, sizeof value, "%llu.%llu", (unsigned long long)rnd_below(r, 1000),
                 (unsigned long long)rnd_below(r, 1000));
    else
        snprintf(
            value, sizeof value, "%llu%s",
            (unsigned long long)(rnd_below(r, span >> rnd_below(r, 20) | 1) + (uint64_t)s->min),
            s->type == SETTING_DURATION ? "ms" : "");
    assert_int_equal(setting_set(s, c, value, "random", &err), RC_OK);
}

static void prints_what_it_can_read(void **state)
{
    (void)state;
    struct rnd r = rnd_from_environment();
    SCOPED(config_free) struct config *c = fresh();
    print_and_parse_back(c);
    for (int round = 0; round < 200; round++) {
        for (const struct setting *s = settings; s->section != NULL; s++)
            if (rnd_below(&r, 2) == 0)
                set_at_random(&r, s, c);
        print_and_parse_back(c);
    }
}

static void survives_garbage(void **state)
{
    (void)state;
    struct rnd r = rnd_from_environment();
    static const char *const bits[] = {"[http]", "\n", "queue", "=", " ", "5",  ";",      "[",  "]",
                                       "\xff",   ":",  "\t",    "#", "x", "\r", "listen", "a:1"};
    for (int round = 0; round < 5000; round++) {
        char text[256] = "";
        for (uint64_t i = rnd_below(&r, 30); i > 0; i--)
            strcat(text, bits[rnd_below(&r, sizeof bits / sizeof bits[0])]);
        SCOPED(config_free) struct config *c = fresh();
        struct err err = {0};
        enum rc rc = config_parse(text, "t", c, &err);
        assert_true(rc == RC_OK || (rc == RC_INPUT && strncmp(err.msg, "t:", 2) == 0));
    }
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    const char *path = write_text("[http]\nlisten = 127.0.0.1:1\n[store]\ndatabase = sqlite:/x\n");
    for (unsigned nth = 1;; nth++) {
        struct config *c = NULL;
        struct err err = {0};
        oom_arm(nth);
        enum rc rc = config_load(path, &c, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            config_free(c);
            break;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(c);
    }
}

static void agrees_with_the_service(void **state)
{
    (void)state;
    assert_int_equal(setting_find("hashing", "workers")->max, WORKERS_MAX);
    size_t n = 0;
    for (const struct setting *s = settings; s->section != NULL; s++, n++)
        assert_ptr_equal(setting_find(s->section, s->key), s);
    assert_true(n <= 64);
    config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_documented_defaults),
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(names_line_and_reason),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(refuses_long_lines),
        cmocka_unit_test(checks_what_must_fit_together),
        cmocka_unit_test(refuses_plain_http_beyond_loopback),
        cmocka_unit_test(environment_wins_over_file),
        cmocka_unit_test(environment_is_as_strict),
        cmocka_unit_test(refuses_files_that_are_none),
        cmocka_unit_test(prints_what_it_can_read),
        cmocka_unit_test(survives_garbage),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(agrees_with_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
