#include "service/multipart.h"

#include <stdio.h>
#include <string.h>

#include "hashing/base/text.h"
#include "service/part_header.h"

enum { BOUNDARY_MAX = 70, HEADER_BYTES_MAX = 4096, HEADERS_MAX = 16 };

/* Larger than any clip is long, and exact in a JSON number. */
#define FRAME_MS_MAX ((int64_t)1 << 53)

struct delimiter {
    size_t n;
    char text[BOUNDARY_MAX + 5]; /* "\r\n--" and the boundary */
};

/* What the headers of one part have said so far. */
struct part_headers {
    unsigned number; /* of the part, from 1, for messages */
    bool has_disposition, has_type, has_encoding, has_ms;
    struct part *part;
};

bool multipart_is(const char *content_type)
{
    struct bytes left = bytes_str(content_type);
    struct bytes type = header_token(&left);
    if (left.n == 0 || left.p[0] != '/')
        return false;
    left.p++;
    left.n--;
    struct bytes subtype = header_token(&left);
    header_skip_blanks(&left);
    return header_is(type, "multipart") && header_is(subtype, "form-data") &&
           (left.n == 0 || left.p[0] == ';');
}

/* --- the boundary --- */

static bool boundary_valid(const char *s)
{
    size_t n = strlen(s);
    return n >= 1 && n <= BOUNDARY_MAX && s[n - 1] != ' ' &&
           strspn(s,
                  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=? ") ==
               n;
}

static enum rc find_boundary(const char *content_type, struct delimiter *ret, struct err *err)
{
    if (!multipart_is(content_type))
        FAIL(err, RC_INPUT, "Content-Type is not multipart/form-data");
    struct bytes left = bytes_str(content_type);
    while (left.n > 0 && left.p[0] != ';') {
        left.p++;
        left.n--;
    }
    struct header_param param;
    bool found = false;
    int got;
    while ((got = header_param(&left, true, &param)) > 0) {
        if (!header_is(param.name, "boundary"))
            continue;
        if (found || !boundary_valid(param.value))
            FAIL(err, RC_INPUT, "Content-Type: the boundary is %s",
                 found ? "given twice" : "not 1 to 70 of the characters that it may have");
        found = true;
        ret->n = (size_t)snprintf(ret->text, sizeof ret->text, "\r\n--%s", param.value);
    }
    if (got < 0)
        FAIL(err, RC_INPUT, "Content-Type: malformed parameters");
    if (!found)
        FAIL(err, RC_INPUT, "Content-Type: multipart/form-data without a boundary");
    return RC_OK;
}

/* --- the headers of a part --- */

static enum rc check_text(const char *value, const char *what, unsigned number, struct err *err)
{
    if (!text_is_utf8(value, strlen(value)))
        FAIL(err, RC_INPUT, "part %u: the %s is not UTF-8", number, what);
    return RC_OK;
}

struct disposition {
    bool name, filename, extended;
};

static enum rc take_param(struct part_headers *h, struct header_param *param,
                          struct disposition *seen, struct err *err)
{
    struct part *part = h->part;
    bool extended = header_is(param->name, "filename*");
    bool *already = header_is(param->name, "name")       ? &seen->name
                    : header_is(param->name, "filename") ? &seen->filename
                    : extended                           ? &seen->extended
                                                         : NULL;
    if (already == NULL)
        return RC_OK; /* RFC 7578 4.2: others are ignored */
    if (*already)
        FAIL(err, RC_INPUT, "part %u: Content-Disposition gives %.*s twice", h->number,
             (int)param->name.n, (const char *)param->name.p);
    *already = true;
    if (extended && !header_decode_extended(param->value))
        FAIL(err, RC_INPUT, "part %u: filename* is not UTF-8''text", h->number);

    bool is_name = already == &seen->name;
    TRY(check_text(param->value, is_name ? "name" : "filename", h->number, err));
    if (is_name)
        memcpy(part->name, param->value, sizeof part->name);
    else if (!extended || !seen->filename) /* the plain one wins */
        memcpy(part->filename, param->value, sizeof part->filename);
    part->has_filename = part->has_filename || !is_name;
    return RC_OK;
}

static enum rc take_disposition(struct part_headers *h, struct bytes value, struct err *err)
{
    struct disposition seen = {0};
    struct header_param param;
    int got;
    if (!header_is(header_token(&value), "form-data"))
        FAIL(err, RC_INPUT, "part %u: Content-Disposition is not form-data", h->number);
    while ((got = header_param(&value, false, &param)) > 0)
        TRY(take_param(h, &param, &seen, err));
    if (got < 0)
        FAIL(err, RC_INPUT, "part %u: malformed Content-Disposition, or a name over %d bytes",
             h->number, MULTIPART_NAME_MAX - 1);
    if (!seen.name)
        FAIL(err, RC_INPUT, "part %u: Content-Disposition has no name", h->number);
    return RC_OK;
}

static enum rc take_encoding(struct part_headers *h, struct bytes value, struct err *err)
{
    struct bytes token = header_token(&value);
    if (value.n != 0 ||
        !(header_is(token, "binary") || header_is(token, "8bit") || header_is(token, "7bit")))
        FAIL(err, RC_INPUT, "part %u: only binary is read as Content-Transfer-Encoding", h->number);
    return RC_OK;
}

static enum rc take_ms(struct part_headers *h, struct bytes value, struct err *err)
{
    int64_t ms;
    if (value.n < sizeof h->part->ms) {
        memcpy(h->part->ms, value.p, value.n);
        h->part->ms[value.n] = '\0';
    }
    if (value.n >= sizeof h->part->ms || h->part->ms[0] == '-' ||
        !text_number(h->part->ms, 0, FRAME_MS_MAX, &ms))
        FAIL(err, RC_INPUT, "part %u: X-Frame-Ms is not a whole number of milliseconds", h->number);
    return RC_OK;
}

typedef enum rc header_taker(struct part_headers *h, struct bytes value, struct err *err);

static enum rc take_nothing(struct part_headers *h, struct bytes value, struct err *err)
{
    (void)h;
    (void)value;
    (void)err;
    return RC_OK;
}

static enum rc take_header(struct part_headers *h, struct bytes name, struct bytes value,
                           struct err *err)
{
    const struct {
        const char *name;
        bool *seen;
        header_taker *take;
    } known[] = {
        {"content-disposition", &h->has_disposition, take_disposition},
        {"content-type", &h->has_type, take_nothing},
        {"content-transfer-encoding", &h->has_encoding, take_encoding},
        {"x-frame-ms", &h->has_ms, take_ms},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!header_is(name, known[i].name))
            continue;
        if (*known[i].seen)
            FAIL(err, RC_INPUT, "part %u: the header %s is given twice", h->number, known[i].name);
        *known[i].seen = true;
        return known[i].take(h, value, err);
    }
    return RC_OK;
}

static enum rc take_line(struct part_headers *h, struct bytes line, struct err *err)
{
    for (size_t i = 0; i < line.n; i++)
        if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            FAIL(err, RC_INPUT, "part %u: a header holds a control character", h->number);

    struct bytes left = line;
    struct bytes name = header_token(&left);
    if (name.n == 0 || left.n == 0 || left.p[0] != ':')
        FAIL(err, RC_INPUT, "part %u: a header line is not 'Name: value'", h->number);
    left.p++;
    left.n--;
    header_skip_blanks(&left);
    while (left.n > 0 && (left.p[left.n - 1] == ' ' || left.p[left.n - 1] == '\t'))
        left.n--;
    return take_header(h, name, left, err);
}

/*
 * Reads the header lines at *left and leaves it at the CRLF of the empty line behind them, which
 * may also be the one that begins the next delimiter.
 */
static enum rc take_headers(struct part_headers *h, const struct delimiter *delimiter,
                            struct bytes *left, struct err *err)
{
    size_t bytes = 0;
    for (unsigned n = 0; n <= HEADERS_MAX; n++) {
        size_t room = HEADER_BYTES_MAX + 2 - bytes;
        const uint8_t *end = memmem(left->p, left->n < room ? left->n : room, "\r\n", 2);
        if (end == NULL)
            FAIL(err, RC_INPUT, "part %u: its headers %s", h->number,
                 left->n < room ? "do not end" : "are over 4096 bytes");
        struct bytes line = bytes_of(left->p, (size_t)(end - left->p));
        if (line.n == 0) {
            if (!h->has_disposition)
                FAIL(err, RC_INPUT, "part %u: no Content-Disposition", h->number);
            return RC_OK;
        }
        if (bytes_start_with(line, delimiter->text + 2, delimiter->n - 2))
            FAIL(err, RC_INPUT, "part %u: its headers do not end", h->number);
        if (n == HEADERS_MAX)
            break;
        TRY(take_line(h, line, err));
        bytes += line.n + 2;
        left->p += line.n + 2;
        left->n -= line.n + 2;
    }
    FAIL(err, RC_INPUT, "part %u: more than %d headers", h->number, HEADERS_MAX);
}

/* --- the body --- */

/* Behind a boundary: "--" ends the body, else CRLF begins a part; blanks may stand before it. */
static enum rc take_boundary_end(struct bytes *left, unsigned parts, bool *ret_last,
                                 struct err *err)
{
    bool last = bytes_start_with(*left, "--", 2);
    if (last) {
        left->p += 2;
        left->n -= 2;
    }
    header_skip_blanks(left);
    bool crlf = bytes_start_with(*left, "\r\n", 2);
    if (!crlf && !(last && left->n == 0))
        FAIL(err, RC_INPUT, "multipart: no line end behind the boundary after part %u", parts);
    if (crlf) {
        left->p += 2;
        left->n -= 2;
    }
    *ret_last = last;
    return RC_OK;
}

static enum rc check_epilogue(struct bytes left, struct err *err)
{
    for (size_t i = 0; i < left.n; i++)
        if (strchr("\r\n\t ", left.p[i]) == NULL || left.p[i] == '\0')
            FAIL(err, RC_INPUT, "multipart: bytes behind the closing boundary");
    return RC_OK;
}

/*
 * The delimiter's CR is found nowhere else in it, so looking at each CR is linear whatever the
 * body holds; memmem() is several times slower on bodies made for that.
 */
static const uint8_t *find_delimiter(struct bytes left, const struct delimiter *delimiter)
{
    const uint8_t *cr;
    while (left.n >= delimiter->n && (cr = memchr(left.p, '\r', left.n)) != NULL) {
        left = bytes_of(cr, left.n - (size_t)(cr - left.p));
        if (bytes_start_with(left, delimiter->text, delimiter->n))
            return cr;
        left.p++;
        left.n--;
    }
    return NULL;
}

/* left: behind the line of the part's boundary; then behind the boundary that ends the part. */
static enum rc take_part(const struct delimiter *delimiter, unsigned number, struct bytes *left,
                         struct part *part, struct err *err)
{
    struct part_headers h = {.number = number, .part = part};
    memset(part, 0, sizeof *part);
    TRY(take_headers(&h, delimiter, left, err));

    const uint8_t *end = find_delimiter(*left, delimiter);
    if (end == NULL)
        FAIL(err, RC_INPUT, "part %u: the boundary that ends it is missing", number);
    /* An empty part may share the CRLF of the empty line with its delimiter. */
    const uint8_t *begin = end == left->p ? end : left->p + 2;
    part->data = bytes_of(begin, (size_t)(end - begin));
    left->n -= (size_t)(end - left->p) + delimiter->n;
    left->p = end + delimiter->n;
    return RC_OK;
}

enum rc multipart_parse(const char *content_type, struct bytes body, struct multipart *ret,
                        struct err *err)
{
    struct delimiter delimiter = {0};
    bool last;
    unsigned n = 0;
    ret->n = 0;
    TRY(find_boundary(content_type, &delimiter, err));
    if (!bytes_start_with(body, delimiter.text + 2, delimiter.n - 2))
        FAIL(err, RC_INPUT, "multipart: the body does not begin with its boundary");
    struct bytes left = bytes_of(body.p + delimiter.n - 2, body.n - (delimiter.n - 2));

    TRY(take_boundary_end(&left, n, &last, err));
    while (!last) {
        if (n == MULTIPART_PARTS_MAX)
            FAIL(err, RC_INPUT, "multipart: more than %d parts", MULTIPART_PARTS_MAX);
        TRY(take_part(&delimiter, n + 1, &left, &ret->part[n], err));
        n++;
        TRY(take_boundary_end(&left, n, &last, err));
    }
    if (n == 0)
        FAIL(err, RC_INPUT, "multipart: the body has no part");
    TRY(check_epilogue(left, err));
    ret->n = n;
    return RC_OK;
}
