/* Import and export of whole banks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/entry_json.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/list_format.h"
#include "service/service.h"

/* --- import --- */

static json_t *errors_json(const struct list *list)
{
    SCOPED(json_free) json_t *array = json_array();
    for (size_t i = 0; i < list->n_errors; i++)
        if (!answer_append(array, json_pack("{s:I, s:s}", "line", (json_int_t)list->errors[i].line,
                                            "detail", list->errors[i].detail)))
            return NULL;
    return TAKE(array);
}

/* The list is refused as a whole: the answer names its bad lines. */
static enum rc refuse(struct request *rq, const struct list *list, struct err *err)
{
    struct err bad;
    json_t *extra = json_pack("{s:o, s:I}", "errors", errors_json(list), "error_count",
                              (json_int_t)list->error_count);
    if (extra == NULL)
        FAIL(err, RC_NOMEM, "import");
    err_set(&bad, RC_INPUT, HERE,
            "%llu bad lines, nothing was imported; the first is line %llu: %s",
            (unsigned long long)list->error_count, (unsigned long long)list->errors[0].line,
            list->errors[0].detail);
    reply_problem(&rq->reply, &bad, rq->id, extra);
    return RC_OK;
}

static enum rc list_take(const struct request *rq, struct list **ret, struct err *err)
{
    enum list_format format;
    if (!list_format_parse(rq->content_type, &format))
        FAIL(err, RC_INPUT,
             "Content-Type: must be text/plain, text/csv or application/x-ndjson, not \"%.80s\"",
             rq->content_type);
    return list_read(format, rq->body, ret, err);
}

static json_t *imported_json(const char *import_id, const struct list *list,
                             const struct import_result *result)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:I}", "import_id", import_id, "added",
                     (json_int_t)result->added, "duplicates", (json_int_t)result->duplicates,
                     "skipped", (json_int_t)list->skipped, "errors", errors_json(list),
                     "error_count", (json_int_t)list->error_count, "generation",
                     (json_int_t)result->generation);
}

enum rc list_import(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(list_free) struct list *list = NULL;
    struct actor actor = ask_actor(rq);
    struct import_result result = {.generation = blocklist_generation(service->list)};
    struct ulid id = ulid_new();
    char import_id[ULID_SIZE];
    const char *bank, *reason;
    unsigned on_error = 0;

    TRY(ask_bank(rq, &bank, err));
    TRY(ask_text(rq, "reason", false, REASON_MAX, &reason, err));
    TRY(ask_word(rq, "on_error", (const char *const[]){"refuse", "skip", NULL}, &on_error, err));
    TRY(list_take(rq, &list, err));
    if (list->error_count > 0 && on_error == 0)
        return refuse(rq, list, err);
    ulid_text(&id, import_id);
    TRY(store_import(service->store, bank, import_id, reason != NULL ? reason : "import",
                     list->lines, list->n, &actor, &result, err));
    TRY(service_follow(service, err));
    return answer_json(rq, 200, imported_json(import_id, list, &result), err);
}

/* --- export --- */

struct exporting {
    FILE *out;
    enum list_format format;
    bool bad; /* could not write */
};

static bool export_text(FILE *out, const struct export_line *line, const char *hex)
{
    return fprintf(out, "%s %s\n", signal_type_name(line->signal->type), hex) > 0;
}

static bool export_csv(FILE *out, const struct export_line *line, const char *hex)
{
    char source[2 * SOURCE_MAX + 8], labels[2 * LABELS_MAX * (LABEL_MAX + 1) + 8];
    return list_csv_quote(line->source, source, sizeof source) &&
           list_csv_quote(line->labels, labels, sizeof labels) &&
           fprintf(out, "%s,%s,%s,POSITIVE_CLASS,%s\r\n", signal_type_name(line->signal->type), hex,
                   source, labels) > 0;
}

/* "a b" as ["a","b"] */
static json_t *labels_json(const char *labels)
{
    SCOPED(json_free) json_t *array = json_array();
    for (labels += strspn(labels, " "); *labels != '\0'; labels += strspn(labels, " ")) {
        size_t n = strcspn(labels, " ");
        if (!answer_append(array, json_stringn(labels, n)))
            return NULL;
        labels += n;
    }
    return TAKE(array);
}

static bool export_ndjson(FILE *out, const struct export_line *line)
{
    char entry[ULID_SIZE];
    ulid_text(line->entry, entry);
    SCOPED(json_free)
    json_t *rest =
        json_pack("{s:s, s:o, s:s, s:s}", "entry", entry, "labels", labels_json(line->labels),
                  "reason", line->reason, "source", line->source);
    SCOPED(json_free) json_t *json = signal_json(line->signal);
    return json_object_update(json, rest) == 0 && json_dumpf(json, out, JSON_COMPACT) == 0 &&
           fputc('\n', out) != EOF;
}

static bool export_one(void *ctx, const struct export_line *line)
{
    struct exporting *e = ctx;
    char hex[2 * sizeof line->signal->value + 1];
    text_hex(line->signal->value, signal_size(line->signal->type), hex);
    switch (e->format) {
    case LIST_TEXT:
        e->bad = !export_text(e->out, line, hex);
        break;
    case LIST_CSV:
        e->bad = !export_csv(e->out, line, hex);
        break;
    default:
        e->bad = !export_ndjson(e->out, line);
    }
    return !e->bad;
}

static void file_close_scoped(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

/* Writes the bank into fd through a stream of its own. */
static enum rc export_into(struct service *service, const struct request *rq, const char *bank,
                           enum list_format format, int fd, struct err *err)
{
    SCOPED(fd_close) int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    SCOPED(file_close) FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    struct actor actor = ask_actor(rq);

    if (out == NULL)
        FAIL_SYS(err, "export");
    fd_take(&copy); /* the stream closes it */
    struct exporting e = {.out = out, .format = format};
    if (format == LIST_CSV && fputs("signal_type,signal_str,collab,category,tags\r\n", out) == EOF)
        FAIL_SYS(err, "export");
    TRY(store_export(service->store, bank, &actor, export_one, &e, err));
    if (e.bad || fflush(out) != 0)
        FAIL_SYS(err, "export of %s", bank);
    return RC_OK;
}

enum rc list_export(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    static const char *const types[] = {"text/plain; charset=utf-8", "text/csv; charset=utf-8",
                                        "application/x-ndjson"};
    unsigned format = 0;
    const char *bank;

    TRY(ask_bank(rq, &bank, err));
    TRY(ask_word(rq, "format", (const char *const[]){"text", "csv", "ndjson", NULL}, &format, err));
    SCOPED(fd_close) int fd = memfd_create("hashgate-export", MFD_CLOEXEC);
    if (fd < 0)
        FAIL_SYS(err, "export");
    TRY(export_into(service, rq, bank, (enum list_format)format, fd, err));
    rq->reply.status = 200;
    rq->reply.content_type = types[format];
    rq->reply.fd = fd_take(&fd);
    return RC_OK;
}
