#include "service/http_foreign.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "hashing/base/ulid.h"
#include "service/reply.h"

typedef ssize_t sendmsg_call(int fd, const struct msghdr *msg, int flags);
typedef ssize_t record_send_call(void *session, const void *data, size_t n);

/* GnuTLS's own header is not needed for one call that is only passed on. */
ssize_t gnutls_record_send(void *session, const void *data, size_t n);

static sendmsg_call *real_sendmsg;
static record_send_call *real_record_send;

/* Under TLS the body of an answer comes by a call of its own, right behind its head. */
static _Thread_local const void *body_follows_on;

/* A function pointer and an object pointer have one size on every system that has dlsym(). */
__attribute__((constructor)) static void find_real(void)
{
    void *found = dlsym(RTLD_NEXT, "sendmsg");
    memcpy(&real_sendmsg, &found, sizeof found);
    found = dlsym(RTLD_NEXT, "gnutls_record_send");
    memcpy(&real_record_send, &found, sizeof found);
}

void http_foreign_begin(void)
{
    if (real_sendmsg == NULL)
        find_real();
}

/* What a status of theirs is in our words. */
static const struct foreign {
    unsigned theirs, ours;
    const char *phrase, *detail;
} foreign[] = {
    {400, 400, "Bad Request", "the request is malformed"},
    {413, 413, "Content Too Large", "the body is too large"},
    {414, 414, "URI Too Long", "the target is too long"},
    {431, 431, "Request Header Fields Too Large", "the headers are too large"},
    {505, 400, "Bad Request", "only versions 1.1 and 1.0 of HTTP are spoken here"},
};

static const struct foreign *find_foreign(const char *head, size_t n)
{
    static const char version[] = "HTTP/1.1 ", mark[] = "\r\nX-Request-Id: ";
    unsigned status = 0;
    const size_t at = sizeof version - 1;

    if (n < at + 4 || memcmp(head, version, at) != 0 || memmem(head, n, mark, sizeof mark - 1))
        return NULL;
    for (size_t i = at; i < at + 3; i++)
        status = status * 10 + (unsigned)(head[i] - '0');
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (foreign[i].theirs == status)
            return &foreign[i];
    return NULL;
}

size_t http_problem_text(unsigned status, const char *phrase, const char *detail,
                         const char *request_id, char ret[FOREIGN_MAX])
{
    struct reply reply;

    reply_init(&reply);
    reply_problem_status(&reply, status, detail, request_id);
    int length = snprintf(ret, FOREIGN_MAX,
                          "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: %s\r\n"
                          "X-Request-Id: %s\r\nCache-Control: no-store\r\nContent-Length: %zu\r\n"
                          "\r\n%.*s",
                          status, phrase, reply.content_type, request_id, reply.length,
                          (int)reply.length, reply.body != NULL ? reply.body : "");
    reply_clear(&reply);
    return length > 0 && length < FOREIGN_MAX ? (size_t)length : 0;
}

size_t http_foreign_answer(const void *head, size_t n, char ret[FOREIGN_MAX])
{
    const struct foreign *f = find_foreign(head, n);
    char request_id[ULID_SIZE];

    if (f == NULL)
        return 0;
    struct ulid id = ulid_new();
    ulid_text(&id, request_id);
    return http_problem_text(f->ours, f->phrase, f->detail, request_id, ret);
}

/* All of theirs counts as sent when ours was: they close the connection then. */
static ssize_t sent_instead(ssize_t sent, size_t theirs)
{
    return sent < 0 ? sent : (ssize_t)theirs;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    char ours[FOREIGN_MAX];
    size_t theirs = 0;
    const struct iovec *iov = msg->msg_iov;

    if (real_sendmsg == NULL) {
        errno = ENOSYS;
        return -1;
    }
    size_t n = msg->msg_iovlen == 0 || msg->msg_controllen != 0
                   ? 0
                   : http_foreign_answer(iov[0].iov_base, iov[0].iov_len, ours);
    if (n == 0)
        return real_sendmsg(fd, msg, flags);
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        theirs += iov[i].iov_len;
    return sent_instead(send(fd, ours, n, flags), theirs);
}

ssize_t gnutls_record_send(void *session, const void *data, size_t n)
{
    char ours[FOREIGN_MAX];

    if (body_follows_on == session && session != NULL) {
        body_follows_on = NULL;
        return (ssize_t)n;
    }
    body_follows_on = NULL;
    if (real_record_send == NULL)
        return -1;
    size_t length = http_foreign_answer(data, n, ours);
    if (length == 0)
        return real_record_send(session, data, n);
    ssize_t sent = real_record_send(session, ours, length);
    if (sent >= 0)
        body_follows_on = session;
    return sent_instead(sent, n);
}
