/*
 * Measures: requests a second that a service answers to clients who never wait: CONNECTIONS
 * keep-alive connections, each sends the same request again as soon as it has its answer.
 * One thread and sendfile() from memory, so that it takes little of the processors that it shares
 * with the service; what it takes is printed, too.
 *
 *     load PORT CONNECTIONS MILLISECONDS KEY PATH FILE
 *
 * prints {"rate": …, "cpu": processors that the load itself took, "ms": mean time of an answer}.
 * Any answer but 200 ends it with an error.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "hashing/base/clock.h"
#include "hashing/base/scoped.h"
#include "hashing/base/text.h"
#include "tests/bench/bench.h"

enum { CONNECTIONS_MAX = 256, ANSWER_MAX = 65536, WARM_UP_MS = 300, EVENTS = 64 };

/* What every connection sends. */
struct request {
    char head[1024];
    size_t head_size;
    int body; /* memfd */
    size_t body_size;
};

struct connection {
    int fd;
    size_t sent; /* of head and body */
    size_t got;
    char answer[ANSWER_MAX];
};

struct load {
    int poll;
    struct request request;
    unsigned n;
    struct connection *connection;
    uint64_t answers;
};

static void prepare(struct request *r, const char *key, const char *path, const char *file)
{
    struct bytes body = bench_read_file(file);
    int n = snprintf(r->head, sizeof r->head,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                     path, key, body.n);
    if (n < 0 || (size_t)n >= sizeof r->head)
        bench_die("request", "too long");
    r->head_size = (size_t)n;
    r->body = bench_memfd(body);
    r->body_size = body.n;
    free((void *)body.p);
}

/* A step of the request; false when the socket takes no more now, or all is sent. */
static bool send_some(const struct request *r, struct connection *c)
{
    ssize_t n;
    if (c->sent < r->head_size) {
        n = send(c->fd, r->head + c->sent, r->head_size - c->sent, MSG_MORE | MSG_NOSIGNAL);
    } else {
        off_t from = (off_t)(c->sent - r->head_size);
        size_t left = r->head_size + r->body_size - c->sent;
        if (left == 0)
            return false;
        n = sendfile(c->fd, r->body, &from, left);
    }
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        bench_die("send", strerrordesc_np(errno));
    c->sent += (size_t)n;
    return true;
}

/* Bytes of the whole answer, 0 while its head is not there. */
static size_t answer_size(const struct connection *c)
{
    static const char length[] = "Content-Length: ";
    int64_t n;
    char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (!bytes_start_with(bytes_of(c->answer, c->got), "HTTP/1.1 200 ", 13))
        bench_die("answer", c->answer);
    const char *at = memmem(c->answer, (size_t)(end - c->answer), length, sizeof length - 1);
    if (at == NULL)
        bench_die("answer", "no Content-Length");
    at += sizeof length - 1;
    size_t digits = (size_t)((const char *)memchr(at, '\r', (size_t)(end + 1 - at)) - at);
    char text[24] = {0};
    memcpy(text, at, digits < sizeof text ? digits : 0);
    if (!text_number(text, 0, ANSWER_MAX, &n))
        bench_die("answer", "its Content-Length");
    return (size_t)(end - c->answer) + 4 + (size_t)n;
}

/* Whether a whole answer has come. */
static bool receive_some(struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        bench_die("receive", n == 0 ? "the service hung up" : strerrordesc_np(errno));
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    size_t whole = answer_size(c);
    return whole != 0 && c->got >= whole;
}

static void serve(struct load *load, struct connection *c, uint32_t events)
{
    if ((events & EPOLLIN) != 0 && receive_some(c)) {
        load->answers++;
        c->sent = c->got = 0;
    }
    while (send_some(&load->request, c))
        continue;
}

static void open_connection(struct load *load, struct connection *c, unsigned port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        bench_die("connect", strerrordesc_np(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load->poll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        bench_die("connection", strerrordesc_np(errno));
}

static void run_for(struct load *load, unsigned ms)
{
    int64_t end = clock_mono_ns() + ms * 1000000LL;
    struct epoll_event events[EVENTS];
    while (clock_mono_ns() < end) {
        int n = epoll_wait(load->poll, events, EVENTS, 50);
        for (int i = 0; i < n; i++)
            serve(load, events[i].data.ptr, events[i].events);
    }
}

static void measure(struct load *load, unsigned ms)
{
    run_for(load, WARM_UP_MS);
    load->answers = 0;
    int64_t cpu = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID), wall = clock_mono_ns();
    run_for(load, ms);
    double seconds = (double)(clock_mono_ns() - wall) / 1e9;
    double busy = (double)(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9;
    if (load->answers == 0)
        bench_die("load", "no answer at all");
    printf("{\"rate\": %.3f, \"cpu\": %.4f, \"ms\": %.3f}\n", (double)load->answers / seconds,
           busy / seconds, seconds * 1000 * load->n / (double)load->answers);
}

int main(int argc, char **argv)
{
    if (argc != 7)
        bench_die("usage", "load PORT CONNECTIONS MILLISECONDS KEY PATH FILE");
    struct load load = {.poll = epoll_create1(EPOLL_CLOEXEC),
                        .n = bench_number(argv[2], CONNECTIONS_MAX)};
    load.connection = calloc(load.n, sizeof *load.connection);
    if (load.poll < 0 || load.connection == NULL)
        bench_die("load", "no memory");
    prepare(&load.request, argv[4], argv[5], argv[6]);
    unsigned ms = bench_number(argv[3], 600000);
    for (unsigned i = 0; i < load.n; i++)
        open_connection(&load, &load.connection[i], bench_number(argv[1], 65535));
    measure(&load, ms);
    free(load.connection);
    return 0;
}
