/*
 * What the store's tests share: a fresh database, a signal, an entry, a look behind the store's
 * back with raw SQL, and the invariants that hold after anything that may happen to it.
 */
#ifndef TESTS_UNIT_DB_STORE_FIXTURE_H
#define TESTS_UNIT_DB_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db/store.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"

#define UNUSED __attribute__((unused))

/* What a bank asks of clips, in a struct bank that a test makes. */
#define CLIP_RULES .bank_match_percent = BANK_MATCH_PERCENT, .match_run = MATCH_RUN

static const struct actor alice UNUSED = {
    .key_id = "01ALICE", .name = "alice", .request_id = "r-1"};

struct place {
    char path[256], url[300];
};

/* A path in the test's folder that no one used. */
static UNUSED struct place new_place(void)
{
    static int made;
    struct place p;
    snprintf(p.path, sizeof p.path, "%s/%d.db", tmpdir(), made++);
    snprintf(p.url, sizeof p.url, "sqlite:%s", p.path);
    return p;
}

#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != RC_OK)                                                                       \
            fail_msg("%s: %s (%s)", #call, (err).msg, (err).at);                                   \
    } while (0)

static UNUSED struct store *open_store(const struct place *p)
{
    struct store *store = NULL;
    struct err err;
    assert_ok(store_open(p->url, &store, &err), err);
    return store;
}

/* Initialised, with bank A (block, 31). */
static UNUSED struct store *new_store(struct place *ret_place)
{
    struct err err;
    bool created = false;
    struct bank bank = {.name = "A", .action = ACTION_BLOCK, .threshold = 31, CLIP_RULES};
    oom_disarm(); /* whatever a test before left armed */
    *ret_place = new_place();
    assert_ok(store_init(ret_place->url, &created, &err), err);
    assert_true(created);
    struct store *store = open_store(ret_place);
    assert_ok(store_bank_create(store, &bank, &alice, &err), err);
    return store;
}

/* A different value for each n. */
static UNUSED struct signal signal_no(enum signal_type type, uint64_t n)
{
    struct signal s = {.type = type, .quality = type == SIGNAL_PDQ ? 100 : -1, .ms = -1};
    for (size_t i = 0; i < signal_size(type); i++)
        s.value[i] = (uint8_t)((n * 0x9E3779B97F4A7C15 + i) >> (i % 8 * 8));
    memcpy(s.value, &n, sizeof n);
    return s;
}

static UNUSED struct entry_new entry_of(const struct signal *signals, size_t n)
{
    return (struct entry_new){.bank = "A",
                              .reason = "seen",
                              .case_ref = "",
                              .source = "",
                              .media_type = "",
                              .signals = signals,
                              .n_signals = n};
}

static UNUSED struct ulid add_no(struct store *store, uint64_t n)
{
    struct signal s = signal_no(SIGNAL_PDQ, n);
    struct entry_new e = entry_of(&s, 1);
    struct ulid id = {0};
    uint64_t generation = 0;
    struct err err;
    assert_ok(store_entry_add(store, &e, &alice, &id, &generation, &err), err);
    return id;
}

static UNUSED void set_state(struct store *store, const struct ulid *id, enum entry_state state)
{
    struct entry_patch patch = {.state = &state, .reason = "changed my mind"};
    struct entry entry = {0};
    struct err err;
    assert_ok(store_entry_update(store, id, &patch, &alice, &entry, &err), err);
    assert_int_equal(entry.state, state);
    entry_clear(&entry);
}

static UNUSED sqlite3 *raw_open(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static UNUSED void raw_exec(const char *path, const char *sql)
{
    sqlite3 *db = raw_open(path);
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    sqlite3_close(db);
}

static UNUSED int64_t raw_number(const char *path, const char *sql)
{
    sqlite3 *db = raw_open(path);
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

/* What is true of every database that only the store has written, whatever went wrong. */
static UNUSED void assert_whole(const char *path)
{
    static const char *const none[] = {
        /* each gives 0 */
        "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
        "SELECT count(*) FROM pragma_foreign_key_check",
        "SELECT count(*) FROM banks b WHERE active <>"
        " (SELECT count(*) FROM entries WHERE bank = b.number AND state = 0)",
        "SELECT count(*) FROM entries e WHERE NOT EXISTS"
        " (SELECT 1 FROM signals WHERE entry = e.number AND bank = e.bank)",
        "SELECT count(*) FROM entries e WHERE NOT EXISTS"
        " (SELECT 1 FROM changes WHERE kind = 1 AND ref = e.number AND generation = e.generation)",
        "SELECT count(*) FROM changes WHERE generation > (SELECT generation FROM counter)",
        "SELECT (SELECT generation FROM counter) - (SELECT count(DISTINCT generation) FROM "
        "changes)",
        "SELECT (SELECT count(*) FROM entries WHERE import_id = '') -"
        " (SELECT count(*) FROM audit WHERE action = 'entry.add')",
        "SELECT count(*) - coalesce(max(seq), 0) FROM audit",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (raw_number(path, none[i]) != 0)
            fail_msg("not whole: %s", none[i]);
}

static UNUSED void assert_chain_holds(struct store *store)
{
    struct audit_check check = {.bad_seq = 1};
    struct err err;
    assert_ok(store_audit_verify(store, &check, &err), err);
    assert_int_equal(check.bad_seq, 0);
}

#endif
