#include "db/chunk_plan.h"

#include <assert.h>

#include "hashing/base/bits.h"

static uint32_t values_within(int radius)
{
    uint32_t values = 0, choose = 1;
    for (int k = 0; k <= radius; k++) {
        values += choose;
        choose = choose * (uint32_t)(CHUNK_BITS - k) / (uint32_t)(k + 1);
    }
    return values;
}

void chunk_plan_for(unsigned threshold, struct chunk_plan *ret)
{
    assert(threshold <= CHUNK_THRESHOLD_MAX);
    int each = (int)((threshold + 1) / CHUNKS) - 1;
    unsigned wider = (threshold + 1) % CHUNKS;

    for (unsigned i = 0; i < CHUNKS; i++) {
        ret->radius[i] = (int8_t)(each + (i < wider));
        ret->probes[i] = values_within(ret->radius[i]);
    }
    for (unsigned i = 0; i < CHUNKS; i++) {
        int two = ret->radius[i] + ret->radius[(i + 1) % CHUNKS] + 1;
        int three = two + ret->radius[(i + 2) % CHUNKS] + 1;
        ret->pair[i] = (uint8_t)(two < 0 ? 0 : two);
        ret->triple[i] = (uint8_t)(three < 0 ? 0 : three);
    }
}

uint32_t chunk_plan_probes(const struct chunk_plan *plan)
{
    uint32_t probes = 0;
    for (unsigned i = 0; i < CHUNKS; i++)
        probes += plan->probes[i];
    return probes;
}

unsigned chunk_plan_first(const struct chunk_plan *plan, bool triple, const struct pdq_hash *a,
                          const struct pdq_hash *b)
{
    int d[CHUNKS + 2]; /* once around the ring, and two more */
    for (unsigned w = 0; w < 4; w++) {
        uint64_t lanes = bits_of_lanes(a->w[w] ^ b->w[w]);
        for (unsigned k = 0; k < 4; k++)
            d[w * 4 + k] = (int)(lanes >> (k * CHUNK_BITS) & 0xffff);
    }
    d[CHUNKS] = d[0];
    d[CHUNKS + 1] = d[1];
    for (unsigned i = 0; i < CHUNKS; i++)
        if (d[i] <= plan->radius[i] && d[i] + d[i + 1] <= plan->pair[i] &&
            (!triple || d[i] + d[i + 1] + d[i + 2] <= plan->triple[i]))
            return i;
    return CHUNKS; /* further apart than the threshold */
}
