#include "tools/scan/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"

static enum rc join(const char *folder, const char *last, char **ret, struct err *err)
{
    if (asprintf(ret, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, last) < 0)
        FAIL(err, RC_NOMEM, "no memory for a name");
    return RC_OK;
}

enum rc path_absolute(const char *base, const char *path, char **ret, struct err *err)
{
    SCOPED(mem_free) char *here = NULL;

    if (*path == '/') {
        *ret = strdup(path);
        if (*ret == NULL)
            FAIL(err, RC_NOMEM, "no memory for a name");
        return RC_OK;
    }
    if (base == NULL && (base = here = realpath(".", NULL)) == NULL)
        FAIL_SYS(err, "cannot tell the current folder");
    return join(base, path, ret, err);
}

enum rc path_of_entry(const char *base, const char *path, char **ret, struct err *err)
{
    SCOPED(mem_free) char *whole = NULL;
    SCOPED(mem_free) char *folder = NULL;

    TRY(path_absolute(base, path, &whole, err));
    for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/'; n--)
        whole[n - 1] = '\0';
    char *slash = strrchr(whole, '/');
    const char *last = slash + 1;
    if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        *ret = realpath(whole, NULL);
        if (*ret == NULL)
            FAIL_SYS(err, "cannot open it");
        return RC_OK;
    }
    *slash = '\0';
    folder = realpath(*whole != '\0' ? whole : "/", NULL);
    if (folder == NULL)
        FAIL_SYS(err, "cannot open its folder");
    return join(folder, last, ret, err);
}
