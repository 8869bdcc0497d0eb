#include "service/http_route.h"

#include <stdio.h>
#include <string.h>

/* Takes the next segment of a pattern; its length, -1 when there is none. */
static int next_segment(const char **pattern, const char **ret)
{
    if (**pattern != '/')
        return -1;
    *ret = *pattern + 1;
    int n = (int)strcspn(*ret, "/");
    *pattern = *ret + n;
    return n;
}

static bool path_matches(const char *pattern, const struct query *query, const char *arg[2])
{
    unsigned n_args = 0;

    for (unsigned i = 0; i < query->n_segments; i++) {
        const char *want, *got = query->segment[i];
        int n = next_segment(&pattern, &want);
        if (n < 0)
            return false;
        if (want[0] == '{' && got[0] != '\0' && n_args < 2)
            arg[n_args++] = got;
        else if (strlen(got) != (size_t)n || memcmp(got, want, (size_t)n) != 0)
            return false;
    }
    return *pattern == '\0';
}

static void allow_add(char *allow, size_t size, const char *method)
{
    size_t used = strlen(allow);
    snprintf(allow + used, size - used, "%s%s", used > 0 ? ", " : "", method);
}

void route_find(const struct route *table, const struct query *query, const char *method,
                struct route_match *ret)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

    *ret = (struct route_match){0};
    for (const struct route *r = table; r->method != NULL; r++) {
        const char *arg[2] = {NULL, NULL};
        if (!path_matches(r->pattern, query, arg))
            continue;
        allow_add(ret->allow, sizeof ret->allow, r->method);
        if (strcmp(r->method, "GET") == 0)
            allow_add(ret->allow, sizeof ret->allow, "HEAD");
        if (ret->route == NULL && strcmp(r->method, wanted) == 0) {
            ret->route = r;
            ret->arg[0] = arg[0];
            ret->arg[1] = arg[1];
        }
    }
}
