#include "service/list_format.h"

#include <string.h>
#include <strings.h>

#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/json_in.h"
#include "service/list_line.h"

/* Text of the lines, in chunks that never move. */
struct text_chunk {
    struct text_chunk *older;
    size_t used, size;
    char text[];
};

enum { CHUNK_SIZE = 64 * 1024 };

void list_free(struct list *list)
{
    if (list == NULL)
        return;
    while (list->text != NULL) {
        struct text_chunk *chunk = list->text;
        list->text = chunk->older;
        free(chunk);
    }
    free(list->lines);
    free(list);
}

bool list_format_parse(const char *content_type, enum list_format *ret)
{
    static const struct {
        const char *type;
        enum list_format format;
    } known[] = {
        {"text/plain", LIST_TEXT},
        {"text/csv", LIST_CSV},
        {"application/x-ndjson", LIST_NDJSON},
        {"application/ndjson", LIST_NDJSON},
    };
    size_t n = strcspn(content_type, "; \t");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (n == strlen(known[i].type) && strncasecmp(content_type, known[i].type, n) == 0) {
            *ret = known[i].format;
            return true;
        }
    }
    return false;
}

/* --- what a line adds --- */

static enum rc keep_text(struct list *list, const char *text, const char **ret, struct err *err)
{
    size_t n = strlen(text) + 1;
    struct text_chunk *chunk = list->text;
    if (chunk == NULL || chunk->size - chunk->used < n) {
        size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        if ((chunk = malloc(sizeof *chunk + size)) == NULL)
            FAIL(err, RC_NOMEM, "list");
        *chunk = (struct text_chunk){.older = list->text, .size = size};
        list->text = chunk;
    }
    char *copy = chunk->text + chunk->used;
    memcpy(copy, text, n);
    chunk->used += n;
    *ret = copy;
    return RC_OK;
}

/* Lines that follow each other mostly have the same labels and source: stored once. */
static enum rc keep_text_again(struct list *list, const char *text, const char **last,
                               struct err *err)
{
    if (*last != NULL && strcmp(*last, text) == 0)
        return RC_OK;
    return keep_text(list, text, last, err);
}

/* Checks each label and writes them with one space between. */
static enum rc labels_tidy(const char *labels, char *out, size_t size, struct err *err)
{
    size_t used = 0;
    unsigned n = 0;

    for (labels += strspn(labels, " "); *labels != '\0'; labels += strspn(labels, " ")) {
        size_t length = strcspn(labels, " ");
        char label[LABEL_MAX + 2];
        snprintf(label, sizeof label, "%.*s", length > LABEL_MAX ? LABEL_MAX + 1 : (int)length,
                 labels);
        if (++n > LABELS_MAX)
            FAIL(err, RC_INPUT, "more than %d labels", LABELS_MAX);
        TRY(label_in_check(label, "label", err));
        int written = snprintf(out + used, size - used, "%s%s", used == 0 ? "" : " ", label);
        used += (size_t)written; /* fits: LABELS_MAX * (LABEL_MAX + 1) < size */
        labels += length;
    }
    out[used] = '\0';
    return RC_OK;
}

static enum rc make_room(struct list_reader *r, struct err *err)
{
    struct list *list = r->list;
    if (list->n < r->room)
        return RC_OK;
    size_t size, room = r->room == 0 ? 256 : r->room * 2;
    struct import_line *lines = NULL;
    if (!__builtin_mul_overflow(room, sizeof *lines, &size))
        lines = realloc(list->lines, size);
    if (lines == NULL)
        FAIL(err, RC_NOMEM, "list");
    list->lines = lines;
    r->room = room;
    return RC_OK;
}

enum rc list_line_add(struct list_reader *r, const struct signal *signal, const char *labels,
                      const char *source, struct err *err)
{
    char tidy[LABELS_MAX * (LABEL_MAX + 1) + 1];

    TRY(list_signal_check(signal, err));
    TRY(labels_tidy(labels, tidy, sizeof tidy, err));
    TRY(text_in_check(source, SOURCE_MAX, "source", err));
    TRY(make_room(r, err));
    TRY(keep_text_again(r->list, tidy, &r->labels, err));
    TRY(keep_text_again(r->list, source, &r->source, err));
    r->list->lines[r->list->n++] =
        (struct import_line){.signal = *signal, .labels = r->labels, .source = r->source};
    return RC_OK;
}

enum rc list_signal_check(const struct signal *signal, struct err *err)
{
    size_t n = signal_size(signal->type), same = 1;
    while (same < n && signal->value[same] == signal->value[0])
        same++;
    if (same == n && (signal->value[0] == 0x00 || signal->value[0] == 0xff))
        FAIL(err, RC_INPUT, "%s: all bits are equal: a placeholder, not the hash of anything",
             signal_type_name(signal->type));
    if (signal->type == SIGNAL_PDQ && signal->quality >= 0 && signal->quality < PDQ_MIN_QUALITY)
        FAIL(err, RC_INPUT, "pdq: quality %d is below %d: it would match anything flat",
             signal->quality, PDQ_MIN_QUALITY);
    return RC_OK;
}

enum rc list_line_signal(const char *type, const char *value, struct signal *ret, struct err *err)
{
    /* Files of clips are listed by `video_md5` where tx writes them. */
    static const struct {
        const char *name;
        enum signal_type type;
    } known[] = {
        {"pdq", SIGNAL_PDQ}, {"sha256", SIGNAL_SHA256}, {"sha1", SIGNAL_SHA1},
        {"md5", SIGNAL_MD5}, {"video_md5", SIGNAL_MD5},
    };
    struct signal s = {.quality = -1, .ms = -1};
    size_t i = 0, n = sizeof known / sizeof known[0], length = strlen(value);

    while (i < n && strcasecmp(known[i].name, type) != 0)
        i++;
    if (i == n)
        FAIL(err, RC_INPUT, "type \"%.40s\" is not pdq, sha256, sha1, md5 or video_md5", type);
    s.type = known[i].type;
    size_t size = signal_size(s.type);
    /* Base64 only with its padding: the head of a hash that was cut off would pass without. */
    bool base64 = length > 0 && value[length - 1] == '=';
    if (!text_unhex(value, length, s.value, size) &&
        !(base64 && text_unbase64(value, length, s.value, size)))
        FAIL(err, RC_INPUT, "the value of a %s must be %zu hex digits", signal_type_name(s.type),
             2 * size);
    *ret = s;
    return RC_OK;
}

/* --- lines --- */

/* Takes the next line, without its end, off what is left. */
static struct bytes line_take(struct bytes *left)
{
    const uint8_t *end = memchr(left->p, '\n', left->n);
    size_t n = end == NULL ? left->n : (size_t)(end - left->p);
    struct bytes line = {.p = left->p, .n = n};
    size_t step = end == NULL ? n : n + 1;
    left->p += step;
    left->n -= step;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static enum rc line_check(struct bytes line, struct err *err)
{
    if (line.n > LIST_LINE_MAX)
        FAIL(err, RC_INPUT, "the line is longer than %d bytes", LIST_LINE_MAX);
    if (!text_is_utf8((const char *)line.p, line.n))
        FAIL(err, RC_INPUT, "the line is not UTF-8 text");
    return RC_OK;
}

static void note_error(struct list *list, uint64_t line, const struct err *err)
{
    list->error_count++;
    if (list->n_errors == LIST_ERRORS_MAX)
        return;
    struct list_error *e = &list->errors[list->n_errors++];
    e->line = line;
    text_printable(err->msg, strlen(err->msg), e->detail, sizeof e->detail);
}

static enum rc line_read(enum list_format format, struct list_reader *r, struct bytes line,
                         struct err *err)
{
    TRY(line_check(line, err));
    switch (format) {
    case LIST_TEXT:
        return list_text_line(r, line, err);
    case LIST_CSV:
        return list_csv_line(r, line, err);
    default:
        return list_ndjson_line(r, line, err);
    }
}

static enum rc lines_read(enum list_format format, struct list_reader *r, struct bytes left,
                          struct err *err)
{
    uint64_t number = 0;
    if (bytes_start_with(left, "\xef\xbb\xbf", 3)) {
        left.p += 3;
        left.n -= 3;
    }
    if (format == LIST_CSV) {
        struct bytes line = line_take(&left);
        number++;
        TRY(line_check(line, err));
        TRY(list_csv_header(r, line, err));
    }
    while (left.n > 0) {
        struct err bad;
        struct bytes line = line_take(&left);
        enum rc rc = line_read(format, r, line, &bad);
        number++;
        if (rc == RC_INPUT)
            note_error(r->list, number, &bad);
        else if (rc != RC_OK)
            return err_set(err, rc, bad.at, "line %llu: %s", (unsigned long long)number, bad.msg);
    }
    return RC_OK;
}

enum rc list_read(enum list_format format, struct bytes body, struct list **ret, struct err *err)
{
    SCOPED(list_free) struct list *list = calloc(1, sizeof *list);
    if (list == NULL)
        FAIL(err, RC_NOMEM, "list");
    struct list_reader reader = {.list = list};
    if (body.n == 0)
        FAIL(err, RC_INPUT, "the list is empty");
    TRY(lines_read(format, &reader, body, err));
    if (list->n == 0 && list->error_count == 0 && list->skipped == 0)
        FAIL(err, RC_INPUT, "the list holds no signal");
    *ret = TAKE(list);
    return RC_OK;
}
