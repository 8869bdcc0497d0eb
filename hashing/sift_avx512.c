/* Compiled with -mavx512f, vl, bw, vpopcntdq and bitalg; called only where the processor has all.
 */
#include <immintrin.h>

#include "hashing/sift_kernels.h"

enum { LANES = 32 };

static size_t near_avx512(const uint16_t *signature, size_t n, uint16_t from, unsigned limit,
                          uint32_t *near)
{
    const __m512i every = _mm512_set1_epi16((short)from);
    const __m512i most = _mm512_set1_epi16((short)limit);
    size_t found = 0;

    for (size_t i = 0; i < n; i += LANES) {
        __mmask32 there = n - i < LANES ? (UINT32_C(1) << (n - i)) - 1 : UINT32_MAX;
        __m512i differ = _mm512_xor_si512(_mm512_loadu_si512(signature + i), every);
        uint32_t mask = _mm512_mask_cmple_epu16_mask(there, _mm512_popcnt_epi16(differ), most);
        if (mask != 0)
            found += sift_take(mask, (uint32_t)i, near + found);
    }
    return found;
}

const struct sift_kernel sift_kernel_avx512 = {.name = "avx512", .near = near_avx512};
