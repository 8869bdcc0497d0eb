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

/* Stops accepting; requests under way are answered until the deadline. */
void http_quiesce(struct http *http);

/* After the crews have stopped: closes everything. */
void http_free(struct http *http);
SCOPED_DEFINE(http_free, struct http *)

unsigned http_connections(const struct http *http);

#endif
