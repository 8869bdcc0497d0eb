/*
 * A crew: a few threads with one bounded queue.  Event threads hand requests over and never
 * block; beyond the bound crew_submit() refuses at once (503 with Retry-After).
 */
#ifndef SERVICE_CREW_H
#define SERVICE_CREW_H

#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

struct crew;

/* Runs on a crew thread; member is 0..threads-1 and lets a thread own things (its worker). */
typedef void crew_work(void *ctx, unsigned member, void *item);

/* Runs on a crew thread that has waited for an item for CREW_IDLE_MS, and again after each. */
typedef void crew_idle(void *ctx, unsigned member);
enum { CREW_IDLE_MS = 500 };

MUST_CHECK enum rc crew_new(const char *name, unsigned threads, unsigned queue, crew_work *work,
                            void *ctx, struct crew **ret, struct err *err);

/* What its members do while they wait; before it is called they only wait. */
void crew_when_idle(struct crew *crew, crew_idle *idle);

/* RC_BUSY when the queue is full or the crew is stopping. */
MUST_CHECK enum rc crew_submit(struct crew *crew, void *item, struct err *err);

/* Finishes what is queued, then joins the threads.  Refuses new work from the call on. */
void crew_stop(struct crew *crew);
void crew_free(struct crew *crew); /* stops first */
SCOPED_DEFINE(crew_free, struct crew *)

size_t crew_queued(const struct crew *crew);
size_t crew_running(const struct crew *crew);

#endif
