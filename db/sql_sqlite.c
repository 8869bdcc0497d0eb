#include "db/sql_sqlite.h"

#define BANK_COLUMNS                                                                               \
    "number, name, description, owner, sharing, action, threshold, labels, active, created_ms,"    \
    " updated_ms, generation, bank_match_percent, query_match_percent, match_run"
#define ENTRY_COLUMNS                                                                              \
    "e.number, e.id, e.bank, b.name, e.state, e.reason, e.case_ref, e.source, e.media_type,"       \
    " e.import_id, e.labels, e.created_by, e.created_ms, e.updated_ms, e.generation"
#define ENTRY_FROM " FROM entries e JOIN banks b ON b.number = e.bank"
#define ENTRY_PASSES                                                                               \
    " AND (?3 IS NULL OR e.state = ?3)"                                                            \
    " AND (?4 IS NULL OR instr(' ' || e.labels || ' ', ' ' || ?4 || ' ') > 0)"
#define AUDIT_COLUMNS                                                                              \
    "seq, at_ms, actor_id, actor_name, request_id, action, bank, target, reason, details,"         \
    " generation, chain"

const char *const sql_sqlite[SQL_COUNT] = {
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_GENERATION] = "SELECT generation FROM counter",
    [SQL_GENERATION_NEXT] = "UPDATE counter SET generation = generation + 1 RETURNING generation",
    [SQL_CHANGE_ADD] = "INSERT INTO changes (generation, kind, ref) VALUES (?1, ?2, ?3)",
    /* In the order of their tables: after a long while most pages hold several that changed. */
    [SQL_CHANGES_SINCE] = "SELECT max(generation), kind, ref FROM changes WHERE generation > ?1"
                          " GROUP BY kind, ref ORDER BY kind, ref",

    [SQL_BANK_COUNT] = "SELECT coalesce(max(number) + 1, 0) FROM banks",
    [SQL_BANK_ADD] = "INSERT INTO banks (number, name, description, owner, sharing, action,"
                     " threshold, labels, created_ms, updated_ms, generation,"
                     " bank_match_percent, query_match_percent, match_run)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13)",
    [SQL_BANK_SET] = "UPDATE banks SET description = ?2, owner = ?3, sharing = ?4, action = ?5,"
                     " threshold = ?6, labels = ?7, updated_ms = ?8, generation = ?9,"
                     " bank_match_percent = ?10, query_match_percent = ?11, match_run = ?12"
                     " WHERE number = ?1",
    [SQL_BANK_ACTIVE] = "UPDATE banks SET active = active + ?2 WHERE number = ?1",
    [SQL_BANK_BY_NAME] = "SELECT " BANK_COLUMNS " FROM banks WHERE name = ?1",
    [SQL_BANK_BY_NUMBER] = "SELECT " BANK_COLUMNS " FROM banks WHERE number = ?1",
    [SQL_BANK_ALL] = "SELECT " BANK_COLUMNS " FROM banks ORDER BY number",
    [SQL_BANK_NUMBER] = "SELECT number, active FROM banks WHERE name = ?1",

    [SQL_ENTRY_ADD] = "INSERT INTO entries (id, bank, state, reason, case_ref, source, media_type,"
                      " import_id, labels, created_by, created_ms, updated_ms, generation)"
                      " VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)",
    [SQL_ENTRY_SET] = "UPDATE entries SET state = ?2, case_ref = ?3, source = ?4, labels = ?5,"
                      " updated_ms = ?6, generation = ?7 WHERE number = ?1",
    [SQL_ENTRY_BY_ID] = "SELECT " ENTRY_COLUMNS ENTRY_FROM " WHERE e.id = ?1",
    [SQL_ENTRY_LIST] = "SELECT " ENTRY_COLUMNS ENTRY_FROM
                       " WHERE e.bank = ?1 AND e.id > ?2" ENTRY_PASSES " ORDER BY e.id LIMIT ?5",
    /* + keeps the planner from walking the whole bank instead of the few that hold the signal */
    [SQL_ENTRY_LIST_BY_SIGNAL] =
        "SELECT " ENTRY_COLUMNS ENTRY_FROM " WHERE e.number IN"
        " (SELECT entry FROM signals WHERE bank = ?1 AND type = ?6 AND value = ?7)"
        " AND +e.bank = ?1 AND +e.id > ?2" ENTRY_PASSES " ORDER BY +e.id LIMIT ?5",
    [SQL_ENTRY_LABELS] = "SELECT labels FROM entries WHERE id = ?1",
    [SQL_ENTRY_HEAD] = "SELECT number, id, bank, state FROM entries WHERE number = ?1",
    [SQL_ENTRY_LIVE_ALL] = "SELECT number, id, bank, generation FROM entries WHERE state = 0"
                           " ORDER BY number",
    [SQL_SIGNAL_ALL] = "SELECT entry, type, value, quality, ms FROM signals"
                       " ORDER BY entry, position",
    [SQL_SIGNAL_ADD] = "INSERT INTO signals (entry, position, bank, type, value, quality, ms)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_SIGNAL_OF_ENTRY] = "SELECT type, value, quality, ms FROM signals WHERE entry = ?1"
                            " ORDER BY position",
    [SQL_SIGNAL_FIND] = "SELECT e.id FROM signals s CROSS JOIN entries e ON e.number = s.entry"
                        " WHERE s.bank = ?1 AND s.type = ?2 AND s.value = ?3"
                        " ORDER BY s.entry LIMIT 1",
    [SQL_EXPORT] = "SELECT e.id, e.labels, e.reason, e.source, s.type, s.value, s.quality, s.ms"
                   " FROM entries e CROSS JOIN signals s ON s.entry = e.number"
                   " WHERE e.bank = ?1 AND e.state = 0 ORDER BY e.id, s.position",

    [SQL_KEY_ADD] = "INSERT INTO keys (id, name, scopes, token_sha256, every_bank, rate, burst,"
                    " created_ms, expires_ms, revoked_ms, created_by)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10)",
    [SQL_KEY_BANK_ADD] = "INSERT OR IGNORE INTO key_banks (key, bank) VALUES (?1, ?2)",
    [SQL_KEY_ALL] = "SELECT number, id, name, scopes, token_sha256, every_bank, rate, burst,"
                    " created_ms, expires_ms, revoked_ms, created_by FROM keys ORDER BY number",
    [SQL_KEY_BANKS] = "SELECT b.name FROM key_banks k JOIN banks b ON b.number = k.bank"
                      " WHERE k.key = ?1 ORDER BY k.bank",
    [SQL_KEY_BY_ID] = "SELECT number, name, revoked_ms FROM keys WHERE id = ?1",
    [SQL_KEY_REVOKE] = "UPDATE keys SET revoked_ms = ?2 WHERE number = ?1",

    [SQL_CHECK_ADD] = "INSERT INTO checks (id, key_id, ref, node, state, status, answer,"
                      " created_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, 0, 0, '', ?5, ?5)",
    [SQL_CHECK_END] = "UPDATE checks SET state = ?2, status = ?3, answer = ?4, updated_ms = ?5"
                      " WHERE id = ?1 AND state = 0",
    [SQL_CHECK_BY_ID] = "SELECT id, key_id, ref, node, state, status, answer, created_ms,"
                        " updated_ms FROM checks WHERE id = ?1",
    [SQL_CHECK_ABANDON] = "UPDATE checks SET state = 2, status = ?2, answer = ?3, updated_ms = ?4"
                          " WHERE node = ?1 AND state = 0",
    [SQL_CHECK_FORGET] = "DELETE FROM checks WHERE number IN (SELECT number FROM checks"
                         " WHERE state <> 0 AND updated_ms < ?1 LIMIT ?2)",

    [SQL_DECISION_ADD] = "INSERT INTO decisions (check_id, at_ms, key_id, ref, verdict, generation)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_DECISION_MATCH_ADD] =
        "INSERT INTO decision_matches (decision, position, entry, bank, action, type, distance,"
        " threshold, orientation, look, ms, entry_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",

    [SQL_AUDIT_LAST] = "SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1",
    [SQL_AUDIT_CHAIN] = "SELECT chain FROM audit WHERE seq = ?1",
    [SQL_AUDIT_ADD] = "INSERT INTO audit (" AUDIT_COLUMNS ")"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [SQL_AUDIT_LIST] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq < ?1"
                       " AND (?2 IS NULL OR bank = ?2)"
                       " AND (?3 IS NULL OR actor_id = ?3 OR actor_name = ?3)"
                       " AND (?4 IS NULL OR action = ?4) AND (?5 IS NULL OR target = ?5)"
                       " ORDER BY seq DESC LIMIT ?6",
    [SQL_AUDIT_ALL] = "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY seq",
};
