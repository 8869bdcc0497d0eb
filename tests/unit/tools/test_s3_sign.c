/* Is a request signed as Amazon's published examples are? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/scan/s3_sign.h"

/* credential: the key's id with the scope that it is used in; names: of the signed headers. */
static void expect_signature(const struct s3_signing *signing, const char *credential,
                             const char *names, const char *signature)
{
    char out[S3_AUTHORIZATION_SIZE], expected[S3_AUTHORIZATION_SIZE];
    struct err err;
    snprintf(expected, sizeof expected,
             "AWS4-HMAC-SHA256 Credential=%s/aws4_request, SignedHeaders=%s, Signature=%s",
             credential, names, signature);
    assert_int_equal(s3_sign(signing, out, &err), RC_OK);
    assert_string_equal(out, expected);
}

/* The test suite of Signature Version 4. */
static void the_suites_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query, *header, *signature;
    } vectors[] = {
        {"/", "", NULL, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"/", "Param1=value1&Param2=value2", NULL,
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"/", "", "value2,value2,value1",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        {"/", "", "value1,value2,value3",
         "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct s3_header headers[3] = {{"host", "example.amazonaws.com"}};
        size_t n = 1;
        if (vectors[i].header != NULL)
            headers[n++] = (struct s3_header){"my-header1", vectors[i].header};
        headers[n++] = (struct s3_header){"x-amz-date", "20150830T123600Z"};
        const struct s3_signing signing = {.key_id = "AKIDEXAMPLE",
                                           .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                           .region = "us-east-1",
                                           .service = "service",
                                           .time = "20150830T123600Z",
                                           .method = "GET",
                                           .path = vectors[i].path,
                                           .query = vectors[i].query,
                                           .headers = headers,
                                           .n_headers = n,
                                           .payload = S3_NO_PAYLOAD};
        expect_signature(&signing, "AKIDEXAMPLE/20150830/us-east-1/service",
                         n == 3 ? "host;my-header1;x-amz-date" : "host;x-amz-date",
                         vectors[i].signature);
    }
}

/* The examples of S3's own manual. */
static void the_manuals_examples(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query, *range, *names, *signature;
    } vectors[] = {
        {"/test.txt", "", "bytes=0-9", "host;range;x-amz-content-sha256;x-amz-date",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"/", "lifecycle=", NULL, "host;x-amz-content-sha256;x-amz-date",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"/", "max-keys=2&prefix=J", NULL, "host;x-amz-content-sha256;x-amz-date",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct s3_header headers[4] = {{"host", "examplebucket.s3.amazonaws.com"}};
        size_t n = 1;
        if (vectors[i].range != NULL)
            headers[n++] = (struct s3_header){"range", vectors[i].range};
        headers[n++] = (struct s3_header){"x-amz-content-sha256", S3_NO_PAYLOAD};
        headers[n++] = (struct s3_header){"x-amz-date", "20130524T000000Z"};
        const struct s3_signing signing = {.key_id = "AKIAIOSFODNN7EXAMPLE",
                                           .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                           .region = "us-east-1",
                                           .service = "s3",
                                           .time = "20130524T000000Z",
                                           .method = "GET",
                                           .path = vectors[i].path,
                                           .query = vectors[i].query,
                                           .headers = headers,
                                           .n_headers = n,
                                           .payload = S3_NO_PAYLOAD};
        expect_signature(&signing, "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3", vectors[i].names,
                         vectors[i].signature);
    }
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    char longish[2000], out[S3_AUTHORIZATION_SIZE];
    struct err err;
    memset(longish, 'x', sizeof longish - 1);
    longish[sizeof longish - 1] = '\0';
    struct s3_signing signing = {.key_id = longish,
                                 .secret = "s",
                                 .region = "r",
                                 .service = "s3",
                                 .time = "20130524T000000Z",
                                 .method = "GET",
                                 .path = "/",
                                 .query = "",
                                 .payload = S3_NO_PAYLOAD};
    assert_int_equal(s3_sign(&signing, out, &err), RC_INPUT);
    signing.key_id = "k";
    signing.secret = longish;
    assert_int_equal(s3_sign(&signing, out, &err), RC_INPUT);
    signing.secret = "s";
    signing.region = longish;
    assert_int_equal(s3_sign(&signing, out, &err), RC_INPUT);
    signing.region = "r";
    signing.time = "2013";
    assert_int_equal(s3_sign(&signing, out, &err), RC_INPUT);
}

static void names_are_escaped(void **state)
{
    (void)state;
    char out[64];
    assert_true(s3_escape(bytes_str("a b/c+d~e\xc3\xa9%\n"), true, out, sizeof out));
    assert_string_equal(out, "a%20b/c%2Bd~e%C3%A9%25%0A");
    assert_true(s3_escape(bytes_str("a/b=&"), false, out, sizeof out));
    assert_string_equal(out, "a%2Fb%3D%26");
    assert_true(s3_escape(bytes_str("abc"), false, out, 4));
    assert_false(s3_escape(bytes_str("abc"), false, out, 3));
    assert_true(s3_escape(bytes_str("/ "), false, out, 7));
    assert_false(s3_escape(bytes_str("/ "), false, out, 6));
    assert_true(s3_escape(bytes_of("", 0), false, out, 1));
    assert_false(s3_escape(bytes_of("", 0), false, out, 0));
}

static void times_are_written(void **state)
{
    (void)state;
    char out[S3_TIME_SIZE];
    s3_time(INT64_C(1369353600000), out);
    assert_string_equal(out, "20130524T000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suites_vectors),          cmocka_unit_test(the_manuals_examples),
        cmocka_unit_test(what_is_too_long_is_refused), cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(times_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
