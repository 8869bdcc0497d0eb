/*
 * Measures: requests a second that a service answers, and how long each answer takes.
 * CONNECTIONS keep-alive connections; each sends the next request as soon as it has its answer,
 * or, with -r, all together RATE a second, whether or not the answers keep up: a request's time is
 * then counted from when it was due, so that a stall is felt by all that wait for it.
 * One thread and sendfile() from memory, so that it takes little of the processors that it shares
 * with the service; what it takes is printed, too.
 *
 *     load [-r RATE] PORT CONNECTIONS MILLISECONDS KEY PATH TYPE FILE…
 *
 * The files are the bodies of requests, of that Content-Type, in turn.  Prints {"rate": …, "cpu":
 * processors that the load itself took, "ms": mean time of an answer, "p50", "p99", "max": …}, in
 * milliseconds.  Any answer but 200 ends it with an error.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hashing/base/clock.h"
#include "hashing/base/scoped.h"
#include "hashing/base/text.h"
#include "tests/bench/bench.h"

enum {
    CONNECTIONS_MAX = 256,
    REQUESTS_MAX = 64,
    ANSWER_MAX = 1 << 20,
    WARM_UP_MS = 300,
    EVENTS = 64,
    POLL_NS = 50000000,
    PATIENCE = 60
};

struct request {
    char head[1024];
    size_t head_size;
    int body; /* memfd */
    size_t body_size;
};

struct connection {
    int fd;
    const struct request *request; /* NULL: idle */
    int64_t due;                   /* when it was to be sent */
    size_t sent;                   /* of head and body */
    size_t got;
    char answer[ANSWER_MAX];
};

struct load {
    int poll;
    unsigned n_requests, next;
    struct request request[REQUESTS_MAX];
    unsigned n;
    struct connection *connection;
    int64_t period; /* ns from one request to the next, 0: as soon as answered */
    int64_t due;    /* of the next one */
    size_t answers, room;
    double *ms; /* of each answer */
};

static void prepare(struct request *r, const char *key, const char *path, const char *type,
                    const char *file)
{
    struct bytes body = bench_read_file(file);
    int n = snprintf(r->head, sizeof r->head,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                     path, key, type, body.n);
    if (n < 0 || (size_t)n >= sizeof r->head)
        bench_die("request", "too long");
    r->head_size = (size_t)n;
    r->body = bench_memfd(body);
    r->body_size = body.n;
    free((void *)body.p);
}

/* A step of the request; false when the socket takes no more now, or all is sent. */
static bool send_some(struct connection *c)
{
    const struct request *r = c->request;
    ssize_t n;
    if (r == NULL)
        return false;
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

/* All that has come; whether that is a whole answer. */
static bool receive(struct connection *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, 0);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0)
            bench_die("receive", n == 0 ? "the service hung up" : strerrordesc_np(errno));
        c->got += (size_t)n;
        c->answer[c->got] = '\0';
        size_t whole = answer_size(c);
        if (whole != 0 && c->got >= whole)
            return true;
    }
}

static void begin(struct load *load, struct connection *c, int64_t due)
{
    c->request = &load->request[load->next++ % load->n_requests];
    c->due = due;
    c->sent = c->got = 0;
    while (send_some(c))
        continue;
}

static void note_answer(struct load *load, double ms)
{
    if (load->answers == load->room) {
        load->room = 2 * load->room + 4096;
        load->ms = realloc(load->ms, load->room * sizeof *load->ms);
        if (load->ms == NULL)
            bench_die("load", "no memory");
    }
    load->ms[load->answers++] = ms;
}

static void serve(struct load *load, struct connection *c, uint32_t events)
{
    if ((events & EPOLLIN) != 0 && c->request != NULL && receive(c)) {
        int64_t now = clock_mono_ns();
        note_answer(load, (double)(now - c->due) / 1e6);
        c->request = NULL;
        if (load->period == 0)
            begin(load, c, now);
    }
    while (send_some(c))
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

/* Begins on idle connections what is due; the time until the next is. */
static int64_t begin_due(struct load *load, int64_t now)
{
    if (load->period == 0)
        return POLL_NS;
    for (unsigned i = 0; i < load->n && load->due <= now; i++)
        if (load->connection[i].request == NULL) {
            begin(load, &load->connection[i], load->due);
            load->due += load->period;
        }
    return load->due > now ? load->due - now : POLL_NS; /* all are busy: an answer wakes us */
}

static void run_for(struct load *load, unsigned ms)
{
    int64_t now = clock_mono_ns(), end = now + ms * 1000000LL;
    struct epoll_event events[EVENTS];
    for (; now < end; now = clock_mono_ns()) {
        int64_t wait = begin_due(load, now);
        const struct timespec timeout = {.tv_nsec = wait < POLL_NS ? wait : POLL_NS};
        int n = epoll_pwait2(load->poll, events, EVENTS, &timeout, NULL);
        for (int i = 0; i < n; i++)
            serve(load, events[i].data.ptr, events[i].events);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct load *load, unsigned ms)
{
    load->due = clock_mono_ns();
    for (unsigned i = 0; i < load->n && load->period == 0; i++)
        begin(load, &load->connection[i], load->due);
    run_for(load, WARM_UP_MS);
    load->answers = 0;
    int64_t cpu = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID), wall = clock_mono_ns();
    for (unsigned i = 0; load->answers == 0 && i < PATIENCE; i++)
        run_for(load, ms); /* more than once where one answer takes longer */
    double seconds = (double)(clock_mono_ns() - wall) / 1e9;
    double busy = (double)(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9;
    size_t n = load->answers;
    double sum = 0;
    if (n == 0)
        bench_die("load", "no answer at all");
    qsort(load->ms, n, sizeof *load->ms, by_value);
    for (size_t i = 0; i < n; i++)
        sum += load->ms[i];
    printf("{\"rate\": %.3f, \"cpu\": %.4f, \"ms\": %.3f, \"p50\": %.3f, \"p99\": %.3f, "
           "\"max\": %.3f}\n",
           (double)n / seconds, busy / seconds, sum / (double)n, load->ms[n / 2],
           load->ms[n - 1 - n / 100], load->ms[n - 1]);
}

int main(int argc, char **argv)
{
    struct load load = {.poll = epoll_create1(EPOLL_CLOEXEC)};

    if (argc > 2 && strcmp(argv[1], "-r") == 0) {
        load.period = 1000000000 / bench_number(argv[2], 1000000);
        argc -= 2;
        argv += 2;
    }
    if (argc < 8 || argc - 7 > REQUESTS_MAX)
        bench_die("usage", "load [-r RATE] PORT CONNECTIONS MILLISECONDS KEY PATH TYPE FILE...");
    load.n = bench_number(argv[2], CONNECTIONS_MAX);
    load.connection = calloc(load.n, sizeof *load.connection);
    if (load.poll < 0 || load.connection == NULL)
        bench_die("load", "no memory");
    for (int i = 7; i < argc; i++)
        prepare(&load.request[load.n_requests++], argv[4], argv[5], argv[6], argv[i]);
    unsigned ms = bench_number(argv[3], 3600000);
    for (unsigned i = 0; i < load.n; i++)
        open_connection(&load, &load.connection[i], bench_number(argv[1], 65535));
    measure(&load, ms);
    free(load.connection);
    free(load.ms);
    return 0;
}
