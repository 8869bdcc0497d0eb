/* Bodies within limit and budget, routes, deadlines: the parts of http that need no socket of
 * libmicrohttpd. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hashing/base/clock.h"
#include "service/http_body.h"
#include "service/http_deadline.h"
#include "service/http_route.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

/* --- bodies --- */

static void a_body_comes_out_sealed_and_whole(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    struct body_budget budget = {.max = 1 << 20};
    uint8_t data[5000];
    struct body body;
    struct bytes got;
    struct err err;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)rnd_next(&rnd);
    body_init(&body, &budget, sizeof data);
    assert_int_equal(body_expect(&body, sizeof data, &err), RC_OK);
    for (size_t at = 0; at < sizeof data;) {
        size_t n = 1 + rnd_below(&rnd, sizeof data - at);
        body_take(&body, data + at, n);
        at += n;
    }
    assert_int_equal(budget.used, sizeof data);
    assert_int_equal(body_seal(&body, &got, &err), RC_OK);
    assert_int_equal(got.n, sizeof data);
    assert_memory_equal(got.p, data, sizeof data);
    assert_int_equal(fcntl(body.fd, F_GET_SEALS),
                     F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
    assert_int_equal(pwrite(body.fd, "x", 1, 0), -1);
    body_drop(&body);
    body_drop(&body);
    assert_int_equal(budget.used, 0);
}

static void an_empty_body_is_no_file(void **state)
{
    (void)state;
    struct body_budget budget = {.max = 10};
    struct body body;
    struct bytes got = bytes_of("x", 1);
    struct err err;

    body_init(&body, &budget, 10);
    assert_int_equal(body_seal(&body, &got, &err), RC_OK);
    assert_int_equal(got.n, 0);
    assert_int_equal(body.fd, -1);
}

static void over_the_limit_nothing_is_kept(void **state)
{
    (void)state;
    struct body_budget budget = {.max = 100};
    struct body body;
    struct bytes got;
    struct err err;

    body_init(&body, &budget, 10);
    assert_int_equal(body_expect(&body, 11, &err), RC_TOO_LARGE);
    assert_string_equal(err.msg, "the body is over the limit of 10 bytes");
    body_take(&body, "0123456789", 10);
    assert_int_equal(body.failed, RC_OK);
    body_take(&body, "x", 1);
    assert_int_equal(body.failed, RC_TOO_LARGE);
    assert_int_equal(body.fd, -1);
    assert_int_equal(budget.used, 0);
    body_take(&body, "yz", 2);
    assert_int_equal(body.size, 13); /* counts on */
    assert_int_equal(body_seal(&body, &got, &err), RC_TOO_LARGE);
}

static void one_budget_for_all(void **state)
{
    (void)state;
    struct body_budget budget = {.max = 15};
    struct body a, b;
    struct bytes got;
    struct err err;

    body_init(&a, &budget, 10);
    body_init(&b, &budget, 10);
    body_take(&a, "0123456789", 10);
    assert_int_equal(body_expect(&b, 6, &err), RC_BUSY);
    assert_string_equal(err.msg, "too many uploads are under way; try again");
    assert_int_equal(body_expect(&b, 5, &err), RC_OK);
    body_take(&b, "012345", 6);
    assert_int_equal(b.failed, RC_BUSY);
    assert_int_equal(body_seal(&b, &got, &err), RC_BUSY);
    assert_int_equal(budget.used, 10);
    body_drop(&a);
    body_drop(&b);
    assert_int_equal(budget.used, 0);
}

/* --- routes --- */

static const struct route table[] = {
    {.method = "GET", .pattern = "/v1/banks"},
    {.method = "POST", .pattern = "/v1/banks"},
    {.method = "GET", .pattern = "/v1/banks/{bank}"},
    {.method = "PATCH", .pattern = "/v1/banks/{bank}"},
    {.method = "DELETE", .pattern = "/v1/{a}/x/{b}"},
    {.method = "GET", .pattern = "/livez"},
    {0},
};

static struct route_match find(const char *method, const char *target, struct query *q)
{
    struct route_match match;
    struct err err;
    assert_int_equal(query_parse(target, q, &err), RC_OK);
    route_find(table, q, method, &match);
    return match;
}

static void finds_exact_routes_only(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        int index; /* -1: none */
        const char *allow;
    } cases[] = {
        {"GET", "/v1/banks", 0, "GET, HEAD, POST"},
        {"HEAD", "/v1/banks", 0, "GET, HEAD, POST"},
        {"POST", "/v1/banks", 1, "GET, HEAD, POST"},
        {"DELETE", "/v1/banks", -1, "GET, HEAD, POST"},
        {"get", "/v1/banks", -1, "GET, HEAD, POST"},
        {"GET", "/v1/banks/A", 2, "GET, HEAD, PATCH"},
        {"PATCH", "/v1/banks/A", 3, "GET, HEAD, PATCH"},
        {"GET", "/v1/banks/", -1, ""},
        {"GET", "/v1/banks/A/", -1, ""},
        {"GET", "/v1/bank", -1, ""},
        {"GET", "/v1/bankss", -1, ""},
        {"GET", "/V1/banks", -1, ""},
        {"GET", "/v1", -1, ""},
        {"GET", "/", -1, ""},
        {"GET", "/livez/", -1, ""},
        {"DELETE", "/v1/one/x/two", 4, "DELETE"},
        {"HEAD", "/v1/one/x/two", -1, "DELETE"},
        {"GET", "/v1/{bank}", -1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct query q;
        struct route_match match = find(cases[i].method, cases[i].target, &q);
        const struct route *want = cases[i].index < 0 ? NULL : &table[cases[i].index];
        assert_ptr_equal(match.route, want);
        assert_string_equal(match.allow, cases[i].allow);
        query_clear(&q);
    }
}

static void gives_the_arguments_in_order(void **state)
{
    (void)state;
    struct query q;
    struct route_match match = find("DELETE", "/v1/on%65/x/two", &q);
    assert_string_equal(match.arg[0], "one");
    assert_string_equal(match.arg[1], "two");
    query_clear(&q);
}

/* --- deadlines --- */

/* Blocks until the other end is shut down. */
static void wait_for_end(int fd)
{
    char c;
    while (read(fd, &c, 1) > 0)
        continue;
}

static void cuts_the_late_and_only_them(void **state)
{
    (void)state;
    SCOPED(deadlines_free) struct deadlines *d = NULL;
    struct err err;
    int late[2], early[2];
    char c;

    assert_int_equal(deadlines_new(&d, &err), RC_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, late), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, early), 0);
    struct peer *b = peer_open(d, early[0], 0);
    struct peer *a = peer_open(d, late[0], clock_mono_ns() + (int64_t)3600 * 1000000000);
    assert_int_equal(deadlines_open(d), 2);
    peer_deadline_sooner(b, clock_mono_ns() + (int64_t)3600 * 1000000000);
    peer_deadline_sooner(a, clock_mono_ns());
    wait_for_end(late[1]);
    assert_int_equal(deadlines_cut(d), 1);
    assert_int_equal(recv(early[1], &c, 1, MSG_DONTWAIT), -1); /* still open */
    peer_close(a);
    peer_close(b);
    assert_int_equal(deadlines_open(d), 0);
    for (int i = 0; i < 2; i++) {
        close(late[i]);
        close(early[i]);
    }
}

/* What the client still sends is taken after the close, so that no reset eats the answer. */
static void drains_after_the_close(void **state)
{
    (void)state;
    SCOPED(deadlines_free) struct deadlines *d = NULL;
    static char data[1 << 20];
    struct err err;
    int ends[2];
    char c[8];

    assert_int_equal(deadlines_new(&d, &err), RC_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct peer *peer = peer_open(d, ends[0], 0);
    peer_linger(peer, true);
    assert_int_equal(write(ends[0], "answer", 6), 6);
    shutdown(ends[0], SHUT_WR);
    peer_close(peer);
    close(ends[0]);
    for (size_t sent = 0; sent < sizeof data;) {
        ssize_t n = send(ends[1], data, sizeof data - sent, MSG_NOSIGNAL);
        assert_true(n > 0);
        sent += (size_t)n;
    }
    assert_int_equal(read(ends[1], c, sizeof c), 6);
    assert_memory_equal(c, "answer", 6);
    close(ends[1]);
}

static void survives_failed_allocations(void **state)
{
    (void)state;
    struct deadlines *d = NULL;
    struct err err;

    oom_arm(1);
    assert_int_equal(deadlines_new(&d, &err), RC_NOMEM);
    assert_true(oom_disarm());
    assert_null(d);
    assert_int_equal(deadlines_new(&d, &err), RC_OK);
    oom_arm(1);
    assert_null(peer_open(d, 0, 0));
    assert_true(oom_disarm());
    peer_close(NULL);
    deadlines_free(d);
    deadlines_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_out_sealed_and_whole),
        cmocka_unit_test(an_empty_body_is_no_file),
        cmocka_unit_test(over_the_limit_nothing_is_kept),
        cmocka_unit_test(one_budget_for_all),
        cmocka_unit_test(finds_exact_routes_only),
        cmocka_unit_test(gives_the_arguments_in_order),
        cmocka_unit_test(cuts_the_late_and_only_them),
        cmocka_unit_test(drains_after_the_close),
        cmocka_unit_test(survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
