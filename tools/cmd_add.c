/* add: lists files, or bare hashes as one entry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/output.h"

static void file_close_scoped(FILE **f)
{
    if (*f != NULL)
        fclose(*f);
}

static enum rc entries_target(const struct args *args, struct target *target, struct err *err)
{
    TRY(target_start(target, "/v1/banks", err));
    TRY(target_segment(target, arg(args, 'b'), err));
    return target_segment(target, "entries", err);
}

/* Labels may hold commas only as separators, so the joined list says the same. */
static enum rc label_param(const struct args *args, struct target *target, struct err *err)
{
    char joined[4096] = "";
    size_t used = 0;
    for (unsigned i = 0; i < args->n_list; i++) {
        if (args->list[i].key != 'l')
            continue;
        int n = snprintf(joined + used, sizeof joined - used, "%s%s", used > 0 ? "," : "",
                         args->list[i].value);
        if (n < 0 || (size_t)n >= sizeof joined - used)
            FAIL(err, RC_INPUT, "the labels are too long");
        used += (size_t)n;
    }
    return target_param(target, "label", used > 0 ? joined : NULL, err);
}

static enum rc add_file(struct client *client, const struct args *args, const char *name,
                        json_t **ret, struct err *err)
{
    SCOPED(target_clear) struct target target = {0};
    SCOPED(result_clear) struct result result = {0};
    SCOPED(file_close) FILE *file = fopen(name, "rbe");
    if (file == NULL)
        FAIL_SYS(err, "cannot open it");
    TRY(entries_target(args, &target, err));
    TRY(target_param(&target, "reason", arg(args, 'r'), err));
    TRY(target_param(&target, "case", arg(args, 'c'), err));
    TRY(target_param(&target, "source", arg(args, 's'), err));
    TRY(label_param(args, &target, err));
    struct call call = {.method = "POST",
                        .target = &target,
                        .content_type = "application/octet-stream",
                        .body_file = file};
    TRY(client_call(client, &call, &result, err));
    return result_json(&result, ret, err);
}

/* The bare hashes as one entry's signals; NULL when none was given. */
static json_t *bare_signals(const struct args *args)
{
    static const struct {
        int key;
        const char *type;
    } types[] = {{'p', "pdq"}, {'x', "sha256"}, {'y', "sha1"}, {'m', "md5"}};
    json_t *signals = NULL;
    for (unsigned i = 0; i < args->n_list; i++)
        for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
            if (types[k].key != args->list[i].key)
                continue;
            if (signals == NULL)
                signals = json_array();
            json_array_append_new(signals, json_pack("{s:s,s:s}", "type", types[k].type, "value",
                                                     args->list[i].value));
        }
    return signals;
}

static enum rc add_signals(struct client *client, const struct args *args, json_t *signals,
                           json_t **ret, struct err *err)
{
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free)
    json_t *body = json_pack("{s:o,s:s}", "signals", signals, "reason", arg(args, 'r'));
    json_t *labels = list_of(args, 'l');
    if (body == NULL)
        FAIL(err, RC_INPUT, "what was given is not UTF-8");
    if (labels != NULL)
        json_object_set_new(body, "labels", labels);
    if (arg(args, 'c') != NULL)
        json_object_set_new(body, "case", json_string(arg(args, 'c')));
    if (arg(args, 's') != NULL)
        json_object_set_new(body, "source", json_string(arg(args, 's')));
    TRY(entries_target(args, &target, err));
    return call_json(client, "POST", &target, body, ret, err);
}

static void tell(const struct args *args, struct table *table, const char *name, json_t *answer)
{
    if (args->json) {
        SCOPED(json_free) json_t *line = json_object();
        if (name != NULL)
            json_object_set_new(line, "file", json_string(name));
        json_object_update(line, answer);
        print_json(line);
        return;
    }
    table_cell(table, name);
    table_json(table, json_object_get(answer, "id"));
    table_json(table, json_object_get(answer, "state"));
    table_number(table, (double)json_array_size(json_object_get(answer, "signals")));
    table_json(table, json_object_get(answer, "note"));
}

int run_add(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"FILE", "ENTRY", "STATE", "SIGNALS", "NOTE", NULL};
    json_t *signals = bare_signals(args);
    struct err err;
    int code = 0;

    if (args->n_names == 0 && signals == NULL) {
        err_set(&err, RC_INPUT, HERE, "give files, or hashes with --pdq, --sha256, --sha1, --md5");
        return complain("add", &err);
    }
    struct table *table = args->json ? NULL : table_new(headings);
    if (signals != NULL) {
        SCOPED(json_free) json_t *answer = NULL;
        if (add_signals(client, args, signals, &answer, &err) != RC_OK)
            code = complain("add", &err);
        else
            tell(args, table, NULL, answer);
    }
    for (int i = 0; i < args->n_names; i++) {
        SCOPED(json_free) json_t *answer = NULL;
        if (add_file(client, args, args->names[i], &answer, &err) != RC_OK)
            code = complain(args->names[i], &err);
        else
            tell(args, table, args->names[i], answer);
    }
    table_print(table);
    return code;
}
