/*
 * Fails the n-th allocation that our own code makes (linked with -Wl,--wrap).
 *
 *     for (unsigned nth = 1;; nth++) {
 *         oom_arm(nth);
 *         enum rc rc = thing_new(&thing, &err);
 *         if (!oom_disarm()) { …no allocation failed: the run passed untouched; stop… }
 *         …expect RC_NOMEM, no leak, nothing half-made…
 *     }
 */
#ifndef TESTS_SUPPORT_OOM_H
#define TESTS_SUPPORT_OOM_H

#include <stdbool.h>

void oom_arm(unsigned nth);

/* Whether an allocation failed since oom_arm(). */
bool oom_disarm(void);

#endif
