/*
 * Distances of a few query hashes to a long block of stored ones: the inner loop of the index.
 *
 * The kernel is chosen once by ham_self_test() among plain, AVX2, AVX-512 (VPOPCNTDQ) and NEON,
 * each in its own file with its own compiler flags.  Any thread after that.
 */
#ifndef HASHING_HAM_H
#define HASHING_HAM_H

#include "hashing/pdq.h"

enum { HAM_QUERIES = 8 }; /* at most so many queries share one pass over memory */

struct ham_hit {
    uint32_t row;   /* which stored hash */
    uint16_t query; /* which query */
    uint16_t distance;
};

/*
 * Writes every (row, query) with distance <= radius among rows[0..n), rows ascending, up to cap
 * hits, and returns the row at which it stopped: n when all were examined, or the first row not
 * examined because cap - HAM_QUERIES hits were reached.  cap must be >= 2*HAM_QUERIES.
 * rows need 8-byte alignment only.
 */
size_t ham_scan(const struct pdq_hash *rows, size_t n, const struct pdq_hash *queries,
                unsigned n_queries, unsigned radius, struct ham_hit *hits, size_t cap,
                size_t *ret_hits);

/*
 * The same for one query and rows[row[0..n)], each fetched before as the caller thinks best; hits
 * have the place in row[] as their row, and room for n.  Returns how many there are.
 */
size_t ham_pick(const struct pdq_hash *rows, const uint32_t *row, size_t n,
                const struct pdq_hash *query, unsigned radius, struct ham_hit *hits);

/* As frame_hasher_self_test(). */
const char *ham_self_test(const char **ret_disagreed);
bool ham_use(const char *kernel);

#endif
