/* bank create, ls, show, set */
#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"
#include "tools/command.h"
#include "tools/output.h"

static const char *const bank_lines[] = {"name",
                                         "description",
                                         "action",
                                         "threshold",
                                         "bank_match_percent",
                                         "query_match_percent",
                                         "match_run",
                                         "owner",
                                         "sharing",
                                         "labels",
                                         "entries",
                                         "created",
                                         "updated",
                                         "generation",
                                         NULL};

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, name, json_string(value));
}

/* Options that are whole numbers. */
static const struct number {
    int key;
    const char *option, *member;
    int64_t min, max;
} numbers[] = {
    {'t', "--threshold", "threshold", 0, 63},
    {'B', "--bank-match-percent", "bank_match_percent", 1, 100},
    {'Q', "--query-match-percent", "query_match_percent", 0, 100},
    {'R', "--match-run", "match_run", 0, 100},
};

static enum rc set_numbers(const struct args *args, json_t *body, struct err *err)
{
    int64_t n;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *text = arg(args, numbers[i].key);
        if (text == NULL)
            continue;
        if (!text_number(text, numbers[i].min, numbers[i].max, &n))
            FAIL(err, RC_INPUT, "%s must be a whole number from %lld to %lld, not '%s'",
                 numbers[i].option, (long long)numbers[i].min, (long long)numbers[i].max, text);
        json_object_set_new(body, numbers[i].member, json_integer(n));
    }
    return RC_OK;
}

static enum rc bank_body(const struct args *args, json_t **ret, struct err *err)
{
    SCOPED(json_free) json_t *body = json_object();
    json_t *labels = list_of(args, 'l');

    set_text(body, "action", arg(args, 'a'));
    set_text(body, "description", arg(args, 'd'));
    set_text(body, "owner", arg(args, 'w'));
    set_text(body, "sharing", arg(args, 's'));
    if (labels != NULL)
        json_object_set_new(body, "labels", labels);
    TRY(set_numbers(args, body, err));
    *ret = TAKE(body);
    return RC_OK;
}

static void show(const struct args *args, const json_t *bank)
{
    if (args->json)
        print_json(bank);
    else
        print_object(bank, bank_lines);
}

int run_bank_create(struct client *client, const struct args *args)
{
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *body = NULL, *bank = NULL;
    struct err err;
    if (bank_body(args, &body, &err) != RC_OK)
        return complain(args->names[0], &err);
    set_text(body, "name", args->names[0]);
    if (target_start(&target, "/v1/banks", &err) != RC_OK ||
        call_json(client, "POST", &target, body, &bank, &err) != RC_OK)
        return complain(args->names[0], &err);
    show(args, bank);
    return 0;
}

static int one_bank(struct client *client, const struct args *args, const char *method,
                    const json_t *body)
{
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *bank = NULL;
    struct err err;
    if (target_start(&target, "/v1/banks", &err) != RC_OK ||
        target_segment(&target, args->names[0], &err) != RC_OK ||
        call_json(client, method, &target, body, &bank, &err) != RC_OK)
        return complain(args->names[0], &err);
    show(args, bank);
    return 0;
}

int run_bank_show(struct client *client, const struct args *args)
{
    return one_bank(client, args, "GET", NULL);
}

int run_bank_set(struct client *client, const struct args *args)
{
    SCOPED(json_free) json_t *body = NULL;
    struct err err;
    if (bank_body(args, &body, &err) != RC_OK)
        return complain(args->names[0], &err);
    set_text(body, "reason", arg(args, 'r'));
    return one_bank(client, args, "PATCH", body);
}

int run_bank_ls(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"NAME",  "ACTION",      "THRESHOLD", "ENTRIES",
                                           "OWNER", "DESCRIPTION", NULL};
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *answer = NULL;
    const json_t *bank;
    struct err err;
    size_t i;
    if (target_start(&target, "/v1/banks", &err) != RC_OK ||
        call_json(client, "GET", &target, NULL, &answer, &err) != RC_OK)
        return complain("bank ls", &err);
    if (args->json) {
        print_json(answer);
        return 0;
    }
    struct table *table = table_new(headings);
    json_array_foreach(json_object_get(answer, "banks"), i, bank)
    {
        table_json(table, json_object_get(bank, "name"));
        table_json(table, json_object_get(bank, "action"));
        table_json(table, json_object_get(bank, "threshold"));
        table_json(table, json_object_get(bank, "entries"));
        table_json(table, json_object_get(bank, "owner"));
        table_json(table, json_object_get(bank, "description"));
    }
    table_print(table);
    return 0;
}
