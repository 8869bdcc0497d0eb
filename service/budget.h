/*
 * A token bucket: one key's budget of requests.  Pure; the caller holds the lock and reads the
 * clock.
 */
#ifndef SERVICE_BUDGET_H
#define SERVICE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
    double left;   /* below zero: in debt */
    int64_t at_ns; /* when `left` was true, monotonic; 0: never used, so full */
};

/*
 * Takes n at now_ns from a budget that fills with `rate` a second up to `burst` (both > 0).  What
 * is larger than the burst is let through when the budget is full, and leaves it in debt: one
 * request of many signals passes, the next one waits for all of them.  False when there is too
 * little: nothing is taken, *ret_retry says in how many seconds (at least 1) to ask again.
 */
bool budget_spend(struct budget *budget, double rate, double burst, double n, int64_t now_ns,
                  int *ret_retry);

#endif
