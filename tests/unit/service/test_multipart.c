/* Are the parts exactly the bytes that were put in, and is everything else refused? */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "hashing/base/text.h"
#include "service/multipart.h"
#include "tests/support/rnd.h"

#define TYPE "multipart/form-data; boundary=b"
#define HEAD "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n"

static struct multipart mp;

/* Parses a copy without NUL, so that ASan sees a read beyond the end. */
static enum rc parse(const char *type, const void *body, size_t n, struct err *err)
{
    uint8_t *copy = malloc(n == 0 ? 1 : n);
    assert_non_null(copy);
    memcpy(copy, body, n);
    memset(&mp, 0xa5, sizeof mp);
    enum rc rc = multipart_parse(type, bytes_of(copy, n), &mp, err);
    /* Parts lie within the body, in order and without overlap. */
    const uint8_t *at = copy;
    for (unsigned i = 0; rc == RC_OK && i < mp.n; i++) {
        assert_true(mp.part[i].data.p >= at);
        at = mp.part[i].data.p + mp.part[i].data.n;
        assert_true(at <= copy + n);
        assert_true(text_is_utf8(mp.part[i].name, strlen(mp.part[i].name)));
        assert_true(text_is_utf8(mp.part[i].filename, strlen(mp.part[i].filename)));
        mp.part[i].data.p = (const uint8_t *)body + (mp.part[i].data.p - copy);
    }
    if (rc != RC_OK) {
        assert_int_equal(rc, RC_INPUT);
        assert_int_equal(mp.n, 0);
        assert_true(err->msg[0] != '\0');
    }
    free(copy);
    return rc;
}

static void accept(const char *body)
{
    struct err err = {0};
    if (parse(TYPE, body, strlen(body), &err) != RC_OK)
        fail_msg("%s: %s", body, err.msg);
}

static void refuse(const char *body, const char *words)
{
    struct err err = {0};
    if (parse(TYPE, body, strlen(body), &err) != RC_INPUT)
        fail_msg("accepted: %s", body);
    assert_string_equal(err.msg, words);
}

static void assert_data(unsigned i, const char *data)
{
    assert_int_equal(mp.part[i].data.n, strlen(data));
    assert_memory_equal(mp.part[i].data.p, data, strlen(data));
}

static void finds_parts(void **state)
{
    (void)state;
    accept(
        "--b\r\n"
        "content-disposition: FORM-DATA; name=\"media\"; filename=\"a \\\"b\\\" %22c%22.png\"\r\n"
        "Content-Type: image/png\r\nX-Frame-Ms: 1500\r\n\r\n"
        "one\r\ntwo\r\n--b \t\r\n"
        "Content-Disposition:form-data;name=meta;x=y\r\n\r\n"
        "{}\n--b\r--b\r\n--b--\r\n");
    assert_int_equal(mp.n, 2);
    assert_string_equal(mp.part[0].name, "media");
    assert_string_equal(mp.part[0].filename, "a \"b\" \"c\".png");
    assert_true(mp.part[0].has_filename);
    assert_string_equal(mp.part[0].ms, "1500");
    assert_data(0, "one\r\ntwo");
    assert_string_equal(mp.part[1].name, "meta");
    assert_false(mp.part[1].has_filename);
    assert_string_equal(mp.part[1].filename, "");
    assert_string_equal(mp.part[1].ms, "");
    assert_data(1, "{}\n--b\r--b");
}

static void reads_names_of_every_kind(void **state)
{
    (void)state;
    accept("--b\r\nContent-Disposition: form-data; name=\"\"; filename=\"\"\r\n\r\nx\r\n--b--");
    assert_string_equal(mp.part[0].name, "");
    assert_true(mp.part[0].has_filename);
    accept(
        "--b\r\nContent-Disposition: form-data; name=\"a;b\"; filename=\"C:\\dir\\x.png\"\r\n\r\n"
        "x\r\n--b--");
    assert_string_equal(mp.part[0].name, "a;b");
    assert_string_equal(mp.part[0].filename, "C:\\dir\\x.png");
    accept("--b\r\nContent-Disposition: form-data; filename*=utf-8'en'%e2%82%ac%20x; name=f\r\n\r\n"
           "x\r\n--b--");
    assert_string_equal(mp.part[0].filename, "\xE2\x82\xAC x");
    accept("--b\r\nContent-Disposition: form-data; filename*=utf-8''y; filename=x; name=f\r\n\r\n"
           "x\r\n--b--");
    assert_string_equal(mp.part[0].filename, "x");
    accept("--b\r\nContent-Disposition: form-data; filename=x; filename*=utf-8''y; name=f\r\n\r\n"
           "x\r\n--b--");
    assert_string_equal(mp.part[0].filename, "x");
}

static void finds_empty_parts(void **state)
{
    (void)state;
    accept(HEAD "\r\n\r\n--b--\r\n");
    assert_int_equal(mp.n, 1);
    assert_data(0, "");
    accept(HEAD "\r\n--b--"); /* the empty line's CRLF is the delimiter's */
    assert_data(0, "");
    accept(HEAD "\r\n\r\n\r\n--b--");
    assert_data(0, "\r\n");
}

static void refuses_broken_bodies(void **state)
{
    (void)state;
    refuse("", "multipart: the body does not begin with its boundary");
    refuse("\r\n" HEAD "\r\nx\r\n--b--", "multipart: the body does not begin with its boundary");
    refuse("preamble\r\n" HEAD "\r\nx\r\n--b--",
           "multipart: the body does not begin with its boundary");
    refuse("--b--\r\n", "multipart: the body has no part");
    refuse("--bc\r\n", "multipart: no line end behind the boundary after part 0");
    refuse("--b\n", "multipart: no line end behind the boundary after part 0");
    refuse(HEAD "\r\nx", "part 1: the boundary that ends it is missing");
    refuse(HEAD "\r\nx\n--b--", "part 1: the boundary that ends it is missing");
    refuse(HEAD "\r\nx\r\n--b", "multipart: no line end behind the boundary after part 1");
    refuse(HEAD "\r\nx\r\n--b-", "multipart: no line end behind the boundary after part 1");
    refuse(HEAD "\r\nx\r\n--bc--", "multipart: no line end behind the boundary after part 1");
    refuse(HEAD "\r\nx\r\n--b\r\n", "part 2: its headers do not end");
    refuse(HEAD "\r\nx\r\n--b--x", "multipart: no line end behind the boundary after part 1");
    refuse(HEAD "\r\nx\r\n--b--\r\nmore", "multipart: bytes behind the closing boundary");
    refuse(HEAD "\r\nx\r\n--b--\r\n" HEAD "\r\ny\r\n--b--",
           "multipart: bytes behind the closing boundary");
}

static void refuses_broken_headers(void **state)
{
    (void)state;
    refuse("--b\r\n\r\nx\r\n--b--", "part 1: no Content-Disposition");
    refuse("--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--", "part 1: no Content-Disposition");
    refuse("--b\r\nContent-Disposition: attachment; name=f\r\n\r\nx\r\n--b--",
           "part 1: Content-Disposition is not form-data");
    refuse("--b\r\nContent-Disposition: form-data; filename=f\r\n\r\nx\r\n--b--",
           "part 1: Content-Disposition has no name");
    refuse("--b\r\nContent-Disposition: form-data; name=f; name=g\r\n\r\nx\r\n--b--",
           "part 1: Content-Disposition gives name twice");
    refuse(
        "--b\r\nContent-Disposition: form-data; name=f; filename=g; filename=h\r\n\r\nx\r\n--b--",
        "part 1: Content-Disposition gives filename twice");
    refuse("--b\r\nContent-Disposition: form-data; name=\"f\r\n\r\nx\r\n--b--",
           "part 1: malformed Content-Disposition, or a name over 255 bytes");
    refuse("--b\r\nContent-Disposition: form-data, name=f\r\n\r\nx\r\n--b--",
           "part 1: malformed Content-Disposition, or a name over 255 bytes");
    refuse("--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--b--",
           "part 1: the name is not UTF-8");
    refuse("--b\r\nContent-Disposition: form-data; name=f; filename=\"\xff\"\r\n\r\nx\r\n--b--",
           "part 1: the filename is not UTF-8");
    refuse("--b\r\nContent-Disposition: form-data; name=f; filename*=latin1''x\r\n\r\nx\r\n--b--",
           "part 1: filename* is not UTF-8''text");
    refuse("--b\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''%00\r\n\r\nx\r\n--b--",
           "part 1: filename* is not UTF-8''text");
    refuse("--b\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''%2\r\n\r\nx\r\n--b--",
           "part 1: filename* is not UTF-8''text");
    refuse(HEAD "Content-Disposition: form-data; name=f\r\n\r\nx\r\n--b--",
           "part 1: the header content-disposition is given twice");
    refuse(HEAD "X-Frame-Ms: 1\r\nX-FRAME-MS: 1\r\n\r\nx\r\n--b--",
           "part 1: the header x-frame-ms is given twice");
    refuse(HEAD " folded: x\r\n\r\nx\r\n--b--", "part 1: a header line is not 'Name: value'");
    refuse(HEAD "No colon\r\n\r\nx\r\n--b--", "part 1: a header line is not 'Name: value'");
    refuse(HEAD "Blank : x\r\n\r\nx\r\n--b--", "part 1: a header line is not 'Name: value'");
    refuse(HEAD "X: a\nY: b\r\n\r\nx\r\n--b--", "part 1: a header holds a control character");
    refuse(HEAD "X: a\x7f\r\n\r\nx\r\n--b--", "part 1: a header holds a control character");
    refuse(HEAD "--b\r\n\r\nx\r\n--b--", "part 1: its headers do not end");
    refuse(HEAD "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--b--",
           "part 1: only binary is read as Content-Transfer-Encoding");
    accept(HEAD "Content-Transfer-Encoding: 8BIT\r\n\r\nx\r\n--b--");
}

static void refuses_times_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-1",
                                      "-0",
                                      "+1",
                                      "1.5",
                                      "1 2",
                                      "x",
                                      "99999999999999999999999999",
                                      "0x10",
                                      "1s",
                                      "9007199254740993"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char body[256];
        snprintf(body, sizeof body, HEAD "X-Frame-Ms: %s\r\n\r\nx\r\n--b--", bad[i]);
        refuse(body, "part 1: X-Frame-Ms is not a whole number of milliseconds");
    }
    accept(HEAD "X-Frame-Ms: 9007199254740992 \r\n\r\nx\r\n--b--");
    assert_string_equal(mp.part[0].ms, "9007199254740992");
}

static void refuses_nul(void **state)
{
    (void)state;
    static const char body[] = HEAD "X: \0\r\n\r\nx\r\n--b--";
    struct err err = {0};
    assert_int_equal(parse(TYPE, body, sizeof body - 1, &err), RC_INPUT);
    assert_string_equal(err.msg, "part 1: a header holds a control character");
    static const char fine[] = HEAD "\r\n\0\r\n--b--";
    assert_int_equal(parse(TYPE, fine, sizeof fine - 1, &err), RC_OK);
    assert_int_equal(mp.part[0].data.n, 1);
}

static void refuse_repeated(const char *line, unsigned times, const char *words)
{
    static char body[40000];
    strcpy(body, HEAD);
    for (unsigned i = 0; i < times; i++)
        strcat(body, line);
    strcat(body, "\r\nx\r\n--b--");
    if (words == NULL)
        accept(body);
    else
        refuse(body, words);
}

static void keeps_its_limits(void **state)
{
    (void)state;
    char line[1003];
    memset(line, 'a', sizeof line);
    memcpy(line, "X: ", 3);
    memcpy(line + 1000, "\r\n", 3);
    refuse_repeated("X: y\r\n", 15, NULL);
    refuse_repeated("X: y\r\n", 16, "part 1: more than 16 headers");
    refuse_repeated(line, 4, NULL);
    refuse_repeated(line, 5, "part 1: its headers are over 4096 bytes");

    static char body[20000];
    for (unsigned n = MULTIPART_PARTS_MAX; n <= MULTIPART_PARTS_MAX + 1; n++) {
        body[0] = '\0';
        for (unsigned i = 0; i < n; i++)
            strcat(body, HEAD "\r\nx\r\n");
        strcat(body, "--b--");
        if (n == MULTIPART_PARTS_MAX)
            accept(body);
        else
            refuse(body, "multipart: more than 64 parts");
    }
    for (size_t n = 255; n <= 256; n++) {
        snprintf(body, sizeof body,
                 "--b\r\nContent-Disposition: form-data; name=\"%0*d\"\r\n\r\nx\r\n--b--", (int)n,
                 0);
        if (n == 255)
            accept(body);
        else
            refuse(body, "part 1: malformed Content-Disposition, or a name over 255 bytes");
    }
}

static void reads_the_content_type(void **state)
{
    (void)state;
    static const char body[] = HEAD "\r\nx\r\n--b--";
    static const struct {
        const char *type;
        const char *words; /* NULL: fine */
    } cases[] = {
        {"Multipart/Form-Data;boundary=\"b\"", NULL},
        {"multipart/form-data; charset=utf-8; BOUNDARY=b;", NULL},
        {"multipart/form-data", "Content-Type: multipart/form-data without a boundary"},
        {"multipart/form-data; boundary=", "Content-Type: malformed parameters"},
        {"multipart/form-data; boundary=\"\"",
         "Content-Type: the boundary is not 1 to 70 of the characters that it may have"},
        {"multipart/form-data; boundary=\"b \"",
         "Content-Type: the boundary is not 1 to 70 of the characters that it may have"},
        {"multipart/form-data; boundary=\"b*\"",
         "Content-Type: the boundary is not 1 to 70 of the characters that it may have"},
        {"multipart/form-data; boundary=b; boundary=b",
         "Content-Type: the boundary is given twice"},
        {"multipart/form-data; boundary=b c", "Content-Type: malformed parameters"},
        {"multipart/form-data; boundary=\"b", "Content-Type: malformed parameters"},
        {"multipart/form-data boundary=b", "Content-Type is not multipart/form-data"},
        {"multipart/mixed; boundary=b", "Content-Type is not multipart/form-data"},
        {"", "Content-Type is not multipart/form-data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        enum rc rc = parse(cases[i].type, body, sizeof body - 1, &err);
        assert_int_equal(rc, cases[i].words == NULL ? RC_OK : RC_INPUT);
        assert_string_equal(err.msg, cases[i].words != NULL ? cases[i].words : "");
    }
    assert_true(multipart_is("multipart/form-data ; x"));
    assert_false(multipart_is("multipart/form-datax"));
    assert_false(multipart_is("multipart"));
    assert_false(multipart_is(""));
}

static void takes_the_longest_boundary(void **state)
{
    (void)state;
    char type[160], body[400], boundary[72];
    for (int n = 70; n <= 71; n++) {
        struct err err = {0};
        snprintf(boundary, sizeof boundary, "%0*d", n, 1);
        snprintf(type, sizeof type, "multipart/form-data; boundary=%s", boundary);
        snprintf(body, sizeof body,
                 "--%s\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n--%s--", boundary,
                 boundary);
        assert_int_equal(parse(type, body, strlen(body), &err), n == 70 ? RC_OK : RC_INPUT);
    }
}

/* --- properties --- */

enum { BUILD_MAX = 70000 };

struct built {
    uint8_t body[BUILD_MAX];
    size_t n;
    unsigned parts;
    size_t begin[MULTIPART_PARTS_MAX], length[MULTIPART_PARTS_MAX];
    bool named[MULTIPART_PARTS_MAX];
};

static void put(struct built *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct built *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    b->n += (size_t)vsnprintf((char *)b->body + b->n, BUILD_MAX - b->n, format, args);
    va_end(args);
}

/* Bytes that come near the delimiter "\r\n--0a" again and again, but never contain it. */
static void put_data(struct rnd *r, struct built *b, size_t n)
{
    size_t begin = b->n;
    while (b->n - begin < n) {
        static const char *const near[] = {"\r\n--0", "\r\n--", "\r\n", "\r",
                                           "\n--0a",  "--0a",   "a"};
        if (rnd_below(r, 2) == 0)
            b->body[b->n++] = (uint8_t)rnd_next(r);
        else
            put(b, "%s", near[rnd_below(r, sizeof near / sizeof near[0])]);
        /* The CRLF of the empty line before the data counts as well. */
        if (memcmp(b->body + b->n - 6, "\r\n--0a", 6) == 0)
            b->n--;
    }
}

static void build(struct rnd *r, struct built *b)
{
    b->n = 0;
    b->parts = 1 + (unsigned)rnd_below(r, 8);
    for (unsigned i = 0; i < b->parts; i++) {
        b->named[i] = rnd_below(r, 2) == 0;
        put(b, "--0a\r\nContent-Disposition: form-data; name=\"n%u\"", i);
        put(b, "%s\r\n%s\r\n", b->named[i] ? "; filename=x" : "",
            rnd_below(r, 2) == 0 ? "Content-Type: image/png\r\n" : "");
        b->begin[i] = b->n;
        put_data(r, b, rnd_below(r, 300));
        b->length[i] = b->n - b->begin[i];
        put(b, "\r\n");
    }
    put(b, "--0a--%s", rnd_below(r, 2) == 0 ? "\r\n" : "");
}

static void returns_what_was_built(void **state)
{
    (void)state;
    static struct built b;
    struct rnd r = rnd_from_environment();
    for (int round = 0; round < 3000; round++) {
        struct err err = {0};
        build(&r, &b);
        assert_int_equal(parse("multipart/form-data; boundary=0a", b.body, b.n, &err), RC_OK);
        assert_int_equal(mp.n, b.parts);
        for (unsigned i = 0; i < b.parts; i++) {
            char name[16];
            snprintf(name, sizeof name, "n%u", i);
            assert_string_equal(mp.part[i].name, name);
            assert_int_equal(mp.part[i].has_filename, b.named[i]);
            assert_int_equal(mp.part[i].data.n, b.length[i]);
            assert_ptr_equal(mp.part[i].data.p, b.body + b.begin[i]);
        }
    }
}

/* Cut anywhere: refused, but for a cut within the last CRLF.  Changed anywhere: no overrun. */
static void survives_cuts_and_changes(void **state)
{
    (void)state;
    static struct built b;
    struct rnd r = rnd_from_environment();
    for (int round = 0; round < 60; round++) {
        build(&r, &b);
        size_t end = b.n - (b.body[b.n - 1] == '\n' ? 2 : 0);
        for (size_t n = 0; n < end; n += 1 + rnd_below(&r, 7)) {
            struct err err = {0};
            assert_int_equal(parse("multipart/form-data; boundary=0a", b.body, n, &err), RC_INPUT);
        }
        for (int i = 0; i < 100; i++) {
            struct err err = {0};
            b.body[rnd_below(&r, b.n)] = (uint8_t) "\r\n-:;\"0a= \0\xff"[rnd_below(&r, 12)];
            (void)!parse("multipart/form-data; boundary=0a", b.body, b.n, &err);
        }
    }
}

/* --- other people's fuzzed bodies: the boundary is what follows "--" in the first line --- */

static void parse_hostile(const char *path)
{
    static uint8_t body[1 << 20];
    char type[200];
    struct err err = {0};
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(body, 1, sizeof body, in);
    fclose(in);
    const uint8_t *newline = memchr(body, '\n', n);
    size_t line = newline == NULL ? n : (size_t)(newline - body);
    while (line > 0 && body[line - 1] == '\r')
        line--;
    snprintf(type, sizeof type, "multipart/form-data; boundary=\"%.*s\"",
             (int)(line > 2 && line < 120 ? line - 2 : 0), (const char *)body + 2);
    (void)!parse(type, body, n, &err);
    (void)!parse(type, body, n / 2, &err);
}

static void survives_the_hostile_corpus(void **state)
{
    (void)state;
    DIR *folder = opendir(SHARED_DATA "/hostile/http");
    unsigned n = 0;
    if (folder == NULL) {
        printf("skipped: no ../shared/data\n");
        skip();
    }
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/hostile/http/%s", SHARED_DATA, e->d_name);
        if (strstr(e->d_name, ".body") != NULL) {
            parse_hostile(path);
            n++;
        }
    }
    closedir(folder);
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_parts),
        cmocka_unit_test(reads_names_of_every_kind),
        cmocka_unit_test(finds_empty_parts),
        cmocka_unit_test(refuses_broken_bodies),
        cmocka_unit_test(refuses_broken_headers),
        cmocka_unit_test(refuses_times_that_are_none),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(keeps_its_limits),
        cmocka_unit_test(reads_the_content_type),
        cmocka_unit_test(takes_the_longest_boundary),
        cmocka_unit_test(returns_what_was_built),
        cmocka_unit_test(survives_cuts_and_changes),
        cmocka_unit_test(survives_the_hostile_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
