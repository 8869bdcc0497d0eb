/* Does each kind of error become the status and the words that the caller may see? */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/json_in.h"
#include "service/reply.h"
#include "tests/support/oom.h"

static const char *member(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));
    return value != NULL ? value : "(none)";
}

static json_t *parse(const struct reply *reply)
{
    json_t *json = json_loadb(reply->body, reply->length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static const struct {
    enum rc rc;
    unsigned status;
    const char *type;
    bool inner; /* its own words stay inside */
} kinds[] = {
    {RC_INPUT, 400, "malformed-request", false},
    {RC_AUTH, 401, "unauthorized", false},
    {RC_DENIED, 403, "forbidden", false},
    {RC_NOTFOUND, 404, "not-found", false},
    {RC_CONFLICT, 409, "conflict", false},
    {RC_TOO_LARGE, 413, "too-large", false},
    {RC_NOT_MEDIA, 415, "not-media", false},
    {RC_UNDECODABLE, 422, "undecodable-media", false},
    {RC_LIMIT, 422, "media-limit", false},
    {RC_RATE, 429, "rate-limit", false},
    {RC_BUSY, 503, "overloaded", false},
    {RC_TIMEOUT, 503, "timeout", false},
    {RC_NOMEM, 503, "overloaded", true},
    {RC_SYS, 500, "internal", true},
    {RC_STORE, 503, "store", true},
    {RC_ELSEWHERE, 500, "internal", true},
};

static void each_kind_has_its_status_and_type(void **state)
{
    (void)state;
    assert_int_equal(sizeof kinds / sizeof kinds[0], RC_COUNT - 1);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct reply reply;
        struct err err;

        reply_init(&reply);
        err_set(&err, kinds[i].rc, HERE, "own words of %s", "/var/lib/secret");
        assert_int_equal(reply_status(kinds[i].rc), kinds[i].status);
        reply_problem(&reply, &err, "the-id", NULL);
        assert_int_equal(reply.status, kinds[i].status);
        assert_string_equal(reply.content_type, "application/problem+json");
        assert_int_equal(kinds[i].status == 503 || kinds[i].status == 429, reply.retry_after > 0);

        SCOPED(json_free) json_t *json = parse(&reply);
        assert_string_equal(member(json, "type"), kinds[i].type);
        assert_string_equal(member(json, "request_id"), "the-id");
        assert_true(strlen(member(json, "title")) > 3);
        assert_int_equal(json_integer_value(json_object_get(json, "status")), kinds[i].status);
        assert_int_equal(strstr(member(json, "detail"), "secret") == NULL, kinds[i].inner);
        reply_clear(&reply);
    }
}

static void a_conflict_names_what_exists(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;

    reply_init(&reply);
    err_set(&err, RC_CONFLICT, HERE, "listed already");
    strcpy(err.ref, "01J8");
    reply_problem(&reply, &err, "r", json_pack("{s:i, s:s}", "line", 7, "title", "forged"));
    SCOPED(json_free) json_t *json = parse(&reply);
    assert_string_equal(member(json, "entry"), "01J8");
    assert_int_equal(json_integer_value(json_object_get(json, "line")), 7);
    assert_string_equal(member(json, "title"), "Exists already"); /* extra adds, never replaces */
    reply_clear(&reply);
}

static void retry_after_is_the_errors_or_the_default(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;

    reply_init(&reply);
    err_set(&err, RC_RATE, HERE, "spent");
    err.retry = 17;
    reply_problem(&reply, &err, "r", NULL);
    assert_int_equal(reply.retry_after, 17);
    err.retry = 0;
    reply_problem(&reply, &err, "r", NULL);
    assert_int_equal(reply.retry_after, 1);
    err_set(&err, RC_INPUT, HERE, "no");
    err.retry = 17;
    reply_problem(&reply, &err, "r", NULL);
    assert_int_equal(reply.retry_after, 0);
    reply_clear(&reply);
}

/* Messages quote the caller, and may be cut within a character. */
static void hostile_words_stay_json(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;

    reply_init(&reply);
    err_set(&err, RC_INPUT, HERE, "name \"\xc3\x28\xff\" \\ \xe2\x82");
    reply_problem(&reply, &err, "r", NULL);
    SCOPED(json_free) json_t *json = parse(&reply);
    assert_non_null(strstr(member(json, "detail"), "\\xff\" \\"));
    reply_clear(&reply);
}

static void a_problem_replaces_what_was_begun(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;
    int ends[2];

    reply_init(&reply);
    assert_int_equal(pipe(ends), 0);
    reply.fd = ends[0];
    strcpy(reply.location, "/v1/banks/A");
    err_set(&err, RC_NOTFOUND, HERE, "gone");
    reply_problem(&reply, &err, "r", NULL);
    assert_int_equal(reply.fd, -1);
    assert_string_equal(reply.location, "");
    assert_int_equal(write(ends[1], "x", 1), -1); /* the reading end was closed */
    close(ends[1]);
    reply_clear(&reply);
}

static void the_protocols_own_refusals(void **state)
{
    (void)state;
    static const unsigned statuses[] = {400, 405, 413, 414, 417, 431};
    enum { N = sizeof statuses / sizeof *statuses };

    for (size_t i = 0; i < N; i++) {
        struct reply reply;
        reply_init(&reply);
        reply_problem_status(&reply, statuses[i], "why", "r");
        assert_int_equal(reply.status, statuses[i]);
        SCOPED(json_free) json_t *json = parse(&reply);
        assert_string_equal(member(json, "detail"), "why");
        reply_clear(&reply);
    }
}

static void json_text_and_static_bodies(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;

    reply_init(&reply);
    assert_int_equal(reply_json(&reply, 201, json_pack("{s:i}", "a", 1), &err), RC_OK);
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply.body, "{\"a\":1}");
    assert_int_equal(reply.length, 7);
    reply_text(&reply, 200, "text/plain", strdup("hi"), 2);
    assert_string_equal(reply.body, "hi");
    assert_int_equal(reply_static(&reply, 200, "text/plain", "abc", 2, &err), RC_OK);
    assert_string_equal(reply.body, "ab");
    assert_int_equal(reply_json(&reply, 200, NULL, &err), RC_NOMEM);
    assert_int_equal(reply_json(&reply, 200, json_pack("{s:o}", "a", NULL), &err), RC_NOMEM);
    reply_clear(&reply);
    assert_int_equal(reply.fd, -1);
}

static void *fails(size_t n)
{
    (void)n;
    return NULL;
}

static void a_problem_needs_no_memory(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;
    json_malloc_t ours_malloc;
    json_free_t ours_free;

    reply_init(&reply);
    err_set(&err, RC_STORE, HERE, "disk");
    json_get_alloc_funcs(&ours_malloc, &ours_free);
    json_set_alloc_funcs(fails, ours_free);
    reply_problem(&reply, &err, "r", NULL);
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply.body, "{\"type\":\"about:blank\",\"title\":\"Error\"}");
    oom_arm(1);
    reply_problem(&reply, &err, "r", NULL);
    assert_true(oom_disarm());
    json_set_alloc_funcs(ours_malloc, ours_free);
    assert_int_equal(reply.status, 503);
    assert_int_equal(reply.length, 0);
    reply_clear(&reply);
}

static void survives_a_failed_allocation(void **state)
{
    (void)state;
    struct reply reply;
    struct err err;

    reply_init(&reply);
    oom_arm(1);
    assert_int_equal(reply_static(&reply, 200, "text/plain", "abc", 3, &err), RC_NOMEM);
    assert_true(oom_disarm());
    assert_null(reply.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_status_and_type),
        cmocka_unit_test(a_conflict_names_what_exists),
        cmocka_unit_test(retry_after_is_the_errors_or_the_default),
        cmocka_unit_test(hostile_words_stay_json),
        cmocka_unit_test(a_problem_replaces_what_was_begun),
        cmocka_unit_test(the_protocols_own_refusals),
        cmocka_unit_test(json_text_and_static_bodies),
        cmocka_unit_test(a_problem_needs_no_memory),
        cmocka_unit_test(survives_a_failed_allocation),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
