/* Compiled for aarch64 only, where every processor has these instructions. */
#include <arm_neon.h>

#include "hashing/ham_kernels.h"

/* Whether the row is within the radius of any query in words 0 and 1. */
static inline bool near_in_half(const struct ham_pass *p, const struct pdq_hash *row)
{
    uint8x16_t half = vreinterpretq_u8_u64(vld1q_u64(row->w));

    for (unsigned q = 0; q < p->n_queries; q++) {
        uint8x16_t query = vreinterpretq_u8_u64(vld1q_u64(p->queries[q].w));
        if (vaddlvq_u8(vcntq_u8(veorq_u8(half, query))) <= p->radius)
            return true;
    }
    return false;
}

static size_t scan(struct ham_pass *p)
{
    size_t i = 0;

    while (i < p->n && !ham_full(p)) {
        if (near_in_half(p, &p->rows[i]))
            ham_take_row(p, i);
        i++;
    }
    return i;
}

const struct ham_kernel ham_kernel_neon = {.name = "neon", .scan = scan};
