/* Compiled with AVX-512's flags; called only where the processor has it.  Beside AVX2's kernel:
 * what twice the width helps, which is all that goes over every pixel of a video. */
#include <immintrin.h>

#include "hashing/frame_kernels.h"

/* One pass for a number of sums that the compiler knows; a mask takes the rest of a row. */
__attribute__((always_inline)) static inline void add_gray_to(float *const *sums,
                                                              const float *weights, unsigned n_sums,
                                                              const uint8_t *pixels, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        size_t left = n - i;
        __mmask16 mask = left >= 16 ? _cvtu32_mask16(0xffff) : _cvtu32_mask16((1u << left) - 1);
        __m128i bytes = _mm_maskz_loadu_epi8(mask, pixels + i);
        __m512 values = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
        for (unsigned s = 0; s < n_sums; s++) {
            __m512 product = _mm512_mul_ps(_mm512_set1_ps(weights[s]), values);
            __m512 sum = _mm512_maskz_loadu_ps(mask, sums[s] + i);
            _mm512_mask_storeu_ps(sums[s] + i, mask, _mm512_add_ps(sum, product));
        }
    }
}

void frame_add_gray_avx512(float *const *sums, const float *weights, unsigned n_sums,
                           const uint8_t *pixels, size_t n)
{
    if (n_sums == 1)
        add_gray_to(sums, weights, 1, pixels, n);
    else if (n_sums == 2)
        add_gray_to(sums, weights, 2, pixels, n);
    else if (n_sums == 3)
        add_gray_to(sums, weights, 3, pixels, n);
    else
        add_gray_to(sums, weights, 4, pixels, n);
}
