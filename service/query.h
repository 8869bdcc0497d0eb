/*
 * The request target: path segments and query parameters, decoded strictly.
 *
 * Refused with RC_INPUT and a reason: %00, encoded or doubled slashes, "." and ".." segments,
 * backslashes, broken percent signs, control bytes, text that is not UTF-8, a parameter given
 * twice, a fragment, an absolute URI, more than QUERY_PARAMS parameters.
 */
#ifndef SERVICE_QUERY_H
#define SERVICE_QUERY_H

#include "hashing/base/err.h"

enum { QUERY_PARAMS = 24, QUERY_SEGMENTS = 8 };

struct query {
    char *text; /* owned storage of all the strings */
    unsigned n_segments;
    const char *segment[QUERY_SEGMENTS];
    unsigned n_params;
    struct {
        const char *name, *value;
    } param[QUERY_PARAMS];
};

MUST_CHECK enum rc query_parse(const char *target, struct query *ret, struct err *err);
void query_clear(struct query *query);

/* NULL when absent. */
const char *query_get(const struct query *query, const char *name);

/* RC_INPUT naming the first parameter that is not in the NULL-terminated list. */
MUST_CHECK enum rc query_only(const struct query *query, const char *const *allowed,
                              struct err *err);

#endif
