/* Compiled with -mavx2 -mpopcnt; called only where the processor has both. */
#include <immintrin.h>

#include "hashing/ham_kernels.h"

enum { ROWS = 4 };

/* Set bits of each byte, by looking its two halves up. */
static inline __m256i popcount_bytes(__m256i v)
{
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low_half = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(v, low_half);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), low_half);
    return _mm256_add_epi8(_mm256_shuffle_epi8(counts, low), _mm256_shuffle_epi8(counts, high));
}

static inline __m256i load_row(const struct pdq_hash *row)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)row);
}

/* Whether any of four rows is within the radius of any query in words 0 and 1. */
static inline bool any_near(const struct ham_pass *p, const struct pdq_hash *rows)
{
    const __m256i radius = _mm256_set1_epi64x((long long)p->radius);
    __m256i rows02 = _mm256_permute2x128_si256(load_row(rows), load_row(rows + 2), 0x20);
    __m256i rows13 = _mm256_permute2x128_si256(load_row(rows + 1), load_row(rows + 3), 0x20);
    __m256i word0 = _mm256_unpacklo_epi64(rows02, rows13);
    __m256i word1 = _mm256_unpackhi_epi64(rows02, rows13);
    __m256i far = _mm256_set1_epi64x(-1);

    for (unsigned q = 0; q < p->n_queries; q++) {
        __m256i query0 = _mm256_set1_epi64x((long long)p->queries[q].w[0]);
        __m256i query1 = _mm256_set1_epi64x((long long)p->queries[q].w[1]);
        __m256i bytes = _mm256_add_epi8(popcount_bytes(_mm256_xor_si256(word0, query0)),
                                        popcount_bytes(_mm256_xor_si256(word1, query1)));
        __m256i distance = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
        far = _mm256_and_si256(far, _mm256_cmpgt_epi64(distance, radius));
    }
    return _mm256_movemask_epi8(far) != -1;
}

static size_t scan(struct ham_pass *p)
{
    size_t i = 0;

    for (; i + ROWS <= p->n; i += ROWS) {
        if (!any_near(p, p->rows + i))
            continue;
        size_t stopped = ham_take_rows(p, i, i + ROWS);
        if (ham_full(p))
            return stopped;
    }
    return ham_take_rows(p, i, p->n);
}

static size_t pick(const struct pdq_hash *rows, const uint32_t *row, size_t n,
                   const struct pdq_hash *query, unsigned radius, struct ham_hit *hits)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found = ham_note_picked(hits, found, i, pdq_distance(&rows[row[i]], query), radius);
    return found;
}

const struct ham_kernel ham_kernel_avx2 = {.name = "avx2", .scan = scan, .pick = pick};
