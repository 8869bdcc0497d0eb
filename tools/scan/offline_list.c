#include "tools/scan/offline_list.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "hashing/base/text.h"
#include "tools/client.h"
#include "tools/scan/labels.h"

enum { LIST_LINE_SIZE = 65536 };

void offline_list_clear(struct offline_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        free(list->entry[i].name);
    for (size_t i = 0; i < list->n_labels; i++)
        free(list->labels[i]);
    for (unsigned i = 0; i < list->n_names; i++)
        free(list->name[i]);
    free(list->entry);
    free(list->labels);
    free(list->name);
    memset(list, 0, sizeof *list);
}

static enum rc grow(void *array, size_t n, size_t size, struct err *err)
{
    void **p = array;
    if ((n & (n - 1)) != 0)
        return RC_OK; /* room for the next power of two */
    void *more = reallocarray(*p, n == 0 ? 1 : 2 * n, size);
    if (more == NULL)
        FAIL(err, RC_NOMEM, "no memory for a list");
    *p = more;
    return RC_OK;
}

static enum rc keep_labels(struct offline_list *list, const char *labels, const char **ret,
                           struct err *err)
{
    if (list->n_labels == 0 || strcmp(list->labels[list->n_labels - 1], labels) != 0) {
        TRY(grow(&list->labels, list->n_labels, sizeof *list->labels, err));
        if ((list->labels[list->n_labels] = strdup(labels)) == NULL)
            FAIL(err, RC_NOMEM, "no memory for a list");
        list->n_labels++;
    }
    *ret = list->labels[list->n_labels - 1];
    return RC_OK;
}

/* What a line says. */
struct line {
    const char *type, *value, *labels;
    const char *entry; /* NULL: none */
    int64_t ms;
    uint64_t number;
    uint32_t list;
};

static enum rc add(struct offline_list *list, const struct line *line, struct err *err)
{
    struct offline_entry e = {
        .pdq = strcasecmp(line->type, "pdq") == 0, .list = line->list, .ms = line->ms};

    if (strcasecmp(line->type, "md5") == 0 || strcasecmp(line->type, "sha1") == 0) {
        list->skipped++;
        return RC_OK;
    }
    if (!e.pdq && strcasecmp(line->type, "sha256") != 0)
        FAIL(err, RC_INPUT, "the type is not pdq, sha256, sha1 or md5");
    if (!text_unhex(line->value, strlen(line->value), e.value, sizeof e.value))
        FAIL(err, RC_INPUT, "the value is not 64 hex digits");
    if (list->n == UINT32_MAX - 1)
        FAIL(err, RC_INPUT, "too many lines");
    TRY(keep_labels(list, line->labels, &e.labels, err));
    TRY(grow(&list->entry, list->n, sizeof *list->entry, err));
    int n = line->entry != NULL ? asprintf(&e.name, "%s", line->entry)
                                : asprintf(&e.name, "line %llu", (unsigned long long)line->number);
    if (n < 0)
        FAIL(err, RC_NOMEM, "no memory for a list");
    list->entry[list->n++] = e;
    return RC_OK;
}

/* "pdq HEX", or bare HEX of one. */
static enum rc add_text(struct offline_list *list, char *text, struct line *line, struct err *err)
{
    char *word[3] = {0};
    unsigned n = 0;

    for (char *one; n < 3 && (one = strsep(&text, " \t")) != NULL;)
        if (*one != '\0')
            word[n++] = one;
    if (n == 0 || word[0][0] == '#')
        return RC_OK;
    if (n > 2)
        FAIL(err, RC_INPUT, "more than a type and a value; lists are read as text or NDJSON");
    line->type = n == 2 ? word[0] : "pdq";
    line->value = word[n - 1];
    return add(list, line, err);
}

static enum rc add_json(struct offline_list *list, const char *text, struct line *line,
                        struct err *err)
{
    SCOPED(mem_free) char *labels = NULL;
    SCOPED(json_free) json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *ms = json_object_get(object, "ms");

    line->type = json_string_value(json_object_get(object, "type"));
    line->value = json_string_value(json_object_get(object, "value"));
    if (line->type == NULL || line->value == NULL)
        FAIL(err, RC_INPUT, "not an object with type and value");
    TRY(labels_join(json_object_get(object, "labels"), &labels, err));
    line->labels = labels;
    line->entry = json_string_value(json_object_get(object, "entry"));
    line->ms = json_is_integer(ms) ? json_integer_value(ms) : -1;
    return add(list, line, err);
}

static enum rc read_lines(struct offline_list *list, FILE *in, const char *path, uint32_t number,
                          struct err *err)
{
    SCOPED(mem_free) char *text = malloc(LIST_LINE_SIZE);
    struct err why;

    if (text == NULL)
        FAIL(err, RC_NOMEM, "no memory for a list");
    for (uint64_t n = 1; fgets(text, LIST_LINE_SIZE, in) != NULL; n++) {
        struct line line = {.number = n, .list = number, .labels = "", .ms = -1};
        size_t length = strcspn(text, "\r\n");
        if (text[length] == '\0' && !feof(in))
            FAIL(err, RC_INPUT, "%s:%llu: the line is too long, or holds a zero byte", path,
                 (unsigned long long)n);
        text[length] = '\0';
        enum rc rc =
            text[0] == '{' ? add_json(list, text, &line, &why) : add_text(list, text, &line, &why);
        if (rc != RC_OK)
            FAIL(err, rc, "%s:%llu: %s", path, (unsigned long long)n, why.msg);
    }
    if (ferror(in))
        FAIL_SYS(err, "cannot read %s", path);
    return RC_OK;
}

static enum rc keep_name(struct offline_list *list, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t n = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
    char *shown = malloc(4 * n + 1);

    if (shown == NULL)
        FAIL(err, RC_NOMEM, "no memory for a list");
    text_printable(base, n, shown, 4 * n + 1);
    enum rc rc = grow(&list->name, list->n_names, sizeof *list->name, err);
    if (rc != RC_OK) {
        free(shown);
        return rc;
    }
    list->name[list->n_names++] = shown;
    return RC_OK;
}

enum rc offline_list_read(struct offline_list *list, const char *path, uint32_t number,
                          struct err *err)
{
    TRY(keep_name(list, path, err));
    FILE *in = fopen(path, "re");
    if (in == NULL)
        FAIL_SYS(err, "cannot open the list %s", path);
    enum rc rc = read_lines(list, in, path, number, err);
    fclose(in);
    return rc;
}
