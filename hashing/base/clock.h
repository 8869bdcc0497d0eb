/*
 * Two clocks: monotonic for deadlines, budgets and timeouts; wall for what is recorded.
 * A step of the wall clock must never shorten or stretch a deadline.
 */
#ifndef HASHING_BASE_CLOCK_H
#define HASHING_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds since some fixed point; never goes back. */
static inline int64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* Milliseconds since 1970 UTC. */
static inline int64_t clock_wall_ms(void)
{
    return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

#endif
