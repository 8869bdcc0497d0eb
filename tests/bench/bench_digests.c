/*
 * Measures: digests_find() of one sha256 among a million listed, half of those asked are listed.
 * Against: SQLite's SELECT by primary key on a table of the same values WITHOUT ROWID, in memory,
 * prepared.
 *
 *     bench_digests [ROUNDS [DIGESTS]]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/digests.h"
#include "tests/bench/made_list.h"

enum { FINDS = 10000, ADD_AT_ONCE = 10000 };

struct work {
    size_t n;
    struct digests *digests;
    sqlite3 *db;
    sqlite3_stmt *find;
    uint64_t found, peer_found;
};

/* The first n are listed; what a digest looks like, not one of anything. */
static void value(uint64_t number, uint8_t ret[32])
{
    static const uint64_t seed = 9;
    struct pdq_hash h = made_random(&seed, number);
    memcpy(ret, &h, sizeof h);
}

/* Every second one is listed. */
static uint64_t asked(const struct work *w, uint64_t i)
{
    return i * 7919 % w->n + (i % 2 == 0 ? 0 : w->n);
}

static bool count(void *ctx, const struct index_hit *hit)
{
    (void)hit;
    ++*(uint64_t *)ctx;
    return true;
}

static void find_all(void *ctx)
{
    struct work *w = ctx;
    struct made_rule rule;
    made_rule(&rule, PDQ_THRESHOLD, 0);
    for (uint64_t i = 0; i < FINDS; i++) {
        uint8_t v[32];
        value(asked(w, i), v);
        digests_find(w->digests, DIGEST_SHA256, v, &rule.rule, count, &w->found);
    }
}

static void must_sqlite(const struct work *w, int rc, int want)
{
    if (rc != want)
        bench_die("SQLite", sqlite3_errmsg(w->db));
}

static void select_all(void *ctx)
{
    struct work *w = ctx;
    for (uint64_t i = 0; i < FINDS; i++) {
        uint8_t v[32];
        value(asked(w, i), v);
        must_sqlite(w, sqlite3_bind_blob(w->find, 1, v, sizeof v, SQLITE_STATIC), SQLITE_OK);
        int rc = sqlite3_step(w->find);
        if (rc == SQLITE_ROW)
            w->peer_found++;
        else
            must_sqlite(w, rc, SQLITE_DONE);
        sqlite3_reset(w->find);
    }
}

static void fill_digests(struct work *w)
{
    SCOPED(mem_free) struct digest_item *items = calloc(ADD_AT_ONCE, sizeof *items);
    struct err err;
    if (items == NULL)
        bench_die("digests", "no memory");
    bench_must(digests_new(&w->digests, &err), &err);
    for (size_t from = 0; from < w->n; from += ADD_AT_ONCE) {
        size_t some = w->n - from < ADD_AT_ONCE ? w->n - from : ADD_AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            items[i] = (struct digest_item){.type = DIGEST_SHA256, .entry = from + i};
            items[i].generation = from + i + 1;
            value(from + i, items[i].value);
        }
        bench_must(digests_add(w->digests, items, some, &err), &err);
    }
}

static void fill_sqlite(struct work *w)
{
    sqlite3_stmt *insert = NULL;
    must_sqlite(w, sqlite3_open(":memory:", &w->db), SQLITE_OK);
    must_sqlite(w,
                sqlite3_exec(w->db,
                             "CREATE TABLE digest(value BLOB PRIMARY KEY, entry INTEGER NOT NULL)"
                             " WITHOUT ROWID; BEGIN",
                             NULL, NULL, NULL),
                SQLITE_OK);
    must_sqlite(w, sqlite3_prepare_v2(w->db, "INSERT INTO digest VALUES(?, ?)", -1, &insert, NULL),
                SQLITE_OK);
    for (size_t i = 0; i < w->n; i++) {
        uint8_t v[32];
        value(i, v);
        must_sqlite(w, sqlite3_bind_blob(insert, 1, v, sizeof v, SQLITE_STATIC), SQLITE_OK);
        must_sqlite(w, sqlite3_bind_int64(insert, 2, (sqlite3_int64)i), SQLITE_OK);
        must_sqlite(w, sqlite3_step(insert), SQLITE_DONE);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    must_sqlite(w, sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    must_sqlite(
        w,
        sqlite3_prepare_v2(w->db, "SELECT entry FROM digest WHERE value = ?", -1, &w->find, NULL),
        SQLITE_OK);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? bench_number(argv[1], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;
    struct work w = {.n = argc > 2 ? bench_number(argv[2], 100 * MILLION) : MILLION};
    char size[24], row[96];

    fill_digests(&w);
    fill_sqlite(&w);
    made_count(w.n, size, sizeof size);
    snprintf(row, sizeof row, "find %d sha256 among %s, half listed", FINDS, size);
    const struct bench_pair pair = {.row = row,
                                    .peer_is = "SQLite's SELECT, in memory",
                                    .aim = "<= 1",
                                    .ours = find_all,
                                    .peer = select_all,
                                    .ctx = &w,
                                    .repeat = 1};
    bench_pair(&pair, rounds);
    made_must_agree(w.found, w.peer_found);
    sqlite3_finalize(w.find);
    sqlite3_close(w.db);
    digests_free(w.digests);
    return 0;
}
