/* Numbered migrations, embedded at build from migrations/sqlite/NNNN_name.sql. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

struct migration {
    const char *name; /* "0001_initial.sql": its number is the schema version after it */
    const char *sql;
};

/* Ends with a NULL name. */
extern const struct migration sqlite_migrations[];

/* The schema version that a migration makes: the number its name starts with. */
int migration_version(const struct migration *m);

/* The version after all of them. */
int migrations_latest(const struct migration *list);

/* The first that a database of this version lacks; its name is NULL when there is none. */
const struct migration *migrations_after(const struct migration *list, int version);

#endif
