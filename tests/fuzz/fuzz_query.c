/* Request targets. */
#include "service/query.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
    MUST(text_is_utf8(text, strlen(text)));
    for (const char *c = text; *c != '\0'; c++)
        MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
}

/* Only the last segment may be empty: the path then ends with a slash. */
static void check_path(const struct query *query)
{
    MUST(query->n_segments <= QUERY_SEGMENTS);
    for (unsigned i = 0; i < query->n_segments; i++) {
        const char *segment = query->segment[i];
        check_text(segment);
        MUST(strpbrk(segment, "/\\") == NULL);
        MUST(strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0);
        MUST(segment[0] != '\0' || i + 1 == query->n_segments);
    }
}

static void check_params(const struct query *query)
{
    static const char *const none[] = {NULL};
    const char *all[QUERY_PARAMS + 1] = {NULL};
    struct err err;

    MUST(query->n_params <= QUERY_PARAMS);
    for (unsigned i = 0; i < query->n_params; i++) {
        check_text(query->param[i].name);
        check_text(query->param[i].value);
        MUST(query->param[i].name[0] != '\0');
        MUST(query_get(query, query->param[i].name) == query->param[i].value);
        all[i] = query->param[i].name;
    }
    MUST(query_only(query, all, &err) == RC_OK);
    enum rc rc = query_only(query, none, &err);
    MUST((rc == RC_OK) == (query->n_params == 0));
    if (rc != RC_OK)
        must_refuse(rc, RC_INPUT, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(mem_free) char *target = text_of(bytes_of(data, size));
    struct query query = {0};
    struct err err;
    enum rc rc = query_parse(target, &query, &err);
    if (rc == RC_OK) {
        MUST(target[0] == '/');
        check_path(&query);
        check_params(&query);
    } else {
        must_refuse(rc, RC_INPUT, &err);
        MUST(query.text == NULL);
    }
    query_clear(&query);
    return 0;
}
