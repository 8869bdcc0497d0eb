/* What a store may answer: a page of a listing, an error. */
#include "tests/fuzz/fuzz.h"
#include "tools/scan/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(s3_page_clear) struct s3_page page = {0};
    struct s3_problem problem;
    struct err err;
    enum rc rc = s3_page_read(bytes_of(data, size), &page, &err);
    if (rc != RC_OK) {
        must_refuse(rc, RC_INPUT, &err);
    } else {
        MUST(page.n <= S3_PAGE_OBJECTS &&
             strnlen(page.token, sizeof page.token) < sizeof page.token);
        MUST(!page.truncated || page.token[0] != '\0');
        for (size_t i = 0; i < page.n; i++) {
            MUST(page.objects[i].key[0] != '\0' && strlen(page.objects[i].key) <= S3_KEY_MAX);
            MUST(page.objects[i].size <= INT64_MAX);
            MUST(strnlen(page.objects[i].etag, S3_ETAG_SIZE) < S3_ETAG_SIZE);
        }
    }
    s3_problem_read(bytes_of(data, size), &problem);
    for (const char *c = problem.message; *c != '\0'; c++)
        MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
    return 0;
}
