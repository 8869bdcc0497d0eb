/* Are listings read for what they say, and hostile ones refused in words? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/oom.h"
#include "tools/scan/s3_xml.h"

#define OBJECT(key)                                                                                \
    "<Contents><Key>" key "</Key><LastModified>2020-01-02T03:04:05.678Z</LastModified>"            \
    "<ETag>&quot;abc&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>"
#define PAGE(inner)                                                                                \
    "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\">" inner "</ListBucketResult>"
#define LAST "<IsTruncated>false</IsTruncated>"

static void a_page_is_read(void **state)
{
    (void)state;
    SCOPED(s3_page_clear) struct s3_page page = {0};
    struct err err;
    const char *xml =
        PAGE("<Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t/=</"
             "NextContinuationToken>" OBJECT(
                 "a/b.jpg") "<Contents><Owner><ID>x</ID></Owner><Size>0</Size>"
                            "<Key>&lt;\xc3\xa9</Key><ETag>e</"
                            "ETag><LastModified>1970-01-01T00:00:01Z</LastModified>"
                            "</Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>");
    assert_int_equal(s3_page_read(bytes_str(xml), &page, &err), RC_OK);
    assert_int_equal(page.n, 2);
    assert_true(page.truncated);
    assert_string_equal(page.token, "t/=");
    assert_string_equal(page.objects[0].key, "a/b.jpg");
    assert_string_equal(page.objects[0].etag, "\"abc\"");
    assert_int_equal(page.objects[0].size, 7);
    assert_int_equal(page.objects[0].mtime_ns, INT64_C(1577934245678000000));
    assert_string_equal(page.objects[1].key, "<\xc3\xa9");
    assert_int_equal(page.objects[1].mtime_ns, 1000000000);
}

static void encoded_keys_are_decoded_when_the_page_says_so(void **state)
{
    (void)state;
    struct err err;
    for (int encoded = 0; encoded < 2; encoded++) {
        SCOPED(s3_page_clear) struct s3_page page = {0};
        const char *xml =
            encoded ? PAGE(OBJECT("a+b%2Bc%0a%ff/..%2F") LAST "<EncodingType>url</EncodingType>")
                    : PAGE(OBJECT("a+b%2B") LAST);
        assert_int_equal(s3_page_read(bytes_str(xml), &page, &err), RC_OK);
        assert_string_equal(page.objects[0].key, encoded ? "a b+c\n\xff/../" : "a+b%2B");
    }
}

static void expect_refused(const char *xml, const char *why)
{
    SCOPED(s3_page_clear) struct s3_page page = {0};
    struct err err;
    enum rc rc = s3_page_read(bytes_str(xml), &page, &err);
    if (rc != RC_INPUT || strstr(err.msg, why) == NULL)
        fail_msg("%.60s…: %s, not %s", xml, rc == RC_OK ? "ok" : err.msg, why);
}

static void hostile_pages_are_refused(void **state)
{
    (void)state;
    expect_refused("", "no XML");
    expect_refused("<html><body>login</body></html>", "another document");
    expect_refused(PAGE(LAST) "x", "no XML");
    expect_refused("<ListBucketResult>", "no XML");
    expect_refused(
        "<!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]>" PAGE(OBJECT("&b;")), "");
    expect_refused("<!DOCTYPE ListBucketResult [<!ENTITY a \"aaaa\">]><ListBucketResult>&a;"
                   "</ListBucketResult>",
                   "a document type");
    expect_refused("<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><ListBucketResult/>",
                   "a document type");
    expect_refused("<?xml version=\"1.0\" encoding=\"UTF-16\"?><ListBucketResult/>", "");
    expect_refused(PAGE("\xff" LAST), "no XML");
    expect_refused(PAGE(""), "no IsTruncated");
    expect_refused(PAGE("<IsTruncated>maybe</IsTruncated>"), "IsTruncated");
    expect_refused(PAGE("<IsTruncated>true</IsTruncated>"), "no NextContinuationToken");
    expect_refused(PAGE(LAST LAST), "comes twice");
    expect_refused(PAGE("<Contents><Key>a</Key></Contents>" LAST), "an object without");
    expect_refused(PAGE("<Contents><Key>a</Key><Key>b</Key></Contents>" LAST), "comes twice");
    expect_refused(PAGE("<Contents><Key><b>a</b></Key></Contents>" LAST), "where text should be");
    expect_refused(PAGE("<Contents><Key></Key></Contents>" LAST), "an empty key");
    expect_refused(PAGE("<Contents><Size>-1</Size></Contents>" LAST), "Size");
    expect_refused(PAGE("<Contents><Size>99999999999999999999</Size></Contents>" LAST), "Size");
    expect_refused(PAGE("<Contents><Size> 1</Size></Contents>" LAST), "Size");
    expect_refused(PAGE("<Contents><ETag></ETag></Contents>" LAST), "ETag");
    expect_refused(PAGE("<Contents><LastModified>now</LastModified></Contents>" LAST),
                   "LastModified");
    expect_refused(PAGE(OBJECT("a%zz") "<EncodingType>url</EncodingType>" LAST), "badly encoded");
    expect_refused(PAGE(OBJECT("a%00b") "<EncodingType>url</EncodingType>" LAST), "badly encoded");
    expect_refused(PAGE(OBJECT("a%4") "<EncodingType>url</EncodingType>" LAST), "badly encoded");
    expect_refused(PAGE("<EncodingType>rot13</EncodingType>" LAST), "EncodingType");
    expect_refused(PAGE("<a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a>" LAST),
                   "too deep");
}

static void what_is_too_long_or_too_many_is_refused(void **state)
{
    (void)state;
    enum { ROOM = 4 << 20 };
    char *xml = malloc(ROOM);
    char key[S3_KEY_MAX * 4 + 2];
    size_t n;
    memset(key, 'k', sizeof key);
    snprintf(xml, ROOM, "<ListBucketResult><Contents><Key>%.*s</Key>", S3_KEY_MAX * 4 + 1, key);
    expect_refused(xml, "a text that is too long");
    snprintf(xml, ROOM,
             PAGE("<Contents><Key>%.*s</Key><LastModified>2020-01-02T03:04:05Z</LastModified>"
                  "<ETag>e</ETag><Size>7</Size></Contents>" LAST),
             S3_KEY_MAX + 1, key);
    expect_refused(xml, "a key that is too long");
    snprintf(xml, ROOM, PAGE("<Contents><ETag>%.*s</ETag></Contents>" LAST), S3_ETAG_SIZE, key);
    expect_refused(xml, "ETag");
    n = (size_t)snprintf(xml, ROOM, "<ListBucketResult>");
    for (int i = 0; i <= S3_PAGE_OBJECTS; i++)
        n += (size_t)snprintf(xml + n, ROOM - n, OBJECT("%d"), i);
    snprintf(xml + n, ROOM - n, LAST "</ListBucketResult>");
    expect_refused(xml, "too many objects");
    free(xml);
}

static void memory_that_lacks_is_told(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        SCOPED(s3_page_clear) struct s3_page page = {0};
        struct err err;
        oom_arm(nth);
        enum rc rc = s3_page_read(bytes_str(PAGE(OBJECT("a") OBJECT("b") LAST)), &page, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 3);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
    }
}

static void problems_are_read_and_made_harmless(void **state)
{
    (void)state;
    struct s3_problem p;
    s3_problem_read(
        bytes_str("<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>It is&#x9b;"
                  "31m gone</Message><Key>x</Key></Error>"),
        &p);
    assert_string_equal(p.code, "NoSuchKey");
    assert_null(strstr(p.message, "\x9b"));
    s3_problem_read(bytes_str("<html>no</html>"), &p);
    assert_string_equal(p.code, "");
    s3_problem_read(bytes_of("", 0), &p);
    assert_string_equal(p.message, "");
    s3_problem_read(bytes_str("<Error><Code>A</Code><Code>B</Code></Error>"), &p);
    assert_string_equal(p.code, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read),
        cmocka_unit_test(encoded_keys_are_decoded_when_the_page_says_so),
        cmocka_unit_test(hostile_pages_are_refused),
        cmocka_unit_test(what_is_too_long_or_too_many_is_refused),
        cmocka_unit_test(memory_that_lacks_is_told),
        cmocka_unit_test(problems_are_read_and_made_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
