/* Does openapi.json describe the service that we have: every route, parameter and scope? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "service/handlers.h"
#include "service/json_in.h"
#include "service/openapi.h"
#include "service/request.h"
#include "tests/support/oom.h"

static json_t *document;

static int load(void **state)
{
    (void)state;
    json_error_t error;
    document =
        json_loadb((const char *)openapi_json, openapi_json_length, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL)
        print_error("openapi.json:%d: %s\n", error.line, error.text);
    return document == NULL;
}

static int unload(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

/* Follows "#/components/…", else gives the value itself. */
static json_t *resolved(json_t *value)
{
    const char *ref = json_string_value(json_object_get(value, "$ref"));
    if (ref == NULL)
        return value;
    char text[128];
    assert_true(strncmp(ref, "#/", 2) == 0 && strlen(ref) < sizeof text);
    memcpy(text, ref + 2, strlen(ref + 2) + 1);
    json_t *at = document;
    char *left = text;
    for (char *step; (step = strsep(&left, "/")) != NULL;)
        at = json_object_get(at, step);
    if (at == NULL)
        fail_msg("%s leads nowhere", ref);
    return at;
}

static json_t *operation(const char *pattern, const char *method)
{
    char lower[16] = "";
    for (size_t i = 0; method[i] != '\0' && i + 1 < sizeof lower; i++)
        lower[i] = (char)(method[i] | 0x20);
    json_t *path = json_object_get(json_object_get(document, "paths"), pattern);
    return json_object_get(path, lower);
}

static void every_route_is_described(void **state)
{
    (void)state;
    for (const struct route *r = routes; r->method != NULL; r++)
        if (operation(r->pattern, r->method) == NULL)
            fail_msg("%s %s is not in openapi.json", r->method, r->pattern);
}

static bool routed(const char *pattern, const char *lower)
{
    for (const struct route *r = routes; r->method != NULL; r++)
        if (strcmp(r->pattern, pattern) == 0 && strcasecmp(r->method, lower) == 0)
            return true;
    return false;
}

static void every_description_has_a_route(void **state)
{
    (void)state;
    const char *pattern, *method;
    json_t *path, *op;
    json_object_foreach(json_object_get(document, "paths"), pattern, path) json_object_foreach(
        path, method, op) if (strcmp(method, "parameters") != 0 && !routed(pattern, method))
        fail_msg("%s %s is described but not served", method, pattern);
}

static bool takes(const struct route *r, const char *name)
{
    for (size_t i = 0; r->params != NULL && r->params[i] != NULL; i++)
        if (strcmp(r->params[i], name) == 0)
            return true;
    return false;
}

static void query_parameters_agree(void **state)
{
    (void)state;
    for (const struct route *r = routes; r->method != NULL; r++) {
        size_t i, described = 0, taken = 0;
        json_t *one;
        json_array_foreach(json_object_get(operation(r->pattern, r->method), "parameters"), i, one)
        {
            const char *name = json_string_value(json_object_get(resolved(one), "name"));
            described++;
            if (!takes(r, name))
                fail_msg("%s %s does not take %s=", r->method, r->pattern, name);
        }
        while (r->params != NULL && r->params[taken] != NULL)
            taken++;
        if (described != taken)
            fail_msg("%s %s takes %zu parameters, %zu are described", r->method, r->pattern, taken,
                     described);
    }
}

static void scopes_agree(void **state)
{
    (void)state;
    for (const struct route *r = routes; r->method != NULL; r++) {
        json_t *security = json_object_get(operation(r->pattern, r->method), "security");
        json_t *bearer = json_object_get(json_array_get(security, 0), "bearer");
        const char *scope = json_string_value(json_array_get(bearer, 0));
        unsigned said = scope == NULL ? 0 : scopes_parse(scope);
        if (said != r->scope)
            fail_msg("%s %s: scope %u is described as %u", r->method, r->pattern, r->scope, said);
    }
}

/* Every "$ref" anywhere leads somewhere. */
static void check_refs(json_t *value)
{
    const char *key;
    size_t i;
    json_t *inner;
    (void)resolved(value);
    json_object_foreach(value, key, inner) check_refs(inner);
    json_array_foreach(value, i, inner) check_refs(inner);
}

static void references_lead_somewhere(void **state)
{
    (void)state;
    check_refs(document);
    assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
}

static void the_table_is_well_formed(void **state)
{
    (void)state;
    for (const struct route *r = routes; r->method != NULL; r++) {
        assert_non_null(r->handler);
        assert_int_equal(r->pattern[0], '/');
        bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "DELETE") == 0;
        assert_true(reads == (r->body == BODY_NONE));
        if (r->scope == 0)
            assert_int_equal(r->body, BODY_NONE);
    }
}

static void is_served_as_it_lies(void **state)
{
    (void)state;
    struct request rq = {0};
    struct err err = {0};

    reply_init(&rq.reply);
    oom_arm(1);
    assert_int_equal(health_openapi(NULL, &rq, 0, &err), RC_NOMEM);
    assert_true(oom_disarm());
    assert_int_equal(health_openapi(NULL, &rq, 0, &err), RC_OK);
    assert_int_equal(rq.reply.status, 200);
    assert_int_equal(rq.reply.length, openapi_json_length);
    assert_memory_equal(rq.reply.body, openapi_json, openapi_json_length);
    reply_clear(&rq.reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_description_has_a_route),
        cmocka_unit_test(query_parameters_agree),
        cmocka_unit_test(scopes_agree),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(the_table_is_well_formed),
        cmocka_unit_test(is_served_as_it_lies),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
