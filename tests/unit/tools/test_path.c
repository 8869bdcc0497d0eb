/* Are names made absolute as a walk calls them: folders resolved, the last part left as it is? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "tests/support/tmpdir.h"
#include "tools/scan/path.h"

static struct err err;

static void expect_absolute(const char *base, const char *path, const char *expected)
{
    SCOPED(mem_free) char *got = NULL;
    assert_int_equal(path_absolute(base, path, &got, &err), RC_OK);
    assert_string_equal(got, expected);
}

static void expect_entry(const char *base, const char *path, const char *expected)
{
    SCOPED(mem_free) char *got = NULL;
    if (path_of_entry(base, path, &got, &err) != RC_OK)
        fail_msg("%s: %s", path, err.msg);
    assert_string_equal(got, expected);
}

static void test_relative_ones_lie_under_a_folder(void **unused)
{
    (void)unused;
    expect_absolute("/a", "b/../c", "/a/b/../c");
    expect_absolute("/", "b", "/b");
    expect_absolute("/a", "/b", "/b");
    assert_int_equal(chdir("/"), 0);
    expect_absolute(NULL, "scan.db", "/scan.db");
    expect_absolute(NULL, "a/b", "/a/b");
}

static void test_the_last_part_stays(void **unused)
{
    (void)unused;
    SCOPED(mem_free) char *root = realpath(tmpdir(), NULL);
    SCOPED(mem_free) char *got = NULL;
    char link[512], inside[512], expected[512];

    assert_non_null(root);
    snprintf(link, sizeof link, "%s/link", root);
    snprintf(inside, sizeof inside, "%s/folder", root);
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(symlink("folder", link), 0);
    /* A link on the way is followed, one at the end is not, and what is not there has a name. */
    snprintf(expected, sizeof expected, "%s/folder/nothing", root);
    expect_entry(root, "link/nothing", expected);
    expect_entry(root, "link", link);
    expect_entry(root, "link///", link);
    expect_entry(root, "link/..", root);
    expect_entry(root, "./folder/.", inside);
    expect_entry("/elsewhere", link, link);
    expect_entry(NULL, "/", "/");
    expect_entry("/", "tmp", "/tmp");
    assert_int_equal(path_of_entry(root, "nowhere/a", &got, &err), RC_SYS);
    assert_non_null(strstr(err.msg, "its folder"));
    assert_int_equal(path_of_entry(root, "nowhere/..", &got, &err), RC_SYS);
    assert_null(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative_ones_lie_under_a_folder),
        cmocka_unit_test(test_the_last_part_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
