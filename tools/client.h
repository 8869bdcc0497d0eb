/*
 * The service as the command line sees it: one call, one answer, over TCP or a unix socket.
 *
 * The only part that includes curl.  No redirects, no proxies for unix sockets; a problem
 * document becomes an err with the service's own words.
 */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include <stdio.h>

#include <jansson.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "tools/settings.h"

struct client;

MUST_CHECK enum rc client_new(const struct settings *settings, struct client **ret,
                              struct err *err);
/* Another connection with the same address and key, for another thread. */
MUST_CHECK enum rc client_again(const struct client *client, struct client **ret, struct err *err);
void client_free(struct client *client);
SCOPED_DEFINE(client_free, struct client *)

/* A path with a query that grows: values are percent-encoded. */
struct target {
    char *text; /* owned */
    bool has_query;
};
MUST_CHECK enum rc target_start(struct target *t, const char *path, struct err *err);
/* Appends "/" and the encoded segment. */
MUST_CHECK enum rc target_segment(struct target *t, const char *segment, struct err *err);
/* Appends name=value; nothing when value is NULL. */
MUST_CHECK enum rc target_param(struct target *t, const char *name, const char *value,
                                struct err *err);
void target_clear(struct target *t);
static inline void target_clear_scoped(struct target *t)
{
    target_clear(t);
}

struct call {
    const char *method;
    const struct target *target;
    const char *content_type; /* NULL: none */
    struct bytes body;        /* or */
    FILE *body_file;          /* read to its end; NULL: body */
    FILE *out;                /* a good answer goes here as it comes; NULL: into the result */
};

struct result {
    long status;
    char *text; /* owned, NUL-terminated; the body */
    size_t length;
};
void result_clear(struct result *result);
static inline void result_clear_scoped(struct result *result)
{
    result_clear(result);
}

/*
 * RC_OK for 2xx.  A problem document gives the matching kind with its detail, and err->retry the
 * seconds of Retry-After; ret is filled
 * whenever an answer came (so --json can show it).  RC_SYS when the service was not reached.
 */
MUST_CHECK enum rc client_call(struct client *client, const struct call *call, struct result *ret,
                               struct err *err);

/* The body as JSON; RC_INPUT when it is not. */
MUST_CHECK enum rc result_json(const struct result *result, json_t **ret, struct err *err);

static inline void json_free(json_t *json)
{
    json_decref(json);
}
SCOPED_DEFINE(json_free, json_t *)

#endif
