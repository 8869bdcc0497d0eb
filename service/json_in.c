#include "service/json_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hashing/base/text.h"

enum { DEPTH_MAX = 32, TEXT_DEFAULT_MAX = 4096, SHOWN = 128 };

/* jansson recurses for each level: a body of brackets is refused before it gets there. */
static bool too_deep(struct bytes body)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < body.n; i++) {
        uint8_t c = body.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > DEPTH_MAX)
            return true;
    }
    return false;
}

/*
 * jansson quotes the body, perhaps cut within a character.  Without memory it says so, or nothing
 * at all.
 */
static enum rc fail_parse(const json_error_t *error, struct err *err)
{
    if (json_error_code(error) == json_error_out_of_memory || error->text[0] == '\0')
        FAIL(err, RC_NOMEM, "JSON: no memory");
    char shown[SHOWN];
    text_printable(error->text, strlen(error->text), shown, sizeof shown);
    FAIL(err, RC_INPUT, "the body is not valid JSON: %s (line %d, column %d)", shown, error->line,
         error->column);
}

enum rc json_in_object(struct bytes body, json_t **ret, struct err *err)
{
    json_error_t error;
    if (body.n == 0)
        FAIL(err, RC_INPUT, "the body is empty; it must be a JSON object");
    if (too_deep(body))
        FAIL(err, RC_INPUT, "the body's JSON is nested deeper than %d levels", DEPTH_MAX);
    json_t *json = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        return fail_parse(&error, err);
    if (!json_is_object(json)) {
        json_decref(json);
        FAIL(err, RC_INPUT, "the body must be a JSON object");
    }
    *ret = json;
    return RC_OK;
}

/* " in media[3]", or nothing. */
static const char *place(const char *where, char room[SHOWN])
{
    room[0] = '\0';
    if (where != NULL && where[0] != '\0')
        snprintf(room, SHOWN, " in %s", where);
    return room;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

enum rc json_in_only(const json_t *object, const char *const *allowed, const char *where,
                     struct err *err)
{
    char room[SHOWN], shown[SHOWN];
    /* Reading through an iterator changes nothing; jansson's signature has no const. */
    json_t *o = (json_t *)object;
    for (void *i = json_object_iter(o); i != NULL; i = json_object_iter_next(o, i)) {
        const char *key = json_object_iter_key(i);
        if (is_one_of(key, allowed))
            continue;
        text_printable(key, strlen(key), shown, sizeof shown);
        FAIL(err, RC_INPUT, "unknown field '%s'%s", shown, place(where, room));
    }
    return RC_OK;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

enum rc json_in_text(const json_t *object, const char *name, const char *where, bool required,
                     size_t max, const char **ret, struct err *err)
{
    char room[SHOWN], path[2 * SHOWN];
    const json_t *member = json_object_get(object, name);
    if (member == NULL && required)
        FAIL(err, RC_INPUT, "'%s' is required%s", name, place(where, room));
    if (member == NULL) {
        *ret = NULL;
        return RC_OK;
    }
    const char *text = json_string_value(member);
    if (text == NULL)
        FAIL(err, RC_INPUT, "'%s' must be text%s", name, place(where, room));
    if (required && is_blank(text))
        FAIL(err, RC_INPUT, "'%s' must not be empty%s", name, place(where, room));
    if (text_in_check(text, max, name, NULL) != RC_OK) {
        snprintf(path, sizeof path, "'%s'%s", name, place(where, room));
        return text_in_check(text, max, path, err);
    }
    *ret = text;
    return RC_OK;
}

enum rc json_in_int(const json_t *object, const char *name, const char *where, bool required,
                    int64_t min, int64_t max, int64_t *ret, bool *ret_given, struct err *err)
{
    char room[SHOWN];
    const json_t *member = json_object_get(object, name);
    if (member == NULL && required)
        FAIL(err, RC_INPUT, "'%s' is required%s", name, place(where, room));
    if (member != NULL) {
        int64_t value = json_integer_value(member);
        if (!json_is_integer(member) || value < min || value > max)
            FAIL(err, RC_INPUT, "'%s' must be a whole number from %" PRId64 " to %" PRId64 "%s",
                 name, min, max, place(where, room));
        *ret = value;
    }
    if (ret_given != NULL)
        *ret_given = member != NULL;
    return RC_OK;
}

enum rc json_in_number(const json_t *object, const char *name, const char *where, double min,
                       double max, double *ret, struct err *err)
{
    char room[SHOWN];
    const json_t *member = json_object_get(object, name);
    if (member == NULL)
        return RC_OK;
    double value = json_number_value(member);
    if (!json_is_number(member) || !(value >= min && value <= max))
        FAIL(err, RC_INPUT, "'%s' must be a number from %.15g to %.15g%s", name, min, max,
             place(where, room));
    *ret = value;
    return RC_OK;
}

/* C0 without \t and \n, DEL, and C1 (in UTF-8: c2 80 to c2 9f). */
static bool has_controls(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    for (; *c != '\0'; c++)
        if ((*c < 0x20 && *c != '\t' && *c != '\n') || *c == 0x7f ||
            (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f))
            return true;
    return false;
}

enum rc text_in_check(const char *text, size_t max, const char *name, struct err *err)
{
    size_t n = strlen(text), most = max == 0 ? TEXT_DEFAULT_MAX : max;
    if (n > most)
        FAIL(err, RC_INPUT, "%s is longer than %zu bytes", name, most);
    if (!text_is_utf8(text, n))
        FAIL(err, RC_INPUT, "%s is not valid UTF-8", name);
    if (has_controls(text))
        FAIL(err, RC_INPUT, "%s holds a control character", name);
    return RC_OK;
}
