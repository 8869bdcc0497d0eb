/* The first line is the request's Content-Type, the rest its body. */
#include "service/multipart.h"
#include "tests/fuzz/fuzz.h"

static void check_name(const char *name)
{
    size_t n = strnlen(name, MULTIPART_NAME_MAX);
    MUST(n < MULTIPART_NAME_MAX && text_is_utf8(name, n));
}

/* Parts stand within the body, in order, and do not overlap. */
static void check_parts(const struct multipart *m, struct bytes body)
{
    const uint8_t *at = body.p;
    MUST(m->n > 0 && m->n <= MULTIPART_PARTS_MAX);
    for (unsigned i = 0; i < m->n; i++) {
        const struct part *part = &m->part[i];
        check_name(part->name);
        check_name(part->filename);
        MUST(part->has_filename || part->filename[0] == '\0');
        MUST(strspn(part->ms, "0123456789") == strlen(part->ms));
        MUST(part->data.p >= at);
        at = part->data.p + part->data.n;
        MUST(at <= body.p + body.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    if (newline == NULL)
        return 0;
    size_t n = (size_t)(newline - data);
    SCOPED(mem_free) char *content_type = text_of(bytes_of(data, n));
    SCOPED(mem_free) struct multipart *m = malloc(sizeof *m);
    struct bytes body = bytes_of(newline + 1, size - n - 1);
    struct err err;

    MUST(m != NULL);
    m->n = 1; /* whatever it was before */
    enum rc rc = multipart_parse(content_type, body, m, &err);
    if (rc == RC_OK) {
        MUST(multipart_is(content_type));
        check_parts(m, body);
    } else {
        must_refuse(rc, RC_INPUT, &err);
        MUST(m->n == 0);
    }
    return 0;
}
