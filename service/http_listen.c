#include "service/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "hashing/base/text.h"

static enum rc parse_unix(const char *path, struct listen_address *ret, struct err *err)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (path[0] != '/')
        FAIL(err, RC_INPUT, "listen: \"unix:%s\" is not an absolute path", path);
    if (!text_copy(un.sun_path, sizeof un.sun_path, path) ||
        !text_copy(ret->path, sizeof ret->path, path))
        FAIL(err, RC_INPUT, "listen: the path of a unix socket has at most %zu bytes",
             sizeof un.sun_path - 1);
    memcpy(&ret->sa, &un, sizeof un);
    ret->length = sizeof un;
    return RC_OK;
}

static void set_v4(struct listen_address *ret, struct in_addr addr, int64_t port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_addr = addr, .sin_port = htons((uint16_t)port)};
    memcpy(&ret->sa, &in, sizeof in);
    ret->length = sizeof in;
}

static void set_v6(struct listen_address *ret, struct in6_addr addr, int64_t port)
{
    struct sockaddr_in6 in = {
        .sin6_family = AF_INET6, .sin6_addr = addr, .sin6_port = htons((uint16_t)port)};
    memcpy(&ret->sa, &in, sizeof in);
    ret->length = sizeof in;
}

/* text: one address, cut apart in place. */
static enum rc parse_tcp(char *text, struct listen_address *ret, struct err *err)
{
    char shown[LISTEN_TEXT_SIZE];
    snprintf(shown, sizeof shown, "%s", text);

    char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || !text_number(colon + 1, 0, 65535, &port))
        FAIL(err, RC_INPUT, "listen: \"%s\" is no address:port (port 0 to 65535)", shown);
    *colon = '\0';

    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        set_v4(ret, v4, port);
        return RC_OK;
    }
    size_t n = strlen(text);
    if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
        text[n - 1] = '\0';
        if (inet_pton(AF_INET6, text + 1, &v6) == 1) {
            set_v6(ret, v6, port);
            return RC_OK;
        }
    }
    FAIL(err, RC_INPUT,
         "listen: \"%s\" is no numeric address: 127.0.0.1:8480, [::1]:8480 or unix:/path", shown);
}

static enum rc parse_one(char *text, struct listen_address *ret, struct err *err)
{
    while (*text == ' ' || *text == '\t')
        text++;
    for (size_t n = strlen(text); n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'); n--)
        text[n - 1] = '\0';
    memset(ret, 0, sizeof *ret);
    if (*text == '\0')
        FAIL(err, RC_INPUT, "listen: an empty address");
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, ret, err);
    return parse_tcp(text, ret, err);
}

enum rc listen_parse(const char *list, struct listen_address *ret, size_t max, size_t *ret_n,
                     struct err *err)
{
    SCOPED(mem_free) char *copy = strdup(list);
    size_t n = 0;

    if (copy == NULL)
        FAIL(err, RC_NOMEM, "listen: %zu bytes", strlen(list));
    for (char *rest = copy; rest != NULL;) {
        if (n == max)
            FAIL(err, RC_INPUT, "listen: more than %zu addresses", max);
        TRY(parse_one(strsep(&rest, ","), &ret[n], err));
        n++;
    }
    *ret_n = n;
    return RC_OK;
}

bool listen_is_local(const struct listen_address *address)
{
    if (address->sa.ss_family == AF_UNIX)
        return true;
    if (address->sa.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->sa, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in;
    memcpy(&in, &address->sa, sizeof in);
    return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr) && in.sin6_addr.s6_addr[12] == 127);
}

void listen_text(const struct listen_address *address, char out[LISTEN_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->sa.ss_family == AF_UNIX) {
        snprintf(out, LISTEN_TEXT_SIZE, "unix:%s", address->path);
    } else if (address->sa.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->sa, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_SIZE, "%s:%u", host, ntohs(in.sin_port));
    } else {
        struct sockaddr_in6 in;
        memcpy(&in, &address->sa, sizeof in);
        inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_SIZE, "[%s]:%u", host, ntohs(in.sin6_port));
    }
}

/* Removes what a dead process left on the path, and nothing else. */
static enum rc clear_path(const struct listen_address *address, struct err *err)
{
    struct stat st;
    if (lstat(address->path, &st) != 0) {
        if (errno == ENOENT)
            return RC_OK;
        FAIL_SYS(err, "listen: %s", address->path);
    }
    if (!S_ISSOCK(st.st_mode))
        FAIL(err, RC_INPUT, "listen: %s exists and is no socket", address->path);

    SCOPED(fd_close) int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        FAIL_SYS(err, "listen: socket");
    /* EAGAIN: somebody listens and has no time. */
    if (connect(probe, (const struct sockaddr *)&address->sa, address->length) == 0 ||
        errno == EAGAIN)
        FAIL(err, RC_INPUT, "listen: somebody answers on %s; is the service running already?",
             address->path);
    if (errno != ECONNREFUSED && errno != ENOENT)
        FAIL_SYS(err, "listen: %s", address->path);
    if (unlink(address->path) != 0 && errno != ENOENT)
        FAIL_SYS(err, "listen: cannot remove the old socket %s", address->path);
    return RC_OK;
}

static int bind_with_mode(int fd, const struct listen_address *address, mode_t mode)
{
    mode_t before = umask(~mode & 0777);
    int failed = bind(fd, (const struct sockaddr *)&address->sa, address->length);
    int why = errno;
    umask(before);
    errno = why;
    return failed;
}

static enum rc note_file(struct listen_socket *s, struct err *err)
{
    struct stat st;
    if (lstat(s->address.path, &st) != 0)
        FAIL_SYS(err, "listen: %s", s->address.path);
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    return RC_OK;
}

/* Which port did the kernel pick? */
static enum rc note_port(struct listen_socket *s, struct err *err)
{
    s->address.length = sizeof s->address.sa;
    if (getsockname(s->fd, (struct sockaddr *)&s->address.sa, &s->address.length) != 0)
        FAIL_SYS(err, "listen: getsockname");
    return RC_OK;
}

enum rc listen_bind(const struct listen_address *address, mode_t mode, struct listen_socket *ret,
                    struct err *err)
{
    int family = address->sa.ss_family;
    SCOPED(fd_close)
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char text[LISTEN_TEXT_SIZE];
    const int on = 1;

    listen_text(address, text);
    if (fd < 0)
        FAIL_SYS(err, "listen: socket for %s", text);
    if (family == AF_UNIX)
        TRY(clear_path(address, err));
    else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        FAIL_SYS(err, "listen: SO_REUSEADDR for %s", text);
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        FAIL_SYS(err, "listen: IPV6_V6ONLY for %s", text);
    if (bind_with_mode(fd, address, mode) != 0)
        FAIL_SYS(err, "listen: cannot bind %s", text);

    struct listen_socket s = {.fd = fd, .address = *address};
    TRY(family == AF_UNIX ? note_file(&s, err) : note_port(&s, err));
    if (listen(fd, SOMAXCONN) != 0)
        FAIL_SYS(err, "listen: %s", text);
    fd_take(&fd);
    *ret = s;
    return RC_OK;
}

void listen_close(struct listen_socket *s)
{
    struct stat st;

    if (s->fd < 0)
        return;
    close(s->fd);
    s->fd = -1;
    if (s->address.path[0] != '\0' && lstat(s->address.path, &st) == 0 && st.st_dev == s->dev &&
        st.st_ino == s->ino)
        unlink(s->address.path);
}
