/* Are listen addresses read as written, and sockets bound without harming a neighbour's? */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/http_listen.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

enum { MAX = 4 };

static void reads_and_writes_the_same_form(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1:8480", "0.0.0.0:0", "[::1]:8480", "[::]:65535",
                                        "unix:/run/hashgate/http.sock"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct listen_address a[MAX];
        struct err err;
        size_t n = 0;
        char text[LISTEN_TEXT_SIZE];

        assert_int_equal(listen_parse(texts[i], a, MAX, &n, &err), RC_OK);
        assert_int_equal(n, 1);
        listen_text(&a[0], text);
        assert_string_equal(text, texts[i]);
    }
}

static void reads_a_list(void **state)
{
    (void)state;
    struct listen_address a[MAX];
    struct err err;
    size_t n = 0;
    char text[LISTEN_TEXT_SIZE];

    assert_int_equal(listen_parse(" 127.0.0.1:1 ,\t[::1]:2,unix:/a ", a, MAX, &n, &err), RC_OK);
    assert_int_equal(n, 3);
    listen_text(&a[1], text);
    assert_string_equal(text, "[::1]:2");
    assert_string_equal(a[2].path, "/a");
}

static const struct {
    const char *list, *words;
} refused[] = {
    {"", "listen: an empty address"},
    {"127.0.0.1:1,", "listen: an empty address"},
    {"127.0.0.1", "listen: \"127.0.0.1\" is no address:port (port 0 to 65535)"},
    {"127.0.0.1:", "listen: \"127.0.0.1:\" is no address:port (port 0 to 65535)"},
    {"127.0.0.1:65536", "listen: \"127.0.0.1:65536\" is no address:port (port 0 to 65535)"},
    {"127.0.0.1:-1", "listen: \"127.0.0.1:-1\" is no address:port (port 0 to 65535)"},
    {"127.0.0.1:80x", "listen: \"127.0.0.1:80x\" is no address:port (port 0 to 65535)"},
    {"localhost:80", "listen: \"localhost:80\" is no numeric address: 127.0.0.1:8480, [::1]:8480 "
                     "or unix:/path"},
    {"::1:80",
     "listen: \"::1:80\" is no numeric address: 127.0.0.1:8480, [::1]:8480 or unix:/path"},
    {"[::1:80", "listen: \"[::1:80\" is no numeric address: 127.0.0.1:8480, [::1]:8480 or "
                "unix:/path"},
    {"unix:a", "listen: \"unix:a\" is not an absolute path"},
    {"127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5",
     "listen: more than 4 addresses"},
};

static void refuses_with_the_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct listen_address a[MAX];
        struct err err;
        size_t n = 77;

        assert_int_equal(listen_parse(refused[i].list, a, MAX, &n, &err), RC_INPUT);
        assert_string_equal(err.msg, refused[i].words);
        assert_int_equal(n, 77);
    }
}

static void refuses_a_path_that_does_not_fit(void **state)
{
    (void)state;
    struct listen_address a[MAX];
    struct err err;
    size_t n;
    char list[200] = "unix:/";

    memset(list + 6, 'a', 107);
    assert_int_equal(listen_parse(list, a, MAX, &n, &err), RC_INPUT);
    assert_string_equal(err.msg, "listen: the path of a unix socket has at most 107 bytes");
    list[6 + 106] = '\0';
    assert_int_equal(listen_parse(list, a, MAX, &n, &err), RC_OK);
}

static void knows_what_only_this_machine_reaches(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool local;
    } cases[] = {{"127.0.0.1:1", true},
                 {"127.8.9.10:1", true},
                 {"128.0.0.1:1", false},
                 {"0.0.0.0:1", false},
                 {"10.0.0.1:1", false},
                 {"[::1]:1", true},
                 {"[::]:1", false},
                 {"[::ffff:127.0.0.1]:1", true},
                 {"[::ffff:10.0.0.1]:1", false},
                 {"[fe80::1]:1", false},
                 {"unix:/a", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listen_address a[MAX];
        struct err err;
        size_t n;
        assert_int_equal(listen_parse(cases[i].text, a, MAX, &n, &err), RC_OK);
        assert_int_equal(listen_is_local(&a[0]), cases[i].local);
    }
}

static struct listen_address address_of(const char *text)
{
    struct listen_address a[MAX];
    struct err err;
    size_t n;
    assert_int_equal(listen_parse(text, a, MAX, &n, &err), RC_OK);
    return a[0];
}

static void port_0_picks_one(void **state)
{
    (void)state;
    struct listen_address a = address_of("127.0.0.1:0");
    struct listen_socket s = {.fd = -1}, second = {.fd = -1};
    struct err err;
    char text[LISTEN_TEXT_SIZE];

    assert_int_equal(listen_bind(&a, 0600, &s, &err), RC_OK);
    listen_text(&s.address, text);
    assert_string_not_equal(text, "127.0.0.1:0");
    SCOPED(fd_close) int c = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(c, (const struct sockaddr *)&s.address.sa, s.address.length), 0);

    assert_int_equal(listen_bind(&s.address, 0600, &second, &err), RC_SYS);
    assert_non_null(strstr(err.msg, "cannot bind 127.0.0.1:"));
    assert_int_equal(second.fd, -1);
    listen_close(&s);
}

static char *socket_text(const char *name, char text[LISTEN_TEXT_SIZE])
{
    snprintf(text, LISTEN_TEXT_SIZE, "unix:%s/%s", tmpdir(), name);
    return text;
}

static void a_unix_socket_has_its_mode_and_goes_away(void **state)
{
    (void)state;
    char text[LISTEN_TEXT_SIZE];
    struct listen_address a = address_of(socket_text("mode", text));
    struct listen_socket s = {.fd = -1};
    struct stat st;
    struct err err;
    mode_t before = umask(022);

    assert_int_equal(listen_bind(&a, 0600, &s, &err), RC_OK);
    assert_int_equal(umask(before), 022); /* put back */
    assert_int_equal(stat(a.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    listen_close(&s);
    assert_int_equal(s.fd, -1);
    assert_int_equal(stat(a.path, &st), -1);
    listen_close(&s); /* harmless */
}

static void a_dead_socket_is_replaced_a_living_one_is_not(void **state)
{
    (void)state;
    char text[LISTEN_TEXT_SIZE];
    struct listen_address a = address_of(socket_text("stale", text));
    struct listen_socket first = {.fd = -1}, second = {.fd = -1}, third = {.fd = -1};
    struct err err;

    assert_int_equal(listen_bind(&a, 0666, &first, &err), RC_OK);
    assert_int_equal(listen_bind(&a, 0666, &second, &err), RC_INPUT);
    assert_non_null(strstr(err.msg, "is the service running already?"));
    shutdown(first.fd, SHUT_RD); /* as after http_quiesce(), or in a process that was killed */

    assert_int_equal(listen_bind(&a, 0666, &third, &err), RC_OK);
    listen_close(&first); /* the path is no longer its own */
    assert_int_equal(access(a.path, F_OK), 0);
    listen_close(&third);
    assert_int_equal(access(a.path, F_OK), -1);
}

static void another_kind_of_file_is_left_alone(void **state)
{
    (void)state;
    char text[LISTEN_TEXT_SIZE];
    struct listen_address a = address_of(socket_text("file", text));
    struct listen_socket s = {.fd = -1};
    struct err err;

    close(open(a.path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(listen_bind(&a, 0666, &s, &err), RC_INPUT);
    assert_non_null(strstr(err.msg, "exists and is no socket"));
    assert_int_equal(access(a.path, F_OK), 0);
    unlink(a.path);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct listen_address a[MAX];
    struct err err;
    size_t n = 0;

    oom_arm(1);
    assert_int_equal(listen_parse("127.0.0.1:1", a, MAX, &n, &err), RC_NOMEM);
    assert_true(oom_disarm());
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_the_same_form),
        cmocka_unit_test(reads_a_list),
        cmocka_unit_test(refuses_with_the_address),
        cmocka_unit_test(refuses_a_path_that_does_not_fit),
        cmocka_unit_test(knows_what_only_this_machine_reaches),
        cmocka_unit_test(port_0_picks_one),
        cmocka_unit_test(a_unix_socket_has_its_mode_and_goes_away),
        cmocka_unit_test(a_dead_socket_is_replaced_a_living_one_is_not),
        cmocka_unit_test(another_kind_of_file_is_left_alone),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
