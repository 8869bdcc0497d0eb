/* When is a snapshot written, and where? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/snapshots.h"
#include "tests/support/oom.h"

#define HOUR INT64_C(3600000000000)

static void after_many_changes_or_an_hour(void **state)
{
    (void)state;
    assert_false(snapshot_due(0, 0, 0));
    assert_false(snapshot_due(0, 1000, 100 * HOUR));
    assert_true(snapshot_due(1, 1, 0)); /* of a short list each is many */
    assert_false(snapshot_due(10, 160, 0));
    assert_true(snapshot_due(11, 160, 0));
    assert_false(snapshot_due(50000, 10000000, HOUR));
    assert_true(snapshot_due(50001, 10000000, 0));
    assert_true(snapshot_due(1, 10000000, HOUR + 1));
    assert_true(snapshot_due(1000, 1000, 0)); /* a list that was made from the store */
    assert_true(snapshot_due(5, 0, 0));       /* all were revoked */
}

static char *path_of(char *database, char *snapshot)
{
    const struct config config = {.database = database, .snapshot = snapshot};
    char *path = NULL;
    struct err err;
    assert_int_equal(snapshot_path(&config, &path, &err), RC_OK);
    return path;
}

static void is_where_the_configuration_says(void **state)
{
    (void)state;
    char database[] = "sqlite:/var/lib/h/h.db", relative[] = "sqlite:h.db";
    char beside[] = "beside", none[] = "none", path[] = "/x/y";
    SCOPED(mem_free) char *first = path_of(database, beside);
    SCOPED(mem_free) char *second = path_of(relative, beside);
    SCOPED(mem_free) char *third = path_of(database, path);
    assert_string_equal(first, "/var/lib/h/h.db.snapshot");
    assert_string_equal(second, "h.db.snapshot");
    assert_string_equal(third, "/x/y");
    assert_null(path_of(database, none));

    const struct config config = {.database = database, .snapshot = beside};
    char *got = NULL;
    struct err err;
    oom_arm(1);
    assert_int_equal(snapshot_path(&config, &got, &err), RC_NOMEM);
    assert_true(oom_disarm());
    assert_null(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_many_changes_or_an_hour),
        cmocka_unit_test(is_where_the_configuration_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
