/* The collected HEIF files of ../shared/data: each hashed or refused as its row expects. */
#include "tests/unit/decode_heif/fixture.h"

#define SKIPPED 77

static FILE *manifest;

static void collected_files_come_out_as_expected(void **state)
{
    (void)state;
    char line[4096], name[256], expect[32], format[32], path[512];
    unsigned files = 0, hashed = 0, refused = 0;
    if (manifest == NULL)
        skip();
    while (fgets(line, sizeof line, manifest) != NULL) {
        if (sscanf(line, "%255[^,],%*[^,],%*[^,],%31[^,],%31[^,]", name, expect, format) != 3)
            continue;
        if (strcmp(format, "heif") != 0 && strstr(name, ".avif") == NULL)
            continue;
        snprintf(path, sizeof path, SHARED_DATA "/hostile/%s", name);
        SCOPED(file_free) struct file f = file_read(path);
        if (f.p == NULL)
            fail_msg("cannot read %s", path);
        struct outcome o = decoded(file_bytes(&f));
        files++;
        hashed += o.rc == RC_OK;
        refused += o.rc != RC_OK;
        if (o.rc != RC_OK && strcmp(expect, "hash") == 0)
            fail_msg("%s was refused: %s", name, o.err.msg);
        if (o.rc == RC_OK && strcmp(expect, "4xx") == 0)
            fail_msg("%s was hashed", name);
    }
    print_message("%u files, %u hashed, %u refused\n", files, hashed, refused);
    assert_true(files >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(collected_files_come_out_as_expected)};
    manifest = fopen(SHARED_DATA "/hostile/manifest.csv", "re");
    if (manifest == NULL)
        puts("skipped: no ../shared/data");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (manifest == NULL)
        return failed != 0 ? failed : SKIPPED;
    fclose(manifest);
    return failed;
}
