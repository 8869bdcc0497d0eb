/*
 * Deadlines of connections.  libmicrohttpd's own timeout only sees inactivity: a client that
 * sends a byte now and then lives for ever.  Here every connection has one moment by which its
 * current phase must be over; a watchdog thread shuts the socket down when it has passed.
 *
 * It also drains for a few seconds what a refused client is still sending after its connection
 * was closed: without that the kernel answers with a reset, which may destroy the refusal before
 * the client has read it.
 *
 * The descriptor of a peer is valid until peer_close(), which takes the watchdog's lock: a
 * descriptor that was closed and opened anew for somebody else is never shut down.
 */
#ifndef SERVICE_HTTP_DEADLINE_H
#define SERVICE_HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

struct deadlines;
struct peer;

MUST_CHECK enum rc deadlines_new(struct deadlines **ret, struct err *err);
/* Every peer must have been closed. */
void deadlines_free(struct deadlines *d);
SCOPED_DEFINE(deadlines_free, struct deadlines *)

/* How many peers are open, and how many were ever cut. */
unsigned deadlines_open(const struct deadlines *d);
uint64_t deadlines_cut(const struct deadlines *d);

/* NULL: no memory; the connection must not be served then. */
struct peer *peer_open(struct deadlines *d, int fd, int64_t at_ns);

/* Call before fd is closed.  NULL: harmless. */
void peer_close(struct peer *peer);

/* Whether its close shall drain what the client still sends; any thread, default no. */
void peer_linger(struct peer *peer, bool linger);

/*
 * What is sent, when the deadline passes, before the socket is shut down: a whole answer, copied.
 * Only where nobody else may be sending: a request whose body has not begun, without TLS.  NULL:
 * nothing; no memory: nothing either.
 */
void peer_last_words(struct peer *peer, const char *text);

/* at_ns: by clock_mono_ns(); 0: none. */
void peer_deadline(struct peer *peer, int64_t at_ns);
/* The same, but never later than what is set already. */
void peer_deadline_sooner(struct peer *peer, int64_t at_ns);

#endif
