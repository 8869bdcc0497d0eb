#include "tools/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"

static void file_close_scoped(FILE **f)
{
    if (*f != NULL)
        fclose(*f);
}

/* The text after `name =` without surrounding blanks, or NULL; edits line. */
static char *value_of(char *line, const char *name)
{
    size_t n = strlen(name);
    line += strspn(line, " \t");
    if (strncmp(line, name, n) != 0)
        return NULL;
    line += n + strspn(line + n, " \t");
    if (*line++ != '=')
        return NULL;
    line += strspn(line, " \t");
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
        line[--length] = '\0';
    return line;
}

static enum rc set(char **field, const char *value, struct err *err)
{
    char *copy = strdup(value);
    if (copy == NULL)
        FAIL(err, RC_NOMEM, "no memory for the settings");
    free(*field);
    *field = copy;
    return RC_OK;
}

static enum rc read_file(const char *path, struct settings *s, struct err *err)
{
    SCOPED(file_close) FILE *f = fopen(path, "re");
    char line[2048];
    if (f == NULL)
        return RC_OK; /* the file may be absent */
    for (int number = 1; fgets(line, sizeof line, f) != NULL; number++) {
        const char *start = line + strspn(line, " \t\r\n");
        char *value;
        if (*start == '\0' || *start == '#' || *start == ';')
            continue;
        if ((value = value_of(line, "url")) != NULL)
            TRY(set(&s->url, value, err));
        else if ((value = value_of(line, "key")) != NULL)
            TRY(set(&s->key, value, err));
        else
            FAIL(err, RC_INPUT, "%s:%d: expected 'url = …' or 'key = …'", path, number);
    }
    return RC_OK;
}

enum rc settings_load(struct settings *ret, struct err *err)
{
    const char *url = getenv("HASHGATE_URL"), *key = getenv("HASHGATE_KEY");
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[4096] = "";

    if (config != NULL && *config != '\0')
        snprintf(path, sizeof path, "%s/hashgate/config", config);
    else if (home != NULL && *home != '\0')
        snprintf(path, sizeof path, "%s/.config/hashgate/config", home);
    if (*path != '\0')
        TRY(read_file(path, ret, err));
    if (url != NULL && *url != '\0')
        TRY(set(&ret->url, url, err));
    if (key != NULL && *key != '\0')
        TRY(set(&ret->key, key, err));
    if (ret->url == NULL)
        TRY(set(&ret->url, "http://127.0.0.1:8480", err));
    return RC_OK;
}

void settings_clear(struct settings *settings)
{
    free(settings->url);
    if (settings->key != NULL)
        explicit_bzero(settings->key, strlen(settings->key));
    free(settings->key);
    memset(settings, 0, sizeof *settings);
}
