/*
 * The scans behind ham_scan(), plain and per instruction set, and what they share.
 *
 * A fast scan only finds out cheaply, block by block, whether any row may be near: half of a hash
 * is looked at, for two random hashes are nearly always further apart than the radius in that
 * half already.  What may be near goes through ham_take_row(), the same code for all.
 */
#ifndef HASHING_HAM_KERNELS_H
#define HASHING_HAM_KERNELS_H

#include "hashing/ham.h"

struct ham_pass {
    const struct pdq_hash *rows;
    size_t n;
    const struct pdq_hash *queries;
    unsigned n_queries;
    unsigned radius;
    struct ham_hit *hits;
    size_t cap;
    size_t n_hits;
};

struct ham_kernel {
    const char *name;
    /* Returns the row at which it stopped. */
    size_t (*scan)(struct ham_pass *p);
    /* As ham_pick(). */
    size_t (*pick)(const struct pdq_hash *rows, const uint32_t *row, size_t n,
                   const struct pdq_hash *query, unsigned radius, struct ham_hit *hits);
};

extern const struct ham_kernel ham_kernel_plain;
#if defined(__x86_64__)
extern const struct ham_kernel ham_kernel_avx2;
extern const struct ham_kernel ham_kernel_avx512;
#elif defined(__aarch64__)
extern const struct ham_kernel ham_kernel_neon;
#endif

/* Notes the picked row when it is near; returns how many there are now. */
static inline size_t ham_note_picked(struct ham_hit *hits, size_t n, size_t i, unsigned distance,
                                     unsigned radius)
{
    hits[n] = (struct ham_hit){.row = (uint32_t)i, .query = 0, .distance = (uint16_t)distance};
    return n + (distance <= radius);
}

/* Whether the next row's hits might not fit: the pass stops here, whatever that row holds. */
static inline bool ham_full(const struct ham_pass *p)
{
    return p->n_hits >= p->cap - HAM_QUERIES;
}

static inline void ham_take_row(struct ham_pass *p, size_t row)
{
    for (unsigned q = 0; q < p->n_queries; q++) {
        unsigned d = pdq_distance(&p->rows[row], &p->queries[q]);
        if (d <= p->radius)
            p->hits[p->n_hits++] = (struct ham_hit){
                .row = (uint32_t)row, .query = (uint16_t)q, .distance = (uint16_t)d};
    }
}

/* Takes rows from `from` on, to `to` or until full; returns the first one not taken. */
static inline size_t ham_take_rows(struct ham_pass *p, size_t from, size_t to)
{
    while (from < to && !ham_full(p))
        ham_take_row(p, from++);
    return from;
}

#endif
