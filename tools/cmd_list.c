/* import and export of hash lists */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/output.h"

static const struct {
    const char *name, *ending, *type;
} formats[] = {
    {"text", ".txt", "text/plain"},
    {"csv", ".csv", "text/csv"},
    {"ndjson", ".ndjson", "application/x-ndjson"},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static void file_close_scoped(FILE **f)
{
    if (*f != NULL && *f != stdin && *f != stdout)
        fclose(*f);
}

static bool ends_with(const char *s, const char *ending)
{
    size_t n = strlen(s), k = strlen(ending);
    return n >= k && strcmp(s + n - k, ending) == 0;
}

static enum rc content_type(const char *format, const char *file, const char **ret, struct err *err)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (format != NULL ? strcmp(format, formats[i].name) == 0
                           : ends_with(file, formats[i].ending)) {
            *ret = formats[i].type;
            return RC_OK;
        }
    if (format != NULL)
        FAIL(err, RC_INPUT, "--format must be text, csv or ndjson, not '%s'", format);
    *ret = formats[0].type;
    return RC_OK;
}

static void tell_import(const struct args *args, const json_t *answer)
{
    static const char *const lines[] = {"import_id", "added",      "duplicates",
                                        "skipped",   "generation", NULL};
    if (args->json)
        print_json(answer);
    else
        print_object(answer, lines);
}

/* Lines that the service refused, from an answer or a problem document. */
static void tell_bad_lines(const struct result *result)
{
    SCOPED(json_free)
    json_t *doc = result->text != NULL ? json_loadb(result->text, result->length, 0, NULL) : NULL;
    static const char *const headings[] = {"LINE", "WHY", NULL};
    const json_t *errors = json_object_get(doc, "errors"), *bad;
    size_t i;
    if (json_array_size(errors) == 0)
        return;
    struct table *table = table_new(headings);
    json_array_foreach(errors, i, bad)
    {
        table_json(table, json_object_get(bad, "line"));
        table_json(table, json_object_get(bad, "detail"));
    }
    table_print(table);
}

static enum rc import_file(struct client *client, const struct args *args, struct result *result,
                           struct err *err)
{
    const char *name = args->names[0], *type = NULL;
    SCOPED(target_clear) struct target target = {0};
    char reason[512];
    SCOPED(file_close) FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rbe");
    if (file == NULL)
        FAIL_SYS(err, "cannot open it");
    TRY(content_type(arg(args, 'f'), name, &type, err));
    snprintf(reason, sizeof reason, "import of %.400s", name);
    TRY(target_start(&target, "/v1/banks", err));
    TRY(target_segment(&target, arg(args, 'b'), err));
    TRY(target_segment(&target, "import", err));
    TRY(target_param(&target, "reason", arg(args, 'r') != NULL ? arg(args, 'r') : reason, err));
    TRY(target_param(&target, "on_error", arg(args, 'k') != NULL ? "skip" : NULL, err));
    struct call call = {
        .method = "POST", .target = &target, .content_type = type, .body_file = file};
    return client_call(client, &call, result, err);
}

int run_import(struct client *client, const struct args *args)
{
    SCOPED(result_clear) struct result result = {0};
    SCOPED(json_free) json_t *answer = NULL;
    struct err err;
    enum rc rc = import_file(client, args, &result, &err);
    if (rc == RC_OK)
        rc = result_json(&result, &answer, &err);
    if (rc == RC_OK)
        tell_import(args, answer);
    if (!args->json)
        tell_bad_lines(&result);
    return rc == RC_OK ? 0 : complain(args->names[0], &err);
}

/* A list is as sensitive as what it lists: nobody else may read the file. */
static FILE *create_private(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (file == NULL && fd >= 0)
        close(fd);
    return file;
}

static enum rc export_bank(struct client *client, const struct args *args, struct err *err)
{
    SCOPED(target_clear) struct target target = {0};
    SCOPED(result_clear) struct result result = {0};
    const char *output = arg(args, 'o');
    SCOPED(file_close) FILE *file = output != NULL ? create_private(output) : stdout;
    if (file == NULL)
        FAIL_SYS(err, "cannot write %s", output);
    TRY(target_start(&target, "/v1/banks", err));
    TRY(target_segment(&target, arg(args, 'b'), err));
    TRY(target_segment(&target, "export", err));
    TRY(target_param(&target, "format", arg(args, 'f'), err));
    struct call call = {.method = "GET", .target = &target, .out = file};
    TRY(client_call(client, &call, &result, err));
    if (fflush(file) != 0 || ferror(file))
        FAIL_SYS(err, "cannot write %s", output != NULL ? output : "standard output");
    return RC_OK;
}

int run_export(struct client *client, const struct args *args)
{
    struct err err;
    return export_bank(client, args, &err) == RC_OK ? 0 : complain(arg(args, 'b'), &err);
}
