/* audit ls, audit verify, key create, ls, revoke */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/output.h"

int run_audit_ls(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"SEQ",  "AT",     "WHO",    "ACTION",
                                           "BANK", "TARGET", "REASON", NULL};
    static const char *const columns[] = {"seq",  "at",     "actor",  "action",
                                          "bank", "target", "reason", NULL};
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *answer = NULL;
    const json_t *row;
    struct err err;
    size_t i;
    if (target_start(&target, "/v1/audit", &err) != RC_OK ||
        target_param(&target, "bank", arg(args, 'b'), &err) != RC_OK ||
        target_param(&target, "actor", arg(args, 'a'), &err) != RC_OK ||
        target_param(&target, "action", arg(args, 'c'), &err) != RC_OK ||
        target_param(&target, "target", arg(args, 't'), &err) != RC_OK ||
        target_param(&target, "limit", arg(args, 'n') != NULL ? arg(args, 'n') : "50", &err) !=
            RC_OK ||
        call_json(client, "GET", &target, NULL, &answer, &err) != RC_OK)
        return complain("audit ls", &err);

    struct table *table = args->json ? NULL : table_new(headings);
    json_array_foreach(json_object_get(answer, "audit"), i, row)
    {
        if (args->json)
            print_json(row);
        for (const char *const *c = columns; *c != NULL; c++) {
            const json_t *value = json_object_get(row, *c);
            table_json(table, json_is_object(value) ? json_object_get(value, "name") : value);
        }
    }
    table_print(table);
    return 0;
}

int run_audit_verify(struct client *client, const struct args *args)
{
    static const char *const lines[] = {"ok", "rows", "bad_seq", "head", NULL};
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *answer = NULL;
    struct err err;
    if (target_start(&target, "/v1/audit/verify", &err) != RC_OK ||
        call_json(client, "GET", &target, NULL, &answer, &err) != RC_OK)
        return complain("audit verify", &err);
    if (args->json)
        print_json(answer);
    else
        print_object(answer, lines);
    return json_is_true(json_object_get(answer, "ok")) ? 0 : EXIT_ERROR;
}

static enum rc key_body(const struct args *args, json_t **ret, struct err *err)
{
    SCOPED(json_free) json_t *body = json_object();
    static const struct {
        int key;
        const char *name;
    } numbers[] = {{'r', "rate"}, {'u', "burst"}};

    json_object_set_new(body, "name", json_string(arg(args, 'n')));
    json_object_set_new(body, "scopes", list_of(args, 's'));
    json_t *banks = list_of(args, 'b');
    if (banks != NULL)
        json_object_set_new(body, "banks", banks);
    if (arg(args, 'e') != NULL)
        json_object_set_new(body, "expires", json_string(arg(args, 'e')));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *text = arg(args, numbers[i].key);
        char *end = NULL;
        double n = text != NULL ? strtod(text, &end) : 0;
        if (text == NULL)
            continue;
        if (end == text || *end != '\0' || !(n > 0 && n < 1e9))
            FAIL(err, RC_INPUT, "--%s must be a number above 0, not '%s'", numbers[i].name, text);
        json_object_set_new(body, numbers[i].name, json_real(n));
    }
    *ret = TAKE(body);
    return RC_OK;
}

int run_key_create(struct client *client, const struct args *args)
{
    static const char *const lines[] = {"id", "name", "scopes", "banks", "expires", "key", NULL};
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *body = NULL, *answer = NULL;
    struct err err;
    if (key_body(args, &body, &err) != RC_OK || target_start(&target, "/v1/keys", &err) != RC_OK ||
        call_json(client, "POST", &target, body, &answer, &err) != RC_OK)
        return complain("key create", &err);
    if (args->json)
        print_json(answer);
    else
        print_object(answer, lines);
    return 0;
}

int run_key_ls(struct client *client, const struct args *args)
{
    static const char *const headings[] = {"KEY",     "NAME",    "SCOPES",  "BANKS",
                                           "CREATED", "EXPIRES", "REVOKED", NULL};
    static const char *const columns[] = {"id",      "name",    "scopes",  "banks",
                                          "created", "expires", "revoked", NULL};
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *answer = NULL;
    const json_t *key;
    struct err err;
    size_t i;
    if (target_start(&target, "/v1/keys", &err) != RC_OK ||
        call_json(client, "GET", &target, NULL, &answer, &err) != RC_OK)
        return complain("key ls", &err);
    struct table *table = args->json ? NULL : table_new(headings);
    json_array_foreach(json_object_get(answer, "keys"), i, key)
    {
        if (args->json)
            print_json(key);
        for (const char *const *c = columns; *c != NULL; c++)
            table_json(table, json_object_get(key, *c));
    }
    table_print(table);
    return 0;
}

int run_key_revoke(struct client *client, const struct args *args)
{
    struct err err;
    int code = 0;
    for (int i = 0; i < args->n_names; i++) {
        SCOPED(target_clear) struct target target = {0};
        SCOPED(result_clear) struct result result = {0};
        struct call call = {.method = "DELETE", .target = &target};
        if (target_start(&target, "/v1/keys", &err) != RC_OK ||
            target_segment(&target, args->names[i], &err) != RC_OK ||
            client_call(client, &call, &result, &err) != RC_OK)
            code = complain(args->names[i], &err);
    }
    return code;
}
