#include "service/http_deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "hashing/base/clock.h"

enum {
    TICK_MS = 200,       /* how late a cut may be */
    LINGER_MAX = 128,    /* sockets drained at a time; beyond: a plain close */
    LINGER_MS = 3000,    /* for one socket */
    LINGER_READS = 16,   /* turns of one socket before the next one's */
    LINGER_BYTES = 65536 /* of one read */
};

struct peer {
    struct deadlines *owner;
    struct peer *prev, *next; /* under the owner's lock */
    int fd;
    atomic_int_fast64_t at_ns;
    atomic_bool linger;
    char *last_words; /* under the owner's lock */
};

struct leaving {
    int fd;
    int64_t until_ns;
};

struct deadlines {
    pthread_t thread;
    bool started;
    int wake;                       /* eventfd: something lingers, or stop */
    pthread_mutex_t lock;           /* held for a scan and for list changes, never while blocking */
    struct peer *first;             /* under lock */
    struct leaving in[LINGER_MAX];  /* under lock: handed to the thread */
    unsigned n_in;                  /* under lock */
    struct leaving own[LINGER_MAX]; /* the thread's */
    unsigned n_own;
    atomic_bool stopping;
    atomic_uint open;
    atomic_uint_fast64_t cut;
    uint8_t sink[LINGER_BYTES];
};

static void cut_late(struct deadlines *d)
{
    int64_t now = clock_mono_ns();

    pthread_mutex_lock(&d->lock);
    for (struct peer *p = d->first; p != NULL; p = p->next) {
        int_fast64_t at = atomic_load(&p->at_ns);
        if (at == 0 || now < at)
            continue;
        if (p->last_words != NULL)
            (void)!send(p->fd, p->last_words, strlen(p->last_words), MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(p->fd, SHUT_RDWR);
        atomic_store(&p->at_ns, 0);
        atomic_fetch_add(&d->cut, 1);
    }
    pthread_mutex_unlock(&d->lock);
}

/* Whether the client is still there and may go on. */
static bool drain(struct deadlines *d, const struct leaving *l)
{
    for (unsigned i = 0; i < LINGER_READS; i++) {
        ssize_t n = recv(l->fd, d->sink, sizeof d->sink, MSG_DONTWAIT);
        if (n == 0)
            return false;
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN && clock_mono_ns() < l->until_ns;
    }
    return clock_mono_ns() < l->until_ns;
}

static void drain_all(struct deadlines *d)
{
    for (unsigned i = 0; i < d->n_own;) {
        if (drain(d, &d->own[i])) {
            i++;
        } else {
            close(d->own[i].fd);
            d->own[i] = d->own[--d->n_own];
        }
    }
    pthread_mutex_lock(&d->lock);
    while (d->n_in > 0 && d->n_own < LINGER_MAX)
        d->own[d->n_own++] = d->in[--d->n_in];
    pthread_mutex_unlock(&d->lock);
}

static void wait_a_tick(struct deadlines *d)
{
    struct pollfd fds[LINGER_MAX + 1];
    uint64_t count;

    fds[0] = (struct pollfd){.fd = d->wake, .events = POLLIN};
    for (unsigned i = 0; i < d->n_own; i++)
        fds[i + 1] = (struct pollfd){.fd = d->own[i].fd, .events = POLLIN};
    poll(fds, d->n_own + 1, TICK_MS);
    if (read(d->wake, &count, sizeof count) < 0)
        return; /* nobody woke us: the counter is not blocking */
}

static void *deadlines_thread(void *arg)
{
    struct deadlines *d = arg;

    pthread_setname_np(pthread_self(), "deadline");
    while (!atomic_load(&d->stopping)) {
        wait_a_tick(d);
        cut_late(d);
        drain_all(d);
    }
    return NULL;
}

static void wake(struct deadlines *d)
{
    const uint64_t one = 1;
    if (write(d->wake, &one, sizeof one) < 0)
        return; /* the counter is full: it is awake already */
}

enum rc deadlines_new(struct deadlines **ret, struct err *err)
{
    SCOPED(deadlines_free) struct deadlines *d = calloc(1, sizeof *d);
    if (d == NULL)
        FAIL(err, RC_NOMEM, "deadlines");
    pthread_mutex_init(&d->lock, NULL);
    d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->wake < 0)
        FAIL_SYS(err, "deadlines: eventfd");
    int failed = pthread_create(&d->thread, NULL, deadlines_thread, d);
    if (failed != 0)
        return err_set_sys(err, failed, HERE, "deadlines: thread");
    d->started = true;
    *ret = TAKE(d);
    return RC_OK;
}

void deadlines_free(struct deadlines *d)
{
    if (d == NULL)
        return;
    atomic_store(&d->stopping, true);
    if (d->started) {
        wake(d);
        pthread_join(d->thread, NULL);
    }
    for (unsigned i = 0; i < d->n_own; i++)
        close(d->own[i].fd);
    for (unsigned i = 0; i < d->n_in; i++)
        close(d->in[i].fd);
    if (d->wake >= 0)
        close(d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

unsigned deadlines_open(const struct deadlines *d)
{
    return atomic_load(&d->open);
}

uint64_t deadlines_cut(const struct deadlines *d)
{
    return atomic_load(&d->cut);
}

struct peer *peer_open(struct deadlines *d, int fd, int64_t at_ns)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    peer->owner = d;
    peer->fd = fd;
    atomic_store(&peer->at_ns, at_ns);

    pthread_mutex_lock(&d->lock);
    peer->next = d->first;
    if (d->first != NULL)
        d->first->prev = peer;
    d->first = peer;
    pthread_mutex_unlock(&d->lock);
    atomic_fetch_add(&d->open, 1);
    return peer;
}

/* A second descriptor keeps the socket alive after the first one was closed. */
static void let_linger(struct deadlines *d, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    pthread_mutex_lock(&d->lock);
    if (d->n_in < LINGER_MAX) {
        d->in[d->n_in++] = (struct leaving){
            .fd = copy, .until_ns = clock_mono_ns() + (int64_t)LINGER_MS * 1000000};
        copy = -1;
    }
    pthread_mutex_unlock(&d->lock);
    if (copy >= 0)
        close(copy);
    else
        wake(d);
}

void peer_last_words(struct peer *peer, const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    char *before;

    pthread_mutex_lock(&peer->owner->lock);
    before = peer->last_words;
    peer->last_words = copy;
    pthread_mutex_unlock(&peer->owner->lock);
    free(before);
}

void peer_linger(struct peer *peer, bool on)
{
    atomic_store(&peer->linger, on);
}

void peer_close(struct peer *peer)
{
    if (peer == NULL)
        return;
    struct deadlines *d = peer->owner;
    if (atomic_load(&peer->linger))
        let_linger(d, peer->fd);
    pthread_mutex_lock(&d->lock);
    if (peer->prev != NULL)
        peer->prev->next = peer->next;
    else
        d->first = peer->next;
    if (peer->next != NULL)
        peer->next->prev = peer->prev;
    pthread_mutex_unlock(&d->lock);
    atomic_fetch_sub(&d->open, 1);
    free(peer->last_words);
    free(peer);
}

void peer_deadline(struct peer *peer, int64_t at_ns)
{
    atomic_store(&peer->at_ns, at_ns);
}

void peer_deadline_sooner(struct peer *peer, int64_t at_ns)
{
    int_fast64_t set = atomic_load(&peer->at_ns);
    if (set == 0 || at_ns < set)
        atomic_store(&peer->at_ns, at_ns);
}
