/* Repeatable randomness: splitmix64; the seed is printed and settable by TEST_SEED. */
#ifndef TESTS_SUPPORT_RND_H
#define TESTS_SUPPORT_RND_H

#include <stdint.h>

struct rnd {
    uint64_t state;
};

/* From TEST_SEED or the time; prints it. */
struct rnd rnd_from_environment(void);
uint64_t rnd_next(struct rnd *r);
/* 0..n-1 */
uint64_t rnd_below(struct rnd *r, uint64_t n);

#endif
