/*
 * One HTTP request as handlers see it, and the table of routes.
 *
 * http.c receives: it checks target, headers, key, scope and size, gathers the body into a sealed
 * memfd, and hands the request to a crew.  A handler runs on a crew thread, may block, and fills
 * request->reply; http.c then sends it.  Handlers know no libmicrohttpd.
 */
#ifndef SERVICE_REQUEST_H
#define SERVICE_REQUEST_H

#include "hashing/base/bytes.h"
#include "service/auth.h"
#include "service/query.h"
#include "service/reply.h"

struct service;

enum crew_kind {
    CREW_NONE,   /* answered on the event thread: touches neither store nor decoder */
    CREW_MEDIA,  /* owns a sandboxed worker for pictures */
    CREW_VIDEO,  /* owns one for videos, and one for pictures: requests move here from MEDIA */
    CREW_LOOKUP, /* memory only */
    CREW_DESK,   /* the store */
    CREWS
};

enum body_kind { BODY_NONE, BODY_JSON, BODY_MEDIA, BODY_SIGNALS, BODY_LIST };

struct request;

/*
 * Fills rq->reply, or returns an error that becomes a problem document.  member: the crew
 * thread's number.  RC_ELSEWHERE from the media crew: the video crew runs the handler from its
 * start.
 */
typedef enum rc route_handler(struct service *service, struct request *rq, unsigned member,
                              struct err *err);

struct route {
    const char *method;
    const char *pattern; /* "/v1/banks/{bank}/entries": {x} takes one segment */
    unsigned scope;      /* any of these bits; 0: no key needed */
    enum crew_kind crew;
    enum body_kind body;
    const char *const *params; /* query parameters allowed, NULL-terminated; NULL: none */
    route_handler *handler;
};

/* In service/routes.c, ends with method NULL. */
extern const struct route routes[];

struct request {
    const struct route *route;
    char id[40]; /* X-Request-Id: echoed when it is [A-Za-z0-9._-]{1,36}, else a ULID */
    struct query query;
    const char *path_arg[2]; /* values of {x}, in order; NULL beyond */
    struct caller caller;
    char content_type[256]; /* "" for none */
    int body_fd;            /* sealed memfd, -1 when the body is empty */
    struct bytes body;      /* mapped read-only */
    int64_t started_ns;
    bool prefer_async;   /* Prefer: respond-async */
    enum crew_kind crew; /* whose thread runs the handler; CREW_NONE: the event thread */
    struct reply reply;

    /*
     * Sends rq->reply now, once, from a crew's handler.  The handler may go on with all of rq but
     * the reply, which is no longer its own, and must then return RC_OK.
     */
    void (*answer_early)(struct request *rq);
};

#endif
