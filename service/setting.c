#include "service/setting.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"

/* A smaller one would be printed as 0, and 0 means none. */
#define RATE_LEAST 1e-6

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first, so that a value is written in the largest unit that divides it. */
static const struct unit size_units[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"", 1}};
static const struct unit count_units[] = {{"G", 1000000000}, {"M", 1000000}, {"k", 1000}, {"", 1}};
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

const struct setting *setting_find(const char *section, const char *key)
{
    for (const struct setting *s = settings; s->section != NULL; s++)
        if (strcmp(s->section, section) == 0 && strcmp(s->key, key) == 0)
            return s;
    return NULL;
}

static void *member(const struct setting *setting, struct config *config)
{
    return (char *)config + setting->offset;
}

static const void *member_const(const struct setting *setting, const struct config *config)
{
    return (const char *)config + setting->offset;
}

static const char *in_units(uint64_t value, const struct unit *units, char *room, size_t size)
{
    /* Zero is a multiple of every unit and needs none but the last. */
    while (units->factor > 1 && (value == 0 || value % units->factor != 0))
        units++;
    snprintf(room, size, "%" PRIu64 "%s", value / units->factor, units->name);
    return room;
}

static const char *value_text(enum setting_type type, int64_t value, char *room, size_t size)
{
    const struct unit *units = type == SETTING_SIZE       ? size_units
                               : type == SETTING_COUNT    ? count_units
                               : type == SETTING_DURATION ? duration_units
                                                          : NULL;
    if (units != NULL)
        return in_units((uint64_t)value, units, room, size);
    snprintf(room, size, "%" PRId64, value);
    return room;
}

/* Why a text could not be written into the file and read back as it is; NULL: it could. */
static const char *text_trouble(const char *value)
{
    size_t len = strlen(value);
    if (len > SETTING_TEXT_MAX)
        return "is too long";
    if (!text_is_utf8(value, len))
        return "is not UTF-8";
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "holds a control character";
    if (len > 0 && (value[0] == ' ' || value[len - 1] == ' '))
        return "begins or ends with a space";
    if (value[0] == ';' || strstr(value, " ;") != NULL)
        return "holds ';' where it begins a comment";
    return NULL;
}

static enum rc set_text(char **ret, const char *value, const char *where, struct err *err)
{
    const char *trouble = text_trouble(value);
    if (trouble != NULL)
        FAIL(err, RC_INPUT, "%s: the value %s", where, trouble);
    char *copy = strdup(value);
    if (copy == NULL)
        FAIL(err, RC_NOMEM, "%s: no memory", where);
    free(*ret);
    *ret = copy;
    return RC_OK;
}

static bool rate_parse(const char *value, double *ret)
{
    if (strcmp(value, "none") == 0) {
        *ret = 0;
        return true;
    }
    /* strtod() alone would read "0x1p3", "inf" and " 7" as well. */
    if (value[0] == '\0' || strspn(value, "0123456789.") != strlen(value))
        return false;
    char *end;
    double d = strtod(value, &end);
    if (*end != '\0' || !isfinite(d))
        return false;
    *ret = d;
    return true;
}

static enum rc set_rate(const struct setting *setting, double *ret, const char *value,
                        const char *where, struct err *err)
{
    double d;
    if (!rate_parse(value, &d))
        FAIL(err, RC_INPUT, "%s: '%.60s' is not a number (as 12.5, or none)", where, value);
    if (d > 0 && d < RATE_LEAST)
        FAIL(err, RC_INPUT, "%s: '%.60s' is less than one in eleven days (0.000001)", where, value);
    if (d < (double)setting->min || d > (double)setting->max)
        FAIL(err, RC_INPUT, "%s: '%.60s' is out of range (%" PRId64 " to %" PRId64 ")", where,
             value, setting->min, setting->max);
    *ret = d;
    return RC_OK;
}

/* The words as "a, b or c". */
static void words_join(const char *const *words, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        const char *before = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        used += (size_t)snprintf(out + used, size - used, "%s%s", before, words[i]);
    }
}

static enum rc find_word(const struct setting *setting, const char *value, const char *where,
                         int *ret, struct err *err)
{
    for (int i = 0; setting->words[i] != NULL; i++)
        if (strcmp(setting->words[i], value) == 0) {
            *ret = i;
            return RC_OK;
        }
    char all[96];
    words_join(setting->words, all, sizeof all);
    FAIL(err, RC_INPUT, "%s: '%.60s' is not %s", where, value, all);
}

static bool parse_as(enum setting_type type, const char *value, int64_t *ret)
{
    uint64_t u;
    if (type == SETTING_DURATION)
        return text_duration(value, ret);
    if (type == SETTING_NUMBER)
        return text_number(value, INT64_MIN, INT64_MAX, ret);
    bool ok = type == SETTING_SIZE ? text_size(value, &u) : text_count(value, &u);
    if (ok)
        *ret = u > INT64_MAX ? INT64_MAX : (int64_t)u;
    return ok;
}

static enum rc parse_amount(const struct setting *setting, const char *value, const char *where,
                            int64_t *ret, struct err *err)
{
    static const char *const what[] = {
        [SETTING_SIZE] = "a size (as 64MiB)",
        [SETTING_COUNT] = "a count (as 100M)",
        [SETTING_DURATION] = "a time (as 30s)",
        [SETTING_NUMBER] = "a whole number",
    };
    int64_t v;
    if (!parse_as(setting->type, value, &v))
        FAIL(err, RC_INPUT, "%s: '%.60s' is not %s", where, value, what[setting->type]);
    if (v < setting->min || v > setting->max) {
        char least[32], most[32];
        FAIL(err, RC_INPUT, "%s: '%.60s' is out of range (%s to %s)", where, value,
             value_text(setting->type, setting->min, least, sizeof least),
             value_text(setting->type, setting->max, most, sizeof most));
    }
    *ret = v;
    return RC_OK;
}

static enum rc set_word(const struct setting *setting, void *at, const char *value,
                        const char *where, struct err *err)
{
    int word = 0;
    TRY(find_word(setting, value, where, &word, err));
    if (setting->type == SETTING_SWITCH)
        *(bool *)at = word == 1;
    else
        *(int *)at = word;
    return RC_OK;
}

enum rc setting_set(const struct setting *setting, struct config *config, const char *value,
                    const char *where, struct err *err)
{
    void *at = member(setting, config);
    if (setting->type == SETTING_TEXT)
        return set_text(at, value, where, err);
    if (setting->type == SETTING_RATE)
        return set_rate(setting, at, value, where, err);
    if (setting->type == SETTING_SWITCH || setting->type == SETTING_WORD)
        return set_word(setting, at, value, where, err);

    int64_t amount = 0;
    TRY(parse_amount(setting, value, where, &amount, err));
    if (setting->type == SETTING_NUMBER)
        *(unsigned *)at = (unsigned)amount;
    else if (setting->type == SETTING_DURATION)
        *(int64_t *)at = amount;
    else
        *(uint64_t *)at = (uint64_t)amount;
    return RC_OK;
}

/* The shortest decimal form without an exponent that reads back as the same number. */
static const char *rate_text(double value, char *room, size_t size)
{
    if (value <= 0)
        return "none";
    for (int digits = 0; digits <= 23; digits++) {
        snprintf(room, size, "%.*f", digits, value);
        double back = strtod(room, NULL);
        if (back >= value && back <= value)
            break;
    }
    return room;
}

const char *setting_text(const struct setting *setting, const struct config *config, char *room,
                         size_t size)
{
    const void *at = member_const(setting, config);
    switch (setting->type) {
    case SETTING_TEXT:
        return *(char *const *)at != NULL ? *(char *const *)at : "";
    case SETTING_RATE:
        return rate_text(*(const double *)at, room, size);
    case SETTING_SWITCH:
        return setting->words[*(const bool *)at];
    case SETTING_WORD:
        return setting->words[*(const int *)at];
    case SETTING_NUMBER:
        return value_text(setting->type, *(const unsigned *)at, room, size);
    case SETTING_DURATION:
        return value_text(setting->type, *(const int64_t *)at, room, size);
    case SETTING_SIZE:
    case SETTING_COUNT:
        break;
    }
    return value_text(setting->type, (int64_t) * (const uint64_t *)at, room, size);
}

void setting_clear(const struct setting *setting, struct config *config)
{
    if (setting->type != SETTING_TEXT)
        return;
    char **text = member(setting, config);
    free(*text);
    *text = NULL;
}
