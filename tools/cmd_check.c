/* check and hash: what looks a file up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/command.h"
#include "tools/output.h"

static void file_close_scoped(FILE **f)
{
    if (*f != NULL && *f != stdin)
        fclose(*f);
}

/* "-" is standard input.  A folder, a device or a pipe's name by mistake is refused. */
static enum rc open_medium(const char *name, FILE **ret, struct err *err)
{
    struct stat st;
    if (strcmp(name, "-") == 0) {
        *ret = stdin;
        return RC_OK;
    }
    FILE *f = fopen(name, "rbe");
    if (f == NULL)
        FAIL_SYS(err, "cannot open it");
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(f);
        FAIL(err, RC_INPUT, "it is a folder");
    }
    *ret = f;
    return RC_OK;
}

static enum rc post_medium(struct client *client, const struct target *target, const char *name,
                           json_t **ret, struct result *result, struct err *err)
{
    SCOPED(file_close) FILE *file = NULL;
    TRY(open_medium(name, &file, err));
    struct call call = {.method = "POST",
                        .target = target,
                        .content_type = "application/octet-stream",
                        .body_file = file};
    TRY(client_call(client, &call, result, err));
    return result_json(result, ret, err);
}

/* What the service says of a check that goes on behind its answer, until it is over. */
static enum rc await_check(struct client *client, json_t **answer, struct err *err)
{
    const struct timespec pause = {.tv_sec = 1};
    SCOPED(target_clear) struct target target = {0};
    const char *id = json_string_value(json_object_get(*answer, "check_id"));

    TRY(target_start(&target, "/v1/checks", err));
    TRY(target_segment(&target, id != NULL ? id : "", err));
    for (;;) {
        const char *state = json_string_value(json_object_get(*answer, "state"));
        if (state == NULL || strcmp(state, "done") == 0)
            return RC_OK;
        if (strcmp(state, "error") == 0) {
            const json_t *problem = json_object_get(*answer, "problem");
            const char *detail = json_string_value(json_object_get(problem, "detail"));
            FAIL(err, RC_UNDECODABLE, "%s", detail != NULL ? detail : "the check failed");
        }
        nanosleep(&pause, NULL);
        json_t *next = NULL;
        TRY(call_json(client, "GET", &target, NULL, &next, err));
        json_decref(*answer);
        *answer = next;
    }
}

static enum rc check_medium(struct client *client, const struct target *target, const char *name,
                            json_t **ret, struct result *result, struct err *err)
{
    SCOPED(json_free) json_t *answer = NULL;
    TRY(post_medium(client, target, name, &answer, result, err));
    TRY(await_check(client, &answer, err));
    *ret = TAKE(answer);
    return RC_OK;
}

/* What could not be examined: a line of JSON with the service's problem, or a row. */
static void tell_failure(const struct args *args, struct table *table, unsigned columns,
                         const char *name, const struct result *result, const struct err *err)
{
    if (args->json) {
        SCOPED(json_free) json_t *line = json_object();
        json_t *problem =
            result->text != NULL ? json_loadb(result->text, result->length, 0, NULL) : NULL;
        json_object_set_new(line, "file", json_string(name));
        json_object_set_new(line, "error",
                            problem != NULL ? problem : json_pack("{s:s}", "detail", err->msg));
        print_json(line);
        return;
    }
    table_cell(table, name);
    table_cell(table, "error");
    table_cell(table, err->msg);
    for (unsigned i = 3; i < columns; i++)
        table_cell(table, "");
}

/* Puts the file's name in front of the service's answer. */
static void print_named(const char *name, json_t *answer)
{
    SCOPED(json_free) json_t *line = json_object();
    json_object_set_new(line, "file", json_string(name));
    json_object_update(line, answer);
    print_json(line);
}

static void tell_matches(struct table *table, const char *name, json_t *answer)
{
    const json_t *matches = json_object_get(answer, "matches"), *match;
    size_t i;
    if (json_array_size(matches) == 0) {
        table_cell(table, name);
        table_json(table, json_object_get(answer, "verdict"));
        for (int k = 0; k < 5; k++)
            table_cell(table, "");
    }
    json_array_foreach(matches, i, match)
    {
        table_cell(table, name);
        table_json(table, json_object_get(answer, "verdict"));
        table_json(table, json_object_get(match, "bank"));
        table_json(table, json_object_get(match, "distance"));
        table_json(table, json_object_get(match, "orientation"));
        table_json(table, json_object_get(match, "ms"));
        table_json(table, json_object_get(match, "entry"));
    }
}

int run_check(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"FILE",        "VERDICT", "BANK",  "DISTANCE",
                                           "ORIENTATION", "MS",      "ENTRY", NULL};
    SCOPED(target_clear) struct target target = {0};
    struct err err;
    bool matched = false, failed = false;

    if (target_start(&target, "/v1/check", &err) != RC_OK ||
        target_param(&target, "banks", arg(args, 'b'), &err) != RC_OK ||
        target_param(&target, "orientations", arg(args, 'o'), &err) != RC_OK ||
        target_param(&target, "ref", arg(args, 'r'), &err) != RC_OK)
        return complain("check", &err);

    struct table *table = args->json ? NULL : table_new(headings);
    for (int i = 0; i < args->n_names; i++) {
        SCOPED(json_free) json_t *answer = NULL;
        SCOPED(result_clear) struct result result = {0};
        const char *name = args->names[i];
        if (check_medium(client, &target, name, &answer, &result, &err) != RC_OK) {
            failed = true;
            tell_failure(args, table, 7, name, &result, &err);
            continue;
        }
        matched |= json_array_size(json_object_get(answer, "matches")) > 0;
        if (args->json)
            print_named(name, answer);
        else
            tell_matches(table, name, answer);
    }
    table_print(table);
    return matched ? EXIT_MATCHED : failed ? EXIT_ERROR : EXIT_NOTHING;
}

static void tell_signals(struct table *table, const char *name, json_t *answer)
{
    const json_t *signal;
    size_t i;
    json_array_foreach(json_object_get(answer, "signals"), i, signal)
    {
        table_cell(table, name);
        table_json(table, json_object_get(signal, "type"));
        table_json(table, json_object_get(signal, "value"));
        table_json(table, json_object_get(signal, "quality"));
        table_json(table, json_object_get(signal, "orientation"));
        table_json(table, json_object_get(signal, "look"));
        table_json(table, json_object_get(signal, "ms"));
    }
}

int run_hash(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"FILE",        "TYPE", "VALUE", "QUALITY",
                                           "ORIENTATION", "LOOK", "MS",    NULL};
    SCOPED(target_clear) struct target target = {0};
    struct err err;
    bool failed = false;

    if (target_start(&target, "/v1/hash", &err) != RC_OK ||
        target_param(&target, "orientations", arg(args, 'o'), &err) != RC_OK)
        return complain("hash", &err);

    struct table *table = args->json ? NULL : table_new(headings);
    for (int i = 0; i < args->n_names; i++) {
        SCOPED(json_free) json_t *answer = NULL;
        SCOPED(result_clear) struct result result = {0};
        const char *name = args->names[i];
        if (post_medium(client, &target, name, &answer, &result, &err) != RC_OK) {
            failed = true;
            tell_failure(args, table, 7, name, &result, &err);
        } else if (args->json) {
            print_named(name, answer);
        } else {
            tell_signals(table, name, answer);
        }
    }
    table_print(table);
    return failed ? EXIT_ERROR : EXIT_NOTHING;
}
