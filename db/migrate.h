/* Numbered migrations, embedded at build from migrations/sqlite/NNNN_name.sql. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

struct migration {
    const char *name; /* "0001_initial.sql": its number is the schema version after it */
    const char *sql;
};

/* Ends with a NULL name. */
extern const struct migration sqlite_migrations[];

#endif
