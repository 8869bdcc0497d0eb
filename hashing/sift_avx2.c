/* Compiled with -mavx2 -mpopcnt; called only where the processor has both. */
#include <immintrin.h>

#include "hashing/sift_kernels.h"

enum { LANES = 16 };

/* Set bits of each 16-bit lane: those of its four half-bytes, looked up and added. */
static inline __m256i popcount_lanes(__m256i v)
{
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low_half = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(v, low_half));
    __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(v, 4), low_half));
    return _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
}

static size_t near_avx2(const uint16_t *signature, size_t n, uint16_t from, unsigned limit,
                        uint32_t *near)
{
    const __m256i every = _mm256_set1_epi16((short)from);
    const __m256i most = _mm256_set1_epi16((short)limit);
    size_t found = 0;

    for (size_t i = 0; i < n; i += LANES) {
        __m256i lanes = _mm256_loadu_si256((const __m256i *)(const void *)(signature + i));
        __m256i far = _mm256_cmpgt_epi16(popcount_lanes(_mm256_xor_si256(lanes, every)), most);
        /* Two bits for each lane. */
        uint32_t mask = ~(uint32_t)_mm256_movemask_epi8(far) & 0x55555555;
        if (mask == 0)
            continue;
        if (n - i < LANES)
            mask &= (UINT32_C(1) << 2 * (n - i)) - 1;
        for (; mask != 0; mask &= mask - 1)
            near[found++] = (uint32_t)(i + (unsigned)__builtin_ctz(mask) / 2);
    }
    return found;
}

const struct sift_kernel sift_kernel_avx2 = {.name = "avx2", .near = near_avx2};
