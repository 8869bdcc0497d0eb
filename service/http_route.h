/* From method and path to a route: exact segments, {x} takes one. */
#ifndef SERVICE_HTTP_ROUTE_H
#define SERVICE_HTTP_ROUTE_H

#include "service/query.h"
#include "service/request.h"

struct route_match {
    const struct route *route; /* NULL: no such path, or not with this method */
    const char *arg[2];
    char allow[64]; /* methods of this path, "" when there is no such path */
};

/* HEAD is answered where GET is.  table ends with method NULL. */
void route_find(const struct route *table, const struct query *query, const char *method,
                struct route_match *ret);

#endif
