/*
 * How exact search by chunks works: which chunks of a hash are looked up how widely.
 *
 * A hash is a ring of 16 chunks of 16 bits.  Chunk i has a radius r_i with sum(r_i + 1) = T + 1 for
 * a threshold T.  Let d_i be what two hashes differ in at chunk i, and d_0 + … + d_15 <= T.  Then
 * sum(d_i - (r_i + 1)) < 0, so somewhere on the ring there is a start i from which every partial
 * sum is negative (the cycle lemma), in particular
 *     d_i <= r_i,   d_i + d_i+1 <= r_i + r_i+1 + 1,   d_i + d_i+1 + d_i+2 <= … + 2.
 * So it is enough to look at every chunk i for hashes with d_i <= r_i, and most of what is found by
 * chance is seen to be none by the 16 bits of the next chunk.  (General pigeonhole principle, Qin
 * et al., 2018; the ring: Qin and Xiao, "Pigeonring", VLDB 2018.)
 */
#ifndef DB_CHUNK_PLAN_H
#define DB_CHUNK_PLAN_H

#include "hashing/pdq.h"

enum {
    CHUNKS = 16,
    CHUNK_BITS = 16,
    CHUNK_VALUES = 1 << CHUNK_BITS,
    CHUNK_THRESHOLD_MAX = 63 /* beyond it the radii are so wide that a scan is no slower */
};

struct chunk_plan {
    int8_t radius[CHUNKS];   /* r_i; -1: the chunk is not looked up */
    uint8_t pair[CHUNKS];    /* the most that d_i + d_i+1 may be */
    uint8_t triple[CHUNKS];  /* the most that d_i + d_i+1 + d_i+2 may be */
    uint32_t probes[CHUNKS]; /* values within the radius */
};

/* threshold <= CHUNK_THRESHOLD_MAX. */
void chunk_plan_for(unsigned threshold, struct chunk_plan *ret);

/* All of a plan's probes. */
uint32_t chunk_plan_probes(const struct chunk_plan *plan);

/*
 * The lowest chunk by which two hashes within the threshold find each other, when the third chunk
 * is looked at (triple) or not.  A search tells of a hash when it finds it by this chunk, and so
 * only once.
 */
unsigned chunk_plan_first(const struct chunk_plan *plan, bool triple, const struct pdq_hash *a,
                          const struct pdq_hash *b);

static inline unsigned chunk_of(const struct pdq_hash *hash, unsigned i)
{
    return (unsigned)(hash->w[i / 4] >> (i % 4 * CHUNK_BITS)) & (CHUNK_VALUES - 1);
}

/*
 * What to turn in a chunk next, fewest bits first: 0, each bit, each two, …  Of as many bits the
 * next greater number; the caller stops after as many as the plan has probes.
 */
static inline uint32_t chunk_next_flips(uint32_t flips)
{
    if (flips == 0)
        return 1;
    uint32_t low = flips & -flips, up = flips + low;
    uint32_t next = up | (flips ^ up) >> 2 >> __builtin_ctz(low);
    if (next < CHUNK_VALUES)
        return next;
    /* All of them are at the upper end: one more, at the lower. */
    return (UINT32_C(2) << (CHUNK_BITS - __builtin_ctz(flips))) - 1;
}

#endif
