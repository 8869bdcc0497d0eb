/*
 * The network: listeners, limits, deadlines, and the hand-over of requests to crews.  The only
 * part that includes microhttpd.h.
 */
#ifndef SERVICE_HTTP_H
#define SERVICE_HTTP_H

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

struct service;
struct http;

/*
 * Binds every listener of the configuration ([http] listen, admin_socket, [metrics] listen),
 * starts serving and writes address_file.  RC_SYS, RC_INPUT.
 */
MUST_CHECK enum rc http_start(struct service *service, struct http **ret, struct err *err);

/*
 * The work of every crew that serves requests; ctx is the service.  Takes a request that
 * http_start() received through its handler and lets the connection go on.
 */
void http_work(void *ctx, unsigned member, void *item);

/*
 * Stops accepting and waits until the requests under way are answered, [http] stop_timeout at
 * most.  New ones on open connections, and those that still wait then, get 503.
 */
void http_quiesce(struct http *http);

/* After the crews have stopped, so that no request is with one: closes everything. */
void http_free(struct http *http);
SCOPED_DEFINE(http_free, struct http *)

/* Open now.  NULL: 0. */
unsigned http_connections(const struct http *http);

#endif
