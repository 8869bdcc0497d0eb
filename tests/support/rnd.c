#include "tests/support/rnd.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct rnd rnd_from_environment(void)
{
    const char *seed = getenv("TEST_SEED");
    struct rnd r = {.state = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL)};
    printf("TEST_SEED=%llu\n", (unsigned long long)r.state);
    return r;
}

uint64_t rnd_next(struct rnd *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

uint64_t rnd_below(struct rnd *r, uint64_t n)
{
    return rnd_next(r) % n;
}
