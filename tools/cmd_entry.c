/* entry ls, show, revoke, restore */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"
#include "tools/command.h"
#include "tools/output.h"

enum { PAGE = 500 };

static enum rc page_target(const struct args *args, int64_t left, const char *after,
                           struct target *target, struct err *err)
{
    char limit[24];
    snprintf(limit, sizeof limit, "%" PRId64, left < PAGE ? left : PAGE);
    TRY(target_start(target, "/v1/banks", err));
    TRY(target_segment(target, arg(args, 'b'), err));
    TRY(target_segment(target, "entries", err));
    TRY(target_param(target, "state", arg(args, 's'), err));
    TRY(target_param(target, "label", arg(args, 'l'), err));
    TRY(target_param(target, "signal", arg(args, 'p'), err));
    TRY(target_param(target, "limit", limit, err));
    return target_param(target, "after", after, err);
}

static void tell(const struct args *args, struct table *table, const json_t *entry)
{
    if (args->json) {
        print_json(entry);
        return;
    }
    table_json(table, json_object_get(entry, "id"));
    table_json(table, json_object_get(entry, "state"));
    table_number(table, (double)json_array_size(json_object_get(entry, "signals")));
    table_json(table, json_object_get(entry, "created"));
    table_json(table, json_object_get(entry, "created_by"));
    table_json(table, json_object_get(entry, "labels"));
    table_json(table, json_object_get(entry, "reason"));
}

/* Page after page; in JSON one entry a line. */
static enum rc list_pages(struct client *client, const struct args *args, int64_t left,
                          struct table *table, struct err *err)
{
    SCOPED(mem_free) char *after = NULL;
    while (left > 0) {
        SCOPED(target_clear) struct target target = {0};
        SCOPED(json_free) json_t *answer = NULL;
        const json_t *entries, *entry;
        size_t i;
        TRY(page_target(args, left, after, &target, err));
        TRY(call_json(client, "GET", &target, NULL, &answer, err));
        entries = json_object_get(answer, "entries");
        json_array_foreach(entries, i, entry) tell(args, table, entry);
        left -= (int64_t)json_array_size(entries);

        const char *next = json_string_value(json_object_get(answer, "next"));
        if (next == NULL || json_array_size(entries) == 0)
            return RC_OK;
        free(after);
        after = strdup(next);
        if (after == NULL)
            FAIL(err, RC_NOMEM, "no memory for the list");
    }
    return RC_OK;
}

int run_entry_ls(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"ENTRY", "STATE",  "SIGNALS", "CREATED",
                                           "BY",    "LABELS", "REASON",  NULL};
    int64_t left = INT64_MAX;
    struct err err;
    if (arg(args, 'n') != NULL && !text_number(arg(args, 'n'), 1, INT64_MAX, &left)) {
        err_set(&err, RC_INPUT, HERE, "--limit must be a whole number above 0");
        return complain("entry ls", &err);
    }
    struct table *table = args->json ? NULL : table_new(headings);
    enum rc rc = list_pages(client, args, left, table, &err);
    table_print(table);
    return rc == RC_OK ? 0 : complain("entry ls", &err);
}

static enum rc entry_call(struct client *client, const char *id, const char *method,
                          const json_t *body, json_t **ret, struct err *err)
{
    SCOPED(target_clear) struct target target = {0};
    TRY(target_start(&target, "/v1/entries", err));
    TRY(target_segment(&target, id, err));
    return call_json(client, method, &target, body, ret, err);
}

int run_entry_show(struct client *client, const struct args *args)
{
    static const char *const lines[] = {
        "id",         "bank",      "state",      "reason",  "labels",  "case",       "source",
        "media_type", "import_id", "created_by", "created", "updated", "generation", NULL};
    static const char *const headings[] = {"TYPE", "VALUE", "QUALITY", "MS", NULL};
    SCOPED(json_free) json_t *entry = NULL;
    const json_t *signal;
    struct err err;
    size_t i;
    if (entry_call(client, args->names[0], "GET", NULL, &entry, &err) != RC_OK)
        return complain(args->names[0], &err);
    if (args->json) {
        print_json(entry);
        return 0;
    }
    print_object(entry, lines);
    struct table *table = table_new(headings);
    json_array_foreach(json_object_get(entry, "signals"), i, signal)
    {
        table_json(table, json_object_get(signal, "type"));
        table_json(table, json_object_get(signal, "value"));
        table_json(table, json_object_get(signal, "quality"));
        table_json(table, json_object_get(signal, "ms"));
    }
    table_print(table);
    return 0;
}

static int set_state(struct client *client, const struct args *args, const char *state)
{
    static const char *const headings[] = {"ENTRY", "BANK", "STATE", "GENERATION", NULL};
    struct table *table = args->json ? NULL : table_new(headings);
    struct err err;
    int code = 0;
    for (int i = 0; i < args->n_names; i++) {
        SCOPED(json_free)
        json_t *body = json_pack("{s:s,s:s}", "state", state, "reason", arg(args, 'r'));
        SCOPED(json_free) json_t *entry = NULL;
        if (entry_call(client, args->names[i], "PATCH", body, &entry, &err) != RC_OK) {
            code = complain(args->names[i], &err);
            continue;
        }
        if (args->json)
            print_json(entry);
        table_json(table, json_object_get(entry, "id"));
        table_json(table, json_object_get(entry, "bank"));
        table_json(table, json_object_get(entry, "state"));
        table_json(table, json_object_get(entry, "generation"));
    }
    table_print(table);
    return code;
}

int run_entry_revoke(struct client *client, const struct args *args)
{
    return set_state(client, args, "revoked");
}

int run_entry_restore(struct client *client, const struct args *args)
{
    return set_state(client, args, "active");
}
