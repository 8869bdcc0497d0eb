#include "tools/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"

enum { COLUMNS_MAX = 12, CELL_MAX = 1024 };

struct table {
    unsigned columns;
    size_t width[COLUMNS_MAX];
    size_t n, room;
    char **cell;
};

/* Columns of a terminal: code points, near enough for names and reasons. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

struct table *table_new(const char *const *headings)
{
    struct table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    while (headings[t->columns] != NULL && t->columns < COLUMNS_MAX)
        t->columns++;
    for (unsigned i = 0; i < t->columns; i++)
        table_cell(t, headings[i]);
    return t;
}

void table_cell(struct table *t, const char *text)
{
    char shown[CELL_MAX];
    if (t == NULL)
        return;
    if (t->n == t->room) {
        size_t room = t->room == 0 ? 64 : t->room * 2;
        char **cell = realloc(t->cell, room * sizeof *cell);
        if (cell == NULL)
            return;
        t->cell = cell;
        t->room = room;
    }
    text = text == NULL || *text == '\0' ? "-" : text;
    text_printable(text, strlen(text), shown, sizeof shown);
    size_t width = width_of(shown), column = t->n % t->columns;
    if (width > t->width[column])
        t->width[column] = width;
    t->cell[t->n] = strdup(shown);
    if (t->cell[t->n] != NULL)
        t->n++;
}

void table_number(struct table *t, double n)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", n);
    table_cell(t, text);
}

/* Writes the value as one piece of text. */
static void json_text(const json_t *value, char *out, size_t size)
{
    *out = '\0';
    if (json_is_string(value)) {
        snprintf(out, size, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(out, size, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, size, "%g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_array(value)) {
        size_t used = 0, i;
        json_t *item;
        json_array_foreach(value, i, item)
        {
            char one[CELL_MAX];
            json_text(item, one, sizeof one);
            int n = snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "", one);
            if (n < 0 || (size_t)n >= size - used)
                return;
            used += (size_t)n;
        }
    } else if (json_is_object(value)) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER);
        snprintf(out, size, "%s", text != NULL ? text : "");
        free(text);
    }
}

void table_json(struct table *t, const json_t *value)
{
    char text[CELL_MAX];
    json_text(value, text, sizeof text);
    table_cell(t, text);
}

void table_print(struct table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++) {
        bool last = i % t->columns == t->columns - 1;
        size_t pad = last ? 0 : t->width[i % t->columns] - width_of(t->cell[i]) + 2;
        printf("%s%*s%s", t->cell[i], (int)pad, "", last ? "\n" : "");
        free(t->cell[i]);
    }
    free(t->cell);
    free(t);
}

void print_json(const json_t *json)
{
    /* Controls are \u-escaped by JSON itself; C1 and bidi marks only when all but ASCII is. */
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    if (text != NULL)
        puts(text);
    free(text);
}

void print_object(const json_t *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        const json_t *value = json_object_get(object, *names);
        char text[CELL_MAX], shown[4 * CELL_MAX];
        if (value == NULL)
            continue;
        json_text(value, text, sizeof text);
        text_printable(text, strlen(text), shown, sizeof shown);
        printf("%-12s %s\n", *names, *shown != '\0' ? shown : "-");
    }
}
