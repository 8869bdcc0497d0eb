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

static size_t pick(const struct pdq_hash *rows, const uint32_t *row, size_t n,
                   const struct pdq_hash *query, unsigned radius, struct ham_hit *hits)
{
    uint8x16_t low = vreinterpretq_u8_u64(vld1q_u64(query->w));
    uint8x16_t high = vreinterpretq_u8_u64(vld1q_u64(query->w + 2));
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        const uint64_t *w = rows[row[i]].w;
        uint8x16_t a = vcntq_u8(veorq_u8(vreinterpretq_u8_u64(vld1q_u64(w)), low));
        uint8x16_t b = vcntq_u8(veorq_u8(vreinterpretq_u8_u64(vld1q_u64(w + 2)), high));
        found = ham_note_picked(hits, found, i, vaddlvq_u8(vaddq_u8(a, b)), radius);
    }
    return found;
}

const struct ham_kernel ham_kernel_neon = {.name = "neon", .scan = scan, .pick = pick};
