/*
 * What the running service holds.  Made by main.c in start order, given to every handler.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/blocklist.h"
#include "db/store.h"
#include "service/auth.h"
#include "service/config.h"
#include "service/crew.h"
#include "service/decoders.h"
#include "service/metrics.h"
#include "service/request.h"

struct http;

struct service {
    struct config *config;
    struct store *store;
    struct blocklist *list;
    struct keyring *keys;
    struct metrics *metrics;
    struct decoder_programs programs;
    unsigned n_workers, n_video_workers;
    struct decoders media[WORKERS_MAX]; /* [i] belongs to member i of the media crew */
    struct decoders video[WORKERS_MAX]; /* of the video crew */
    struct crew *crew[CREWS];
    struct http *_Atomic http; /* NULL until it listens */
    pthread_mutex_t follow_lock;
    bool keys_stale;       /* under follow_lock: keys changed and are not reloaded yet */
    atomic_bool was_large; /* a request took much memory since memory was last given back */
    atomic_bool ready;     /* list loaded, workers up */
    atomic_bool stopping;
    atomic_bool abandoning; /* the stop's deadline has passed: what is not answered gets 503 */
};

/*
 * After a write: applies it to the list in memory, so that it counts in the very next check, and
 * reloads keys when they changed.
 */
MUST_CHECK enum rc service_follow(struct service *service, struct err *err);

#endif
