/* Does a scan's speed sink with what its state holds?  By what SQLite plans for each statement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/tmpdir.h"
#include "tools/scan/state_internal.h"

/* Those that run for a file or a content each, so that none may read a table through. */
static const enum state_sql of_each_file[] = {
    STATE_SQL_META_GET,      STATE_SQL_META_SET,     STATE_SQL_FILE_BY_NAME,
    STATE_SQL_FILE_BY_INODE, STATE_SQL_FILE_SEEN,    STATE_SQL_FILE_PUT,
    STATE_SQL_KEEP_UNDER,    STATE_SQL_FAILED_UNDER, STATE_SQL_CONTAINER_DONE,
    STATE_SQL_CONTENT_FIND,  STATE_SQL_CONTENT_PUT,  STATE_SQL_SIGNALS_PUT,
    STATE_SQL_ASKED_NEXT,    STATE_SQL_HITS_CLEAR,   STATE_SQL_ASKED_UNMATCHED,
    STATE_SQL_HIT_PUT,       STATE_SQL_MATCHED,      STATE_SQL_ANSWERED,
    STATE_SQL_ACT_PUT};

static bool reads_through(sqlite3 *db, const char *sql)
{
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *q = NULL;
    bool scan = false;

    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW)
        scan = scan || strncmp((const char *)sqlite3_column_text(q, 3), "SCAN", 4) == 0;
    sqlite3_finalize(q);
    sqlite3_free(explain);
    return scan;
}

static void test_no_file_costs_a_table(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = NULL;
    struct err err;
    char path[512];

    snprintf(path, sizeof path, "%s/plans", tmpdir());
    assert_int_equal(state_open(path, &state, &err), RC_OK);
    assert_true(reads_through(state->db, state_sql[STATE_SQL_TOTAL_FILES])); /* as it must */
    for (size_t i = 0; i < sizeof of_each_file / sizeof *of_each_file; i++)
        if (reads_through(state->db, state_sql[of_each_file[i]]))
            fail_msg("%s", state_sql[of_each_file[i]]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_file_costs_a_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
