/*
 * Hash lists.  The first byte names the format: t, c or n, else its remainder.  What is read from
 * any of them is written as CSV and reads back as the same.
 */
#include "service/ask.h"
#include "service/json_in.h"
#include "service/list_format.h"
#include "tests/fuzz/fuzz.h"

enum { FIELD_ROOM = 2 * LIST_LINE_MAX + 8 };

static enum list_format format_of(uint8_t first)
{
    switch (first) {
    case 't':
        return LIST_TEXT;
    case 'c':
        return LIST_CSV;
    case 'n':
        return LIST_NDJSON;
    default:
        return (enum list_format)(first % 3);
    }
}

static void check_line(const struct import_line *line)
{
    struct err err;
    MUST(line->signal.type < SIGNAL_TYPES);
    MUST(list_signal_check(&line->signal, &err) == RC_OK);
    MUST(text_in_check(line->labels, LABELS_MAX * (LABEL_MAX + 1), "labels", &err) == RC_OK);
    MUST(text_in_check(line->source, SOURCE_MAX, "source", &err) == RC_OK);
    MUST(strstr(line->labels, "  ") == NULL && line->labels[0] != ' ');
}

static void check_list(const struct list *list, struct bytes body)
{
    size_t lines = 1;
    for (size_t i = 0; i < body.n; i++)
        lines += body.p[i] == '\n';
    MUST(list->n + list->error_count + list->skipped <= lines);
    MUST(list->n + list->error_count + list->skipped > 0);
    MUST(list->n_errors <= LIST_ERRORS_MAX && list->n_errors <= list->error_count);
    for (size_t i = 0; i < list->n; i++)
        check_line(&list->lines[i]);
    for (size_t i = 0; i < list->n_errors; i++) {
        MUST(list->errors[i].line >= 1 && list->errors[i].line <= lines);
        MUST(list->errors[i].detail[0] != '\0');
        MUST(text_is_utf8(list->errors[i].detail, strlen(list->errors[i].detail)));
    }
}

/* A line as CSV; false when it is longer than a line may be, or its text has what CSV blanks. */
static bool csv_line(const struct import_line *line, char *out, size_t size)
{
    char source[FIELD_ROOM], labels[FIELD_ROOM], hex[65];
    if (strpbrk(line->source, "\t\n") != NULL)
        return false;
    MUST(list_csv_quote(line->source, source, sizeof source));
    MUST(list_csv_quote(line->labels, labels, sizeof labels));
    text_hex(line->signal.value, signal_size(line->signal.type), hex);
    int n = snprintf(out, size, "%s,%s,%s,,%s", signal_type_name(line->signal.type), hex, source,
                     labels);
    return n > 0 && (size_t)n < size && n <= LIST_LINE_MAX;
}

static void read_back(const struct import_line *line)
{
    static const char header[] = "signal_type,signal_str,collab,category,tags\n";
    SCOPED(list_free) struct list *again = NULL;
    char text[sizeof header + FIELD_ROOM];
    struct err err;
    size_t n = sizeof header - 1;
    memcpy(text, header, sizeof header);
    if (!csv_line(line, text + n, sizeof text - n))
        return;
    MUST(list_read(LIST_CSV, bytes_str(text), &again, &err) == RC_OK);
    MUST(again->n == 1 && again->error_count == 0);
    const struct import_line *got = &again->lines[0];
    MUST(got->signal.type == line->signal.type);
    MUST(memcmp(got->signal.value, line->signal.value, sizeof got->signal.value) == 0);
    MUST(strcmp(got->labels, line->labels) == 0 && strcmp(got->source, line->source) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(list_free) struct list *list = NULL;
    struct err err;
    if (size == 0)
        return 0;
    struct bytes body = bytes_of(data + 1, size - 1);
    enum rc rc = list_read(format_of(data[0]), body, &list, &err);
    if (rc != RC_OK) {
        must_refuse(rc, RC_INPUT, &err);
        MUST(list == NULL);
        return 0;
    }
    check_list(list, body);
    for (size_t i = 0; i < list->n && i < 4; i++)
        read_back(&list->lines[i]);
    return 0;
}
