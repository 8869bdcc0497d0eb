#include "db/migrate.h"

#include <stddef.h>

int migration_version(const struct migration *m)
{
    int version = 0;
    for (const char *c = m->name; *c >= '0' && *c <= '9'; c++)
        version = version * 10 + (*c - '0');
    return version;
}

int migrations_latest(const struct migration *list)
{
    int latest = 0;
    for (; list->name != NULL; list++)
        latest = migration_version(list);
    return latest;
}

const struct migration *migrations_after(const struct migration *list, int version)
{
    while (list->name != NULL && migration_version(list) <= version)
        list++;
    return list;
}
