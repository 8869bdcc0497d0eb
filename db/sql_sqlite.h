/*
 * Every statement of the SQLite backend, by number; each connection prepares all of them once.
 * Parameters are bound in the order of their numbers (see struct query in store_sqlite.h).
 */
#ifndef DB_SQL_SQLITE_H
#define DB_SQL_SQLITE_H

enum sql {
    SQL_BEGIN_READ,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_GENERATION,
    SQL_GENERATION_NEXT,
    SQL_CHANGE_ADD,
    SQL_CHANGES_SINCE,

    SQL_BANK_COUNT,
    SQL_BANK_ADD,
    SQL_BANK_SET,
    SQL_BANK_ACTIVE,
    SQL_BANK_BY_NAME,
    SQL_BANK_BY_NUMBER,
    SQL_BANK_ALL,
    SQL_BANK_NUMBER,

    SQL_ENTRY_ADD,
    SQL_ENTRY_SET,
    SQL_ENTRY_BY_ID,
    SQL_ENTRY_LIST,
    SQL_ENTRY_LIST_BY_SIGNAL,
    SQL_ENTRY_LABELS,
    SQL_ENTRY_HEAD,
    SQL_ENTRY_LIVE_ALL,
    SQL_SIGNAL_ALL,
    SQL_SIGNAL_ADD,
    SQL_SIGNAL_OF_ENTRY,
    SQL_SIGNAL_FIND,
    SQL_EXPORT,

    SQL_KEY_ADD,
    SQL_KEY_BANK_ADD,
    SQL_KEY_ALL,
    SQL_KEY_BANKS,
    SQL_KEY_BY_ID,
    SQL_KEY_REVOKE,

    SQL_CHECK_ADD,
    SQL_CHECK_END,
    SQL_CHECK_BY_ID,
    SQL_CHECK_ABANDON,
    SQL_CHECK_FORGET,

    SQL_DECISION_ADD,
    SQL_DECISION_MATCH_ADD,

    SQL_AUDIT_LAST,
    SQL_AUDIT_CHAIN,
    SQL_AUDIT_ADD,
    SQL_AUDIT_LIST,
    SQL_AUDIT_ALL,

    SQL_COUNT
};

extern const char *const sql_sqlite[SQL_COUNT];

#endif
