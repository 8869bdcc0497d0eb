/* Compiled with -mavx512f, vl, bw and vpopcntdq; called only where the processor has them all. */
#include <immintrin.h>

#include "hashing/ham_kernels.h"

enum { ROWS = 8 };

/* Whether any of eight rows is within the radius of any query in words 0 and 1. */
static inline bool any_near(const struct ham_pass *p, const struct pdq_hash *rows)
{
    /* Of two registers of two rows each: word 0 of all four, then word 1 of all four. */
    const __m512i gather = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
    const __m512i radius = _mm512_set1_epi64((long long)p->radius);
    __m512i low =
        _mm512_permutex2var_epi64(_mm512_loadu_si512(rows), gather, _mm512_loadu_si512(rows + 2));
    __m512i high = _mm512_permutex2var_epi64(_mm512_loadu_si512(rows + 4), gather,
                                             _mm512_loadu_si512(rows + 6));
    __m512i word0 = _mm512_shuffle_i64x2(low, high, 0x44);
    __m512i word1 = _mm512_shuffle_i64x2(low, high, 0xee);
    unsigned near = 0;

    for (unsigned q = 0; q < p->n_queries; q++) {
        __m512i query0 = _mm512_set1_epi64((long long)p->queries[q].w[0]);
        __m512i query1 = _mm512_set1_epi64((long long)p->queries[q].w[1]);
        __m512i distance = _mm512_add_epi64(_mm512_popcnt_epi64(_mm512_xor_si512(word0, query0)),
                                            _mm512_popcnt_epi64(_mm512_xor_si512(word1, query1)));
        near |= _mm512_cmple_epu64_mask(distance, radius);
    }
    return near != 0;
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
    const __m256i wanted = _mm256_loadu_si256((const __m256i *)(const void *)query);
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        __m256i hash = _mm256_loadu_si256((const __m256i *)(const void *)&rows[row[i]]);
        __m256i bits = _mm256_popcnt_epi64(_mm256_xor_si256(hash, wanted));
        __m128i half =
            _mm_add_epi64(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
        unsigned distance = (unsigned)(_mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1));
        found = ham_note_picked(hits, found, i, distance, radius);
    }
    return found;
}

const struct ham_kernel ham_kernel_avx512 = {.name = "avx512", .scan = scan, .pick = pick};
