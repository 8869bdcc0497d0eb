/* The CSV of `tx dataset --csv`, and our own, which has the same columns. */
#include <string.h>

#include "service/list_line.h"

enum { COLUMN_TYPE, COLUMN_VALUE, COLUMN_COLLAB, COLUMN_CATEGORY, COLUMN_TAGS, COLUMNS };

static const char *const column_names[COLUMNS] = {"signal_type", "signal_str", "collab", "category",
                                                  "tags"};

/*
 * Takes one field off the text and ends it with a NUL in place.  Quoted fields hold doubled
 * quotes; none holds a line end, since no text that we store does.
 */
static enum rc field_take(char **text, char **ret, bool *ret_last, struct err *err)
{
    char *in = *text, *out = *text;
    bool quoted = *in == '"';

    *ret = out;
    if (quoted) {
        for (in++; *in != '\0' && (*in != '"' || in[1] == '"'); in++) {
            if (*in == '"')
                in++;
            *out++ = *in;
        }
        if (*in != '"')
            FAIL(err, RC_INPUT, "a quoted field does not end on this line");
        in++;
    } else {
        for (; *in != '\0' && *in != ','; in++) {
            if (*in == '"')
                FAIL(err, RC_INPUT, "a quote within an unquoted field");
            *out++ = *in;
        }
    }
    if (*in != ',' && *in != '\0')
        FAIL(err, RC_INPUT, "text after a quoted field");
    *ret_last = *in == '\0';
    *out = '\0';
    *text = in + 1;
    return RC_OK;
}

static bool starts_formula(char c)
{
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\'';
}

/* Takes off the apostrophe that list_csv_quote() put in front of what looked like a formula. */
static const char *unguarded(const char *field)
{
    return field[0] == '\'' && starts_formula(field[1]) ? field + 1 : field;
}

static enum rc fields_take(struct bytes line, char *text, char *field[COLUMNS], unsigned *ret_n,
                           struct err *err)
{
    unsigned n = 0;
    memcpy(text, line.p, line.n);
    text[line.n] = '\0';
    for (bool last = false; !last; n++) {
        if (n == COLUMNS)
            FAIL(err, RC_INPUT, "more than %d columns", COLUMNS);
        TRY(field_take(&text, &field[n], &last, err));
    }
    *ret_n = n;
    return RC_OK;
}

enum rc list_csv_header(struct list_reader *r, struct bytes line, struct err *err)
{
    char text[LIST_LINE_MAX + 1];
    char *field[COLUMNS];
    unsigned n, seen = 0;

    TRY(fields_take(line, text, field, &n, err));
    for (unsigned i = 0; i < n; i++) {
        int known = 0;
        while (known < COLUMNS && strcmp(field[i], column_names[known]) != 0)
            known++;
        if (known == COLUMNS || (seen & 1u << known) != 0)
            FAIL(err, RC_INPUT,
                 "line 1: \"%.40s\" is not a column of signal_type,signal_str,collab,category,tags",
                 field[i]);
        seen |= 1u << known;
        r->column[i] = known;
    }
    if ((seen & 3u) != 3u)
        FAIL(err, RC_INPUT, "line 1: the columns signal_type and signal_str are needed");
    r->n_columns = n;
    return RC_OK;
}

/* tx's opinions: NEGATIVE_CLASS says that it is not the thing. */
static enum rc category_read(const char *category, bool *ret_negative, struct err *err)
{
    static const char *const known[] = {"", "INVESTIGATION_SEED", "POSITIVE_CLASS", "DISPUTED",
                                        "NEGATIVE_CLASS"};
    size_t i = 0, n = sizeof known / sizeof known[0];
    while (i < n && strcmp(known[i], category) != 0)
        i++;
    if (i == n)
        FAIL(err, RC_INPUT, "category \"%.40s\" is not one of tx's", category);
    *ret_negative = i == n - 1;
    return RC_OK;
}

enum rc list_csv_line(struct list_reader *r, struct bytes line, struct err *err)
{
    char text[LIST_LINE_MAX + 1];
    char *field[COLUMNS];
    const char *value[COLUMNS] = {"", "", "", "", ""};
    struct signal signal;
    bool negative = false;
    unsigned n;

    if (line.n == 0)
        return RC_OK;
    TRY(fields_take(line, text, field, &n, err));
    if (n != r->n_columns)
        FAIL(err, RC_INPUT, "%u columns where the header has %u", n, r->n_columns);
    for (unsigned i = 0; i < n; i++)
        value[r->column[i]] = unguarded(field[i]);
    TRY(category_read(value[COLUMN_CATEGORY], &negative, err));
    if (negative) {
        r->list->skipped++;
        return RC_OK;
    }
    TRY(list_line_signal(value[COLUMN_TYPE], value[COLUMN_VALUE], &signal, err));
    return list_line_add(r, &signal, value[COLUMN_TAGS], value[COLUMN_COLLAB], err);
}

bool list_csv_quote(const char *text, char *out, size_t size)
{
    bool guard = starts_formula(text[0]);
    bool quote = guard || strpbrk(text, ",\"") != NULL;
    size_t used = 0;

    if (size < 4 || strlen(text) > (size - 4) / 2)
        return false;
    if (quote)
        out[used++] = '"';
    if (guard)
        out[used++] = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '"')
            out[used++] = '"';
        out[used++] = *text == '\n' || *text == '\t' ? ' ' : *text; /* a record is one line */
    }
    if (quote)
        out[used++] = '"';
    out[used] = '\0';
    return true;
}
