#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "hashing/base/clock.h"
#include "service/http_foreign.h"
#include "service/http_internal.h"
#include "service/log.h"

enum {
    CONNECTION_MEMORY = 32 * 1024, /* head and buffers of one connection */
    PEM_MAX = 1 << 20,
    FILES_BESIDES = 512,    /* descriptors for all that is no connection */
    CONNECTIONS_MIN = 16,   /* fewer are no service */
    FLUSH_MS = 1000,        /* for the last answers, after the crews have stopped */
    UPLOADS_UNDER_WAY = 64, /* bodies of full size that may be in memory at a time */
};

/* --- what is listened on --- */

static bool given(const char *s)
{
    return s != NULL && s[0] != '\0';
}

static enum rc check_plain(const struct config *config, const struct listen_address *address,
                           struct err *err)
{
    char text[LISTEN_TEXT_SIZE];

    if (listen_is_local(address) || config->plain_anywhere || given(config->tls_certificate))
        return RC_OK;
    listen_text(address, text);
    FAIL(err, RC_INPUT,
         "listen: %s is reachable from elsewhere and would be without TLS; set [http] "
         "tls_certificate and tls_key, or [http] plain = anywhere behind a proxy that speaks TLS",
         text);
}

/* Admin: by the mode of its file only we and root get in.  Others: the key decides. */
static enum rc add_listener(struct http *http, enum listener_kind kind,
                            const struct listen_address *address, struct err *err)
{
    if (http->n_listeners == LISTENERS_MAX)
        FAIL(err, RC_INPUT, "listen: more than %d addresses in all", LISTENERS_MAX);
    TRY(check_plain(http->service->config, address, err));
    struct listener *listener = &http->listener[http->n_listeners];
    TRY(listen_bind(address, kind == LISTENER_ADMIN ? 0600 : 0666, &listener->socket, err));
    listener->http = http;
    listener->kind = kind;
    http->n_listeners++;
    return RC_OK;
}

static enum rc add_listed(struct http *http, enum listener_kind kind, const char *list,
                          struct err *err)
{
    struct listen_address address[LISTENERS_MAX];
    size_t n = 0;

    if (!given(list))
        return RC_OK;
    TRY(listen_parse(list, address, LISTENERS_MAX, &n, err));
    for (size_t i = 0; i < n; i++)
        TRY(add_listener(http, kind, &address[i], err));
    return RC_OK;
}

static enum rc bind_all(struct http *http, struct err *err)
{
    const struct config *config = http->service->config;
    char admin[LISTEN_TEXT_SIZE + 8] = "";

    if (given(config->admin_socket))
        snprintf(
            admin, sizeof admin, "%s%s",
            strncmp(config->admin_socket, "unix:", 5) == 0 ? "" : "unix:", config->admin_socket);
    TRY(add_listed(http, LISTENER_MAIN, config->listen, err));
    TRY(add_listed(http, LISTENER_ADMIN, admin, err));
    return add_listed(http, LISTENER_METRICS, config->metrics_listen, err);
}

/* --- limits of the process --- */

static size_t mains(const struct http *http)
{
    size_t n = 0;
    for (size_t i = 0; i < http->n_listeners; i++)
        n += http->listener[i].kind == LISTENER_MAIN;
    return n > 0 ? n : 1;
}

/* A connection needs a descriptor, and another for the body it sends. */
static enum rc fit_files(struct http *http, struct err *err)
{
    const struct config *config = http->service->config;
    struct rlimit limit;
    rlim_t want = 2 * (rlim_t)mains(http) * config->max_connections +
                  2 * (rlim_t)SIDE_CONNECTIONS * http->n_listeners + FILES_BESIDES;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        FAIL_SYS(err, "http: RLIMIT_NOFILE");
    if (limit.rlim_cur < want) {
        struct rlimit more = {.rlim_cur = want,
                              .rlim_max = limit.rlim_max > want ? limit.rlim_max : want};
        if (setrlimit(RLIMIT_NOFILE, &more) != 0) {
            more.rlim_cur = more.rlim_max = limit.rlim_max;
            if (setrlimit(RLIMIT_NOFILE, &more) != 0)
                FAIL_SYS(err, "http: RLIMIT_NOFILE");
        }
        limit = more;
    }
    http->max_connections = config->max_connections;
    if (limit.rlim_cur < want) {
        rlim_t spare = limit.rlim_cur - (want - 2 * (rlim_t)mains(http) * config->max_connections);
        if (spare > limit.rlim_cur || spare / (2 * mains(http)) < CONNECTIONS_MIN)
            FAIL(err, RC_INPUT, "http: the limit of %llu open files is too low, %llu are needed",
                 (unsigned long long)limit.rlim_cur, (unsigned long long)want);
        http->max_connections = (unsigned)(spare / (2 * mains(http)));
        log_line(LOG_WARNING, "http", "open files limited to %llu: max_connections is %u, not %u",
                 (unsigned long long)limit.rlim_cur, http->max_connections,
                 config->max_connections);
    }
    return RC_OK;
}

/* Memory of all bodies that arrive, wait or are worked on. */
static uint64_t body_budget_max(const struct config *config)
{
    uint64_t uploads;
    if (__builtin_mul_overflow(config->max_upload, (uint64_t)UPLOADS_UNDER_WAY, &uploads))
        return UINT64_MAX;
    return uploads > config->max_import ? uploads : config->max_import;
}

/* --- TLS --- */

static void secret_free(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
SCOPED_DEFINE(secret_free, char *)

static enum rc read_pem(const char *path, char **ret, struct err *err)
{
    SCOPED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        FAIL_SYS(err, "tls: cannot open %s", path);
    SCOPED(secret_free) char *text = calloc(1, PEM_MAX + 1);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "tls: %s", path);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < PEM_MAX; n += (size_t)got) {
        got = read(fd, text + n, PEM_MAX - n);
        if (got < 0)
            FAIL_SYS(err, "tls: cannot read %s", path);
    }
    if (n == 0 || n == PEM_MAX || strlen(text) != n)
        FAIL(err, RC_INPUT, "tls: %s is no PEM file", path);
    *ret = TAKE(text);
    return RC_OK;
}

static enum rc load_tls(struct http *http, struct err *err)
{
    const struct config *config = http->service->config;

    if (!given(config->tls_certificate))
        return RC_OK;
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        FAIL(err, RC_INPUT, "tls: this libmicrohttpd was built without TLS");
    TRY(read_pem(config->tls_certificate, &http->certificate, err));
    return read_pem(config->tls_key, &http->key, err);
}

/* Plain where only this machine can listen in: unix sockets, and metrics on loopback. */
bool listener_wants_tls(const struct listener *listener)
{
    if (listener->http->certificate == NULL || listener->socket.address.path[0] != '\0')
        return false;
    return listener->kind == LISTENER_MAIN || !listen_is_local(&listener->socket.address);
}

/* --- daemons --- */

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *format,
                                                         va_list args)
{
    char text[256];
    (void)cls;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_DEBUG, "libmicrohttpd", "%s", text);
}

static struct MHD_Daemon *start_daemon(struct listener *l)
{
    const struct http *http = l->http;
    const struct config *config = http->service->config;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    unsigned connections = l->kind == LISTENER_MAIN ? http->max_connections : SIDE_CONNECTIONS;
    unsigned idle = (unsigned)((config->idle_timeout_ms + 999) / 1000);
    char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, http->key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
                                   {MHD_OPTION_END, 0, NULL}};

    if (listener_wants_tls(l))
        flags |= MHD_USE_TLS;
    else
        tls[0].option = MHD_OPTION_END;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, http_on_call, l, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, l->socket.fd, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, idle, MHD_OPTION_URI_LOG_CALLBACK, http_on_target, l,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, l, MHD_OPTION_NOTIFY_CONNECTION,
        http_on_connection, l, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static enum rc serve(struct listener *listener, struct err *err)
{
    static const char *const kinds[] = {"main", "admin", "metrics"};
    char text[LISTEN_TEXT_SIZE];

    listen_text(&listener->socket.address, text);
    listener->daemon = start_daemon(listener);
    if (listener->daemon == NULL)
        FAIL(err, RC_SYS, "http: cannot serve on %s%s", text,
             listener_wants_tls(listener) ? "; are certificate and key right?" : "");
    log_line(LOG_INFO, "listening", "%s address=%s tls=%s", kinds[listener->kind], text,
             listener_wants_tls(listener) ? "yes" : "no");
    return RC_OK;
}

/* --- where others look the addresses up --- */

static enum rc print_addresses(const struct http *http, FILE *out, const char *path,
                               struct err *err)
{
    char text[LISTEN_TEXT_SIZE];

    for (size_t i = 0; i < http->n_listeners; i++) {
        if (http->listener[i].kind != LISTENER_MAIN)
            continue;
        listen_text(&http->listener[i].socket.address, text);
        fprintf(out, "%s\n", text);
    }
    if (fflush(out) != 0 || ferror(out))
        FAIL_SYS(err, "http: cannot write %s", path);
    return RC_OK;
}

static void file_close(FILE *f)
{
    fclose(f);
}
SCOPED_DEFINE(file_close, FILE *)

/* Whoever waits for the file finds all of it. */
static enum rc write_addresses(const struct http *http, struct err *err)
{
    const char *path = http->service->config->address_file;
    char temporary[4096];

    if (!given(path))
        return RC_OK;
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        FAIL(err, RC_INPUT, "http: address_file is too long a path");
    {
        SCOPED(file_close) FILE *out = fopen(temporary, "we");
        if (out == NULL)
            FAIL_SYS(err, "http: cannot write %s", temporary);
        TRY(print_addresses(http, out, temporary, err));
    }
    if (rename(temporary, path) != 0)
        FAIL_SYS(err, "http: cannot write %s", path);
    return RC_OK;
}

/* --- life --- */

enum rc http_start(struct service *service, struct http **ret, struct err *err)
{
    SCOPED(http_free) struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        FAIL(err, RC_NOMEM, "http");
    http_foreign_begin();
    http->service = service;
    http->budget.max = body_budget_max(service->config);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        http->listener[i].socket.fd = -1;

    TRY(load_tls(http, err));
    TRY(bind_all(http, err));
    TRY(fit_files(http, err));
    TRY(deadlines_new(&http->deadlines, err));
    for (size_t i = 0; i < http->n_listeners; i++)
        TRY(serve(&http->listener[i], err));
    TRY(write_addresses(http, err));
    *ret = TAKE(http);
    return RC_OK;
}

static void wait_for_answers(const struct http *http, int64_t ms)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000000};
    int64_t until = clock_mono_ns() + ms * 1000000;

    while (atomic_load(&http->in_flight) > 0 && clock_mono_ns() < until)
        nanosleep(&pause, NULL);
}

/*
 * shutdown(), not close(): newcomers are refused at once, and the number of the descriptor is not
 * reused while an event thread may still be about to accept on it.
 */
static void stop_accepting(struct http *http)
{
    for (size_t i = 0; i < http->n_listeners; i++)
        if (http->listener[i].daemon != NULL) {
            MHD_quiesce_daemon(http->listener[i].daemon);
            shutdown(http->listener[i].socket.fd, SHUT_RD);
        }
}

void http_quiesce(struct http *http)
{
    atomic_store(&http->service->stopping, true);
    stop_accepting(http);
    wait_for_answers(http, http->service->config->stop_timeout_ms);
    atomic_store(&http->service->abandoning, true);
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    if (http->n_listeners > 0 && http->listener[0].daemon != NULL)
        wait_for_answers(http, FLUSH_MS);
    stop_accepting(http); /* afterwards libmicrohttpd leaves the sockets to us */
    for (size_t i = 0; i < http->n_listeners; i++) {
        if (http->listener[i].daemon != NULL)
            MHD_stop_daemon(http->listener[i].daemon);
        listen_close(&http->listener[i].socket);
    }
    deadlines_free(http->deadlines);
    free(http->certificate);
    secret_free(http->key);
    free(http);
}

unsigned http_connections(const struct http *http)
{
    return http != NULL ? deadlines_open(http->deadlines) : 0;
}
