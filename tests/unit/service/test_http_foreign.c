/* What libmicrohttpd answers by itself is told from what we answer, and said in our words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "service/http_foreign.h"

static size_t answer_to(const char *head, char ret[FOREIGN_MAX])
{
    return http_foreign_answer(head, strlen(head), ret);
}

static void theirs_become_problem_documents(void **state)
{
    (void)state;
    static const struct {
        unsigned theirs, ours;
    } cases[] = {{400, 400}, {413, 413}, {414, 414}, {431, 431}, {505, 400}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char head[128], ours[FOREIGN_MAX], line[32];
        snprintf(head, sizeof head,
                 "HTTP/1.1 %u Whatever\r\nConnection: close\r\nContent-Length: 3\r\n\r\n",
                 cases[i].theirs);
        size_t n = answer_to(head, ours);
        assert_true(n > 0 && n < sizeof ours);
        ours[n] = '\0';
        snprintf(line, sizeof line, "HTTP/1.1 %u ", cases[i].ours);
        assert_memory_equal(ours, line, strlen(line));
        assert_non_null(strstr(ours, "\r\nContent-Type: application/problem+json\r\n"));
        assert_non_null(strstr(ours, "\r\nConnection: close\r\n"));

        const char *body = strstr(ours, "\r\n\r\n") + 4;
        const char *length = strstr(ours, "\r\nContent-Length: ");
        size_t declared = 0;
        assert_int_equal(sscanf(length, "\r\nContent-Length: %zu", &declared), 1);
        assert_int_equal(declared, strlen(body));
        json_t *json = json_loads(body, 0, NULL);
        assert_non_null(json);
        assert_int_equal(json_integer_value(json_object_get(json, "status")), cases[i].ours);
        json_decref(json);
    }
}

static void all_else_passes(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "",
        "HTTP/1.1 505",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 500 Internal Server Error\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\nX-Request-Id: a\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 :;< x\r\n\r\n",
        "some body that says HTTP/1.1 400 Bad Request\r\n\r\n",
    };
    char ours[FOREIGN_MAX];
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        assert_int_equal(answer_to(heads[i], ours), 0);
}

/* The process's own sendmsg(), which libraries call too. */
static void sendmsg_puts_ours_in_its_place(void **state)
{
    (void)state;
    char head[] = "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 6\r\n\r\n";
    char body[] = "<html>";
    char got[2048];
    struct iovec iov[2] = {{head, sizeof head - 1}, {body, sizeof body - 1}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    int fd[2];

    http_foreign_begin();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(sendmsg(fd[0], &msg, MSG_NOSIGNAL), sizeof head - 1 + sizeof body - 1);
    ssize_t n = read(fd[1], got, sizeof got - 1);
    assert_true(n > 0);
    got[n] = '\0';
    assert_memory_equal(got, "HTTP/1.1 400 ", 13);
    assert_null(strstr(got, "<html>"));

    iov[0] = (struct iovec){body, 2};
    assert_int_equal(sendmsg(fd[0], &msg, MSG_NOSIGNAL), 2 + sizeof body - 1);
    n = read(fd[1], got, sizeof got);
    assert_int_equal(n, 2 + sizeof body - 1);
    assert_memory_equal(got, "<h<html>", 8);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(theirs_become_problem_documents),
        cmocka_unit_test(all_else_passes),
        cmocka_unit_test(sendmsg_puts_ours_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
