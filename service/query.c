#include "service/query.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"
#include "hashing/base/text.h"

enum { NAME_SHOWN = 64 }; /* of a parameter's name in messages */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What no decoded byte may be, wherever it stands; NULL when it is fine. */
static const char *bad_byte(unsigned char c)
{
    if (c == '\0')
        return "an encoded NUL";
    if (c < 0x20 || c == 0x7f)
        return "a control byte";
    return NULL;
}

/* Takes one character of *s apart: itself or a percent triplet.  -1: broken triplet. */
static int next_byte(const char **s, bool *encoded)
{
    *encoded = **s == '%';
    if (!*encoded)
        return (unsigned char)*(*s)++;
    int high = hex_digit((*s)[1]);
    int low = high < 0 ? -1 : hex_digit((*s)[2]);
    if (low < 0)
        return -1;
    *s += 3;
    return high << 4 | low;
}

/* Decodes s in place: text only gets shorter. */
static enum rc decode(char *s, bool is_path, struct err *err)
{
    const char *where = is_path ? "path" : "query";
    char *out = s;

    for (const char *in = s; *in != '\0';) {
        bool encoded;
        int c = next_byte(&in, &encoded);
        if (c < 0)
            FAIL(err, RC_INPUT, "target: a broken percent sign in the %s", where);
        const char *bad = bad_byte((unsigned char)c);
        if (bad != NULL)
            FAIL(err, RC_INPUT, "target: %s in the %s", bad, where);
        if (is_path && c == '/')
            FAIL(err, RC_INPUT, "target: an encoded slash in the path");
        if (is_path && c == '\\')
            FAIL(err, RC_INPUT, "target: a backslash in the path");
        if (!is_path && !encoded && c == '+')
            c = ' ';
        *out++ = (char)c;
    }
    *out = '\0';
    if (!text_is_utf8(s, (size_t)(out - s)))
        FAIL(err, RC_INPUT, "target: the %s is not UTF-8", where);
    return RC_OK;
}

/* path: what follows the first slash. */
static enum rc parse_path(char *path, struct query *query, struct err *err)
{
    if (*path == '\0')
        return RC_OK;
    for (char *rest = path; rest != NULL;) {
        char *segment = strsep(&rest, "/");
        if (*segment == '\0' && rest != NULL)
            FAIL(err, RC_INPUT, "target: a doubled slash in the path");
        if (query->n_segments == QUERY_SEGMENTS)
            FAIL(err, RC_INPUT, "target: more than %d segments in the path", QUERY_SEGMENTS);
        TRY(decode(segment, true, err));
        if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
            FAIL(err, RC_INPUT, "target: a dot segment in the path");
        query->segment[query->n_segments++] = segment;
    }
    return RC_OK;
}

static enum rc parse_param(char *text, struct query *query, struct err *err)
{
    char *value = text;
    char *name = strsep(&value, "=");

    if (query->n_params == QUERY_PARAMS)
        FAIL(err, RC_INPUT, "target: more than %d parameters", QUERY_PARAMS);
    TRY(decode(name, false, err));
    if (*name == '\0')
        FAIL(err, RC_INPUT, "target: a parameter without a name");
    if (value != NULL)
        TRY(decode(value, false, err));
    if (query_get(query, name) != NULL)
        FAIL(err, RC_INPUT, "parameter \"%.*s\" is given twice", NAME_SHOWN, name);
    query->param[query->n_params].name = name;
    query->param[query->n_params].value = value != NULL ? value : "";
    query->n_params++;
    return RC_OK;
}

static enum rc check_raw(const char *target, struct err *err)
{
    if (target[0] != '/') {
        if (strstr(target, "://") != NULL)
            FAIL(err, RC_INPUT, "target: an absolute URI; send the path alone");
        FAIL(err, RC_INPUT, "target: it must begin with a slash");
    }
    for (const char *s = target; *s != '\0'; s++) {
        if (*s == ' ')
            FAIL(err, RC_INPUT, "target: a space");
        if (bad_byte((unsigned char)*s) != NULL)
            FAIL(err, RC_INPUT, "target: a control byte");
        if (*s == '#')
            FAIL(err, RC_INPUT, "target: a fragment");
    }
    return RC_OK;
}

enum rc query_parse(const char *target, struct query *ret, struct err *err)
{
    SCOPED(mem_free) char *text = NULL;
    struct query query = {0};

    TRY(check_raw(target, err));
    text = strdup(target);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "target: %zu bytes", strlen(target));

    char *params = text;
    char *path = strsep(&params, "?");
    TRY(parse_path(path + 1, &query, err));
    if (params != NULL && *params != '\0')
        while (params != NULL)
            TRY(parse_param(strsep(&params, "&"), &query, err));

    query.text = TAKE(text);
    *ret = query;
    return RC_OK;
}

void query_clear(struct query *query)
{
    free(query->text);
    *query = (struct query){0};
}

const char *query_get(const struct query *query, const char *name)
{
    for (unsigned i = 0; i < query->n_params; i++)
        if (strcmp(query->param[i].name, name) == 0)
            return query->param[i].value;
    return NULL;
}

static bool listed(const char *const *allowed, const char *name)
{
    for (; allowed != NULL && *allowed != NULL; allowed++)
        if (strcmp(*allowed, name) == 0)
            return true;
    return false;
}

enum rc query_only(const struct query *query, const char *const *allowed, struct err *err)
{
    for (unsigned i = 0; i < query->n_params; i++)
        if (!listed(allowed, query->param[i].name))
            FAIL(err, RC_INPUT, "unknown parameter \"%.*s\"", NAME_SHOWN, query->param[i].name);
    return RC_OK;
}
