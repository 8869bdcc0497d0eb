#include "tools/scan/s3_xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "hashing/base/text.h"

enum {
    DEPTH_MAX = 8,
    TEXT_MAX = 4 * S3_KEY_MAX /* an encoded key is three times as long */
};

enum field { OTHER, KEY, SIZE, ETAG, MTIME, TRUNCATED, TOKEN, ENCODING, CODE, MESSAGE };

static const struct {
    const char *name;
    int depth;
    enum field field;
} names[] = {
    {"Key", 3, KEY},
    {"Size", 3, SIZE},
    {"ETag", 3, ETAG},
    {"LastModified", 3, MTIME},
    {"IsTruncated", 2, TRUNCATED},
    {"NextContinuationToken", 2, TOKEN},
    {"EncodingType", 2, ENCODING},
    {"Code", 2, CODE},
    {"Message", 2, MESSAGE},
};

struct reader {
    XML_Parser parser;
    const char *root; /* that the document must have */
    struct s3_page *page;
    struct s3_problem *problem;
    int depth;
    bool in_contents; /* of depth 2 */
    bool url;         /* keys are percent-encoded */
    enum field field; /* whose text is collected */
    int field_depth;
    unsigned seen; /* bits of fields: of the object */
    unsigned seen_of_page;
    struct s3_object object;
    size_t n;
    char text[TEXT_MAX + 1];
    struct err *err;
    enum rc rc;
};

static void reader_clear_scoped(struct reader *r)
{
    if (r->parser != NULL)
        XML_ParserFree(r->parser);
    free(r->object.key);
}

static void stop(struct reader *r, enum rc rc, const char *why)
{
    if (r->rc == RC_OK)
        r->rc = err_set(r->err, rc, HERE, "the listing: %s", why);
    XML_StopParser(r->parser, XML_FALSE);
}

static void wrong(struct reader *r, const char *why)
{
    stop(r, RC_INPUT, why);
}

static enum field field_of(const struct reader *r, const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (r->depth == names[i].depth && strcmp(name, names[i].name) == 0 &&
            (r->depth == 2 || r->in_contents))
            return names[i].field;
    return OTHER;
}

static void begin_field(struct reader *r, enum field field)
{
    unsigned bit = 1u << field;
    unsigned *seen = r->depth == 3 ? &r->seen : &r->seen_of_page;
    if ((*seen & bit) != 0) {
        wrong(r, "an element that comes twice");
        return;
    }
    *seen |= bit;
    r->field = field;
    r->field_depth = r->depth;
    r->n = 0;
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
    struct reader *r = ctx;
    (void)attributes;
    if (r->field != OTHER) {
        wrong(r, "an element where text should be");
        return;
    }
    if (++r->depth > DEPTH_MAX) {
        wrong(r, "too deep");
        return;
    }
    if (r->depth == 1 && strcmp(name, r->root) != 0) {
        wrong(r, "another document");
        return;
    }
    if (r->depth == 2) {
        r->in_contents = strcmp(name, "Contents") == 0;
        r->seen = 0;
    }
    enum field field = field_of(r, name);
    if (field != OTHER)
        begin_field(r, field);
}

static void on_text(void *ctx, const char *text, int n)
{
    struct reader *r = ctx;
    if (r->field == OTHER)
        return;
    if (n < 0 || (size_t)n > TEXT_MAX - r->n) {
        wrong(r, "a text that is too long");
        return;
    }
    memcpy(r->text + r->n, text, (size_t)n);
    r->n += (size_t)n;
    r->text[r->n] = '\0';
}

static void on_doctype(void *ctx, const char *name, const char *system, const char *public,
                       int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    wrong(ctx, "a document type");
}

static void take_key(struct reader *r)
{
    if (r->n == 0) {
        wrong(r, "an empty key");
        return;
    }
    r->object.key = strdup(r->text);
    if (r->object.key == NULL)
        stop(r, RC_NOMEM, "no memory");
}

static void take_truncated(struct reader *r)
{
    r->page->truncated = strcmp(r->text, "true") == 0;
    if (!r->page->truncated && strcmp(r->text, "false") != 0)
        wrong(r, "IsTruncated");
}

static void take_page_field(struct reader *r)
{
    int64_t number, ms;
    switch (r->field) {
    case KEY:
        take_key(r);
        break;
    case SIZE:
        if (!text_number(r->text, 0, INT64_MAX, &number))
            wrong(r, "Size");
        else
            r->object.size = (uint64_t)number;
        break;
    case ETAG:
        if (r->n == 0 || !text_copy(r->object.etag, sizeof r->object.etag, r->text))
            wrong(r, "ETag");
        break;
    case MTIME:
        if (!text_untime(r->text, &ms) || ms > INT64_MAX / 1000000 || ms < INT64_MIN / 1000000)
            wrong(r, "LastModified");
        else
            r->object.mtime_ns = ms * 1000000;
        break;
    case TRUNCATED:
        take_truncated(r);
        break;
    case TOKEN:
        if (!text_copy(r->page->token, sizeof r->page->token, r->text))
            wrong(r, "NextContinuationToken");
        break;
    case ENCODING:
        r->url = strcmp(r->text, "url") == 0;
        if (!r->url)
            wrong(r, "EncodingType");
        break;
    default:
        break;
    }
}

static void take_problem_field(struct reader *r)
{
    struct s3_problem *p = r->problem;
    if (r->field == CODE)
        (void)text_printable(r->text, r->n, p->code, sizeof p->code);
    else if (r->field == MESSAGE)
        (void)text_printable(r->text, r->n, p->message, sizeof p->message);
}

static void take_object(struct reader *r)
{
    const unsigned all = 1u << KEY | 1u << SIZE | 1u << ETAG | 1u << MTIME;
    struct s3_page *page = r->page;
    if ((r->seen & all) != all) {
        wrong(r, "an object without Key, Size, ETag or LastModified");
        return;
    }
    if (page->n == S3_PAGE_OBJECTS) {
        wrong(r, "too many objects on a page");
        return;
    }
    if (page->n == page->room) {
        size_t room = page->room == 0 ? 64 : page->room * 2;
        struct s3_object *more = realloc(page->objects, room * sizeof *more);
        if (more == NULL) {
            stop(r, RC_NOMEM, "no memory");
            return;
        }
        page->objects = more;
        page->room = room;
    }
    page->objects[page->n++] = r->object;
    r->object = (struct s3_object){0};
}

static void on_end(void *ctx, const char *name)
{
    struct reader *r = ctx;
    (void)name;
    if (r->field != OTHER && r->depth == r->field_depth) {
        r->text[r->n] = '\0';
        if (r->page != NULL)
            take_page_field(r);
        else
            take_problem_field(r);
        r->field = OTHER;
    }
    if (r->page != NULL && r->depth == 2 && r->in_contents && r->rc == RC_OK)
        take_object(r);
    r->depth--;
}

static bool parse(struct reader *r, struct bytes xml)
{
    r->parser = XML_ParserCreate("UTF-8");
    if (r->parser == NULL) {
        r->rc = err_set(r->err, RC_NOMEM, HERE, "no memory for a listing");
        return false;
    }
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    bool good = xml.n <= INT_MAX &&
                XML_Parse(r->parser, (const char *)xml.p, (int)xml.n, XML_TRUE) == XML_STATUS_OK;
    if (!good && r->rc == RC_OK)
        r->rc = err_set(r->err, RC_INPUT, HERE, "the listing: no XML: %s",
                        XML_ErrorString(XML_GetErrorCode(r->parser)));
    return good && r->rc == RC_OK;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* In place; a blank is '+' there. */
static bool unescape(char *key)
{
    char *out = key;
    for (const char *in = key; *in != '\0'; in++) {
        if (*in != '%') {
            *out++ = *in == '+' ? ' ' : *in;
            continue;
        }
        int high = hex(in[1]), low = high < 0 ? -1 : hex(in[2]);
        if (low < 0 || high + low == 0)
            return false;
        *out++ = (char)(high << 4 | low);
        in += 2;
    }
    *out = '\0';
    return true;
}

enum rc s3_page_read(struct bytes xml, struct s3_page *ret, struct err *err)
{
    SCOPED(reader_clear)
    struct reader r = {.root = "ListBucketResult", .page = ret, .err = err};

    *ret = (struct s3_page){0};
    if (!parse(&r, xml))
        return r.rc;
    if ((r.seen_of_page & 1u << TRUNCATED) == 0)
        FAIL(err, RC_INPUT, "the listing: no IsTruncated");
    if (ret->truncated && ret->token[0] == '\0')
        FAIL(err, RC_INPUT, "the listing: truncated, and no NextContinuationToken");
    for (size_t i = 0; i < ret->n; i++) {
        char *key = ret->objects[i].key;
        if (r.url && !unescape(key))
            FAIL(err, RC_INPUT, "the listing: a key that is badly encoded");
        if (strlen(key) > S3_KEY_MAX)
            FAIL(err, RC_INPUT, "the listing: a key that is too long");
    }
    return RC_OK;
}

void s3_page_clear(struct s3_page *page)
{
    for (size_t i = 0; i < page->n; i++)
        free(page->objects[i].key);
    free(page->objects);
    *page = (struct s3_page){0};
}

void s3_problem_read(struct bytes xml, struct s3_problem *ret)
{
    struct err ignored;
    SCOPED(reader_clear)
    struct reader r = {.root = "Error", .problem = ret, .err = &ignored};
    *ret = (struct s3_problem){0};
    if (xml.n > 0 && !parse(&r, xml))
        *ret = (struct s3_problem){0};
}
