/*
 * Shared by http.c (listeners, start, stop), http_request.c (from the first byte to the hand-over)
 * and http_answer.c (from the handler's reply to the wire).
 *
 * An exchange is one request and its answer.  It belongs to the event thread of its listener,
 * except between crew_submit() and MHD_resume_connection(), when it belongs to a crew thread.
 * After an early answer the crew goes on with the request, and the event thread has the reply.
 *
 *   TARGET   request line seen, headers arriving
 *   BODY     admitted: body arriving, or none
 *   REFUSED  the reply is ready but must wait for the final call, so that the connection lives
 *   RUNNING  with a crew, connection suspended; the next call finds the reply
 *   QUEUED   the reply is with libmicrohttpd
 */
#ifndef SERVICE_HTTP_INTERNAL_H
#define SERVICE_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "service/http.h"
#include "service/http_body.h"
#include "service/http_deadline.h"
#include "service/http_listen.h"
#include "service/service.h"

enum { LISTENERS_MAX = 16, SIDE_CONNECTIONS = 64 };

enum listener_kind { LISTENER_MAIN, LISTENER_ADMIN, LISTENER_METRICS };

struct listener {
    struct http *http;
    enum listener_kind kind;
    struct listen_socket socket;
    struct MHD_Daemon *daemon;
};

struct http {
    struct service *service;
    struct deadlines *deadlines;
    struct body_budget budget;
    char *certificate, *key; /* PEM texts, NULL without TLS */
    unsigned max_connections;
    atomic_uint in_flight;   /* admitted and not yet completed */
    atomic_llong log_second; /* of the last warning about a request, and how many it had */
    atomic_uint log_count;
    size_t n_listeners;
    struct listener listener[LISTENERS_MAX];
};

enum stage { STAGE_TARGET, STAGE_BODY, STAGE_REFUSED, STAGE_RUNNING, STAGE_QUEUED };

/* Freed by the last of its two holders: the connection, and the crew that works on it. */
struct exchange {
    atomic_uint holders;
    struct listener *from;
    struct MHD_Connection *connection;
    struct peer *peer;
    enum stage stage;
    bool counted;         /* in http->in_flight */
    bool answered_early;  /* the crew's */
    bool has_last_words;  /* the peer has, until the body begins */
    bool body_may_follow; /* until the head says that there is none */
    int64_t body_began_ns;
    char method[16];
    char *target;        /* raw */
    uintptr_t target_at; /* where it lay */
    struct body body;
    struct request rq;
};

/* Whether its connections speak TLS. */
bool listener_wants_tls(const struct listener *listener);

/* http_request.c: libmicrohttpd's callbacks; cls is the listener. */
void *http_on_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_on_call(void *cls, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *size, void **con_cls);
void http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code);
void http_on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);

/* http_answer.c */

/* One of the holders is done with it.  NULL: harmless. */
void exchange_drop(struct exchange *ex);

/*
 * Runs the handler; afterwards the body is gone and rq.reply is filled, or was sent early.  False:
 * it was given to another crew and is no longer the caller's.
 */
bool exchange_run(struct exchange *ex, unsigned member);
/* Turns an error into the reply; status 0: by err's kind. */
void exchange_fail(struct exchange *ex, unsigned status, const struct err *err);
/* Gives the reply to libmicrohttpd.  MHD_NO closes the connection. */
enum MHD_Result exchange_answer(struct exchange *ex);

#endif
