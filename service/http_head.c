#include "service/http_head.h"

#include <string.h>
#include <strings.h>

#include "hashing/base/text.h"

enum { CRLF = 2, REQUEST_ID_MAX = 36 };

/* One walk over the headers. */
struct walk {
    struct head *head;
    unsigned *status;
    struct err *err;
    enum rc rc;
    uintptr_t at; /* where the next header must begin */
    bool at_known;
    unsigned seen; /* bits of single[] */
};

/* RFC 9110 token characters. */
static bool is_token(const char *s, size_t n)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool alnum =
            (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c != '\0');
        if (!alnum && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return n > 0;
}

static bool is_field_value(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
            return false;
    return true;
}

static enum rc take_length(struct walk *w, const char *value, size_t n)
{
    uint64_t length = 0;

    for (size_t i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9' || __builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, (uint64_t)(value[i] - '0'), &length))
            FAIL(w->err, RC_INPUT, "Content-Length is not a number");
    }
    if (n == 0)
        FAIL(w->err, RC_INPUT, "Content-Length is empty");
    w->head->has_length = true;
    w->head->length = length;
    return RC_OK;
}

static enum rc take_coding(struct walk *w, const char *value, size_t n)
{
    if (n != 7 || strncasecmp(value, "chunked", 7) != 0)
        FAIL(w->err, RC_INPUT, "Transfer-Encoding other than \"chunked\" is not supported");
    w->head->chunked = true;
    return RC_OK;
}

static enum rc take_expect(struct walk *w, const char *value, size_t n)
{
    if (n == 12 && strncasecmp(value, "100-continue", 12) == 0)
        return RC_OK;
    *w->status = 417;
    FAIL(w->err, RC_INPUT, "Expect other than \"100-continue\" is not supported");
}

static enum rc take_encoding(struct walk *w, const char *value, size_t n)
{
    if (n == 0 || (n == 8 && strncasecmp(value, "identity", 8) == 0))
        return RC_OK;
    FAIL(w->err, RC_NOT_MEDIA, "Content-Encoding is not supported; send the bytes as they are");
}

static enum rc take_type(struct walk *w, const char *value, size_t n)
{
    if (n >= sizeof w->head->content_type)
        FAIL(w->err, RC_INPUT, "Content-Type is longer than %zu bytes",
             sizeof w->head->content_type - 1);
    memcpy(w->head->content_type, value, n);
    w->head->content_type[n] = '\0';
    return RC_OK;
}

/* A key may come by two headers; two different ones are a mistake or a trick. */
static enum rc take_token(struct walk *w, const char *token, size_t n)
{
    struct head *head = w->head;

    while (n > 0 && (token[0] == ' ' || token[0] == '\t'))
        token++, n--;
    while (n > 0 && (token[n - 1] == ' ' || token[n - 1] == '\t'))
        n--;
    if (n == 0 || n >= sizeof head->token)
        FAIL(w->err, RC_AUTH, "the key is malformed");
    if (head->auth == HEAD_AUTH_TOKEN &&
        (strlen(head->token) != n || memcmp(head->token, token, n) != 0))
        FAIL(w->err, RC_INPUT, "Authorization and X-API-Key hold different keys");
    memcpy(head->token, token, n);
    head->token[n] = '\0';
    head->auth = HEAD_AUTH_TOKEN;
    return RC_OK;
}

static enum rc take_authorization(struct walk *w, const char *value, size_t n)
{
    if (n >= 7 && strncasecmp(value, "Bearer ", 7) == 0)
        return take_token(w, value + 7, n - 7);
    if (w->head->auth == HEAD_AUTH_NONE)
        w->head->auth = HEAD_AUTH_OTHER;
    return RC_OK;
}

/* An id that we would not echo is ignored: it is a convenience, not a promise. */
static enum rc take_request_id(struct walk *w, const char *value, size_t n)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    if (n == 0 || n > REQUEST_ID_MAX || strspn(value, allowed) != n)
        return RC_OK;
    memcpy(w->head->request_id, value, n);
    w->head->request_id[n] = '\0';
    return RC_OK;
}

/* A list of wishes, each perhaps with a value and parameters; one of them is known here. */
static void take_prefer(struct walk *w, const char *value, size_t n)
{
    static const char wish[] = "respond-async";
    const size_t size = sizeof wish - 1;

    for (size_t at = 0; at < n;) {
        at += strspn(value + at, " \t,");
        size_t length = strcspn(value + at, " \t,;=");
        if (length == size && strncasecmp(value + at, wish, size) == 0)
            w->head->prefer_async = true;
        at += length;
        at += strcspn(value + at, ",");
    }
}

static enum rc take_host(struct walk *w, const char *value, size_t n)
{
    (void)w, (void)value, (void)n;
    return RC_OK;
}

/* Headers that mean something here; each at most once. */
static const struct {
    const char *name;
    enum rc (*take)(struct walk *w, const char *value, size_t n);
} single[] = {
    {"Host", take_host},
    {"Content-Length", take_length},
    {"Transfer-Encoding", take_coding},
    {"Expect", take_expect},
    {"Content-Encoding", take_encoding},
    {"Content-Type", take_type},
    {"Authorization", take_authorization},
    {"X-API-Key", take_token},
    {"X-Request-Id", take_request_id},
};
enum { SINGLES = sizeof single / sizeof single[0], HOST = 0 };

static enum rc take(struct walk *w, const char *key, size_t key_size, const char *value,
                    size_t value_size)
{
    if (!is_token(key, key_size))
        FAIL(w->err, RC_INPUT, "a header's name is malformed");
    if (!is_field_value(value, value_size))
        FAIL(w->err, RC_INPUT, "header \"%.*s\" holds a control byte",
             key_size < 40 ? (int)key_size : 40, key);
    if (key_size == 6 && strncasecmp(key, "Prefer", 6) == 0)
        take_prefer(w, value, value_size);
    for (unsigned i = 0; i < SINGLES; i++) {
        if (strlen(single[i].name) != key_size || strncasecmp(single[i].name, key, key_size) != 0)
            continue;
        if ((w->seen >> i & 1) != 0)
            FAIL(w->err, RC_INPUT, "header \"%s\" is given twice", single[i].name);
        w->seen |= 1u << i;
        return single[i].take(w, value, value_size);
    }
    return RC_OK;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_size, const char *value, size_t value_size)
{
    struct walk *w = cls;
    (void)kind;

    if (value == NULL) {
        value = "";
        value_size = 0;
    }
    if (w->at_known && (uintptr_t)key != w->at)
        w->rc = err_set(w->err, RC_INPUT, HERE,
                        "the headers hold a NUL, a folded line or a bare line feed");
    else
        w->rc = take(w, key, key_size, value, value_size);
    w->at = (uintptr_t)value + value_size + CRLF;
    return w->rc == RC_OK ? MHD_YES : MHD_NO;
}

/*
 * libmicrohttpd 0.9 cuts a header at a NUL, drops folded lines and takes a bare line feed for an
 * end of line, all in silence.  It leaves the strings where they arrived, one line after another,
 * so what it dropped shows as a gap.  (1.0 has a new parser that refuses these itself.)
 */
static bool strings_lie_in_place(void)
{
    return strncmp(MHD_get_version(), "0.9.", 4) == 0;
}

static enum rc check_line(const struct head_line *line, struct err *err)
{
    if (line->target_at != (uintptr_t)line->method + strlen(line->method) + 1 ||
        (uintptr_t)line->version != line->target_at + line->target_length + 1)
        FAIL(err, RC_INPUT, "the request line is malformed");
    if (!is_token(line->method, strlen(line->method)))
        FAIL(err, RC_INPUT, "the method is malformed");
    if (strcmp(line->version, "HTTP/1.1") != 0 && strcmp(line->version, "HTTP/1.0") != 0)
        FAIL(err, RC_INPUT, "only versions 1.1 and 1.0 of HTTP are spoken here");
    return RC_OK;
}

/* The empty line must end where libmicrohttpd says that the head ended. */
static bool ends_in_place(struct MHD_Connection *connection, const struct head_line *line,
                          uintptr_t at)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info != NULL && at + CRLF == (uintptr_t)line->method + info->header_size;
}

/* What only shows when all headers are known. */
static enum rc check_whole(const struct head *head, const struct head_line *line, bool has_host,
                           struct err *err)
{
    bool is_1_1 = strcmp(line->version, "HTTP/1.1") == 0;

    if (head->chunked && head->has_length)
        FAIL(err, RC_INPUT, "Content-Length together with Transfer-Encoding");
    if (head->chunked && !is_1_1)
        FAIL(err, RC_INPUT, "Transfer-Encoding in HTTP/1.0");
    if (is_1_1 && !has_host)
        FAIL(err, RC_INPUT, "Host is missing");
    return RC_OK;
}

enum rc head_read(struct MHD_Connection *connection, const struct head_line *line, struct head *ret,
                  unsigned *ret_status, struct err *err)
{
    struct head head = {0};
    struct walk w = {.head = &head, .status = ret_status, .err = err};
    bool in_place = strings_lie_in_place();

    if (in_place)
        TRY(check_line(line, err));
    w.at = (uintptr_t)line->version + strlen(line->version) + CRLF;
    w.at_known = in_place;
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, &w);
    memcpy(ret->request_id, head.request_id, sizeof ret->request_id);
    if (w.rc != RC_OK)
        return w.rc;
    if (in_place && !ends_in_place(connection, line, w.at))
        FAIL(err, RC_INPUT, "the headers hold a NUL, a folded line or a bare line feed");
    TRY(check_whole(&head, line, (w.seen >> HOST & 1) != 0, err));
    *ret = head;
    return RC_OK;
}
