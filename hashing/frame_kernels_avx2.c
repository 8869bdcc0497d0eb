/* Compiled with -mavx2; called only where the processor has it. */
#include <immintrin.h>

#include "hashing/frame_kernels.h"

/* Eight bytes to eight floats. */
static __m256 floats_of_bytes(const uint8_t *p)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

/* (0.299 r + 0.587 g) + 0.114 b, in this order and unfused. */
static __m256 luma_of(__m256i r, __m256i g, __m256i b)
{
    __m256 red = _mm256_mul_ps(_mm256_set1_ps(0.299f), _mm256_cvtepi32_ps(r));
    __m256 green = _mm256_mul_ps(_mm256_set1_ps(0.587f), _mm256_cvtepi32_ps(g));
    __m256 blue = _mm256_mul_ps(_mm256_set1_ps(0.114f), _mm256_cvtepi32_ps(b));
    return _mm256_add_ps(_mm256_add_ps(red, green), blue);
}

static void luma_gray(const uint8_t *pixels, size_t n, float *ret)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(ret + i, floats_of_bytes(pixels + i));
    frame_kernel_plain.luma[PIXEL_GRAY8](pixels + i, n - i, ret + i);
}

/*
 * Eight pixels are 24 bytes: the low half of the register takes bytes 0..15 and finds its four
 * pixels at the start, the high half takes bytes 8..23 and finds them from its fifth byte on.
 */
static void luma_rgb(const uint8_t *pixels, size_t n, float *ret)
{
    const __m256i red =
        _mm256_setr_epi8(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1, 4, -1, -1, -1,
                         7, -1, -1, -1, 10, -1, -1, -1, 13, -1, -1, -1);
    const __m256i green =
        _mm256_setr_epi8(1, -1, -1, -1, 4, -1, -1, -1, 7, -1, -1, -1, 10, -1, -1, -1, 5, -1, -1, -1,
                         8, -1, -1, -1, 11, -1, -1, -1, 14, -1, -1, -1);
    const __m256i blue =
        _mm256_setr_epi8(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1, 6, -1, -1, -1,
                         9, -1, -1, -1, 12, -1, -1, -1, 15, -1, -1, -1);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        const uint8_t *p = pixels + 3 * i;
        __m256i bytes = _mm256_loadu2_m128i((const __m128i *)(const void *)(p + 8),
                                            (const __m128i *)(const void *)p);
        _mm256_storeu_ps(ret + i,
                         luma_of(_mm256_shuffle_epi8(bytes, red), _mm256_shuffle_epi8(bytes, green),
                                 _mm256_shuffle_epi8(bytes, blue)));
    }
    frame_kernel_plain.luma[PIXEL_RGB8](pixels + 3 * i, n - i, ret + i);
}

static void luma_graya(const uint8_t *pixels, size_t n, float *ret)
{
    const __m128i low_bytes = _mm_set1_epi16(0xff);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m128i pairs = _mm_loadu_si128((const __m128i *)(const void *)(pixels + 2 * i));
        __m256i gray = _mm256_cvtepu16_epi32(_mm_and_si128(pairs, low_bytes));
        _mm256_storeu_ps(ret + i, _mm256_cvtepi32_ps(gray));
    }
    frame_kernel_plain.luma[PIXEL_GRAYA8](pixels + 2 * i, n - i, ret + i);
}

static void luma_rgba(const uint8_t *pixels, size_t n, float *ret)
{
    const __m256i low_byte = _mm256_set1_epi32(0xff);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256i px = _mm256_loadu_si256((const __m256i *)(const void *)(pixels + 4 * i));
        __m256i r = _mm256_and_si256(px, low_byte);
        __m256i g = _mm256_and_si256(_mm256_srli_epi32(px, 8), low_byte);
        __m256i b = _mm256_and_si256(_mm256_srli_epi32(px, 16), low_byte);
        _mm256_storeu_ps(ret + i, luma_of(r, g, b));
    }
    frame_kernel_plain.luma[PIXEL_RGBA8](pixels + 4 * i, n - i, ret + i);
}

static void add(float *sum, const float *values, float weight, size_t n)
{
    const __m256 w = _mm256_set1_ps(weight);
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 product = _mm256_mul_ps(w, _mm256_loadu_ps(values + i));
        _mm256_storeu_ps(sum + i, _mm256_add_ps(_mm256_loadu_ps(sum + i), product));
    }
    frame_kernel_plain.add(sum + i, values + i, weight, n - i);
}

/* One pass for a number of sums that the compiler knows. */
__attribute__((always_inline)) static inline void add_gray_to(float *const *sums,
                                                              const float *weights, unsigned n_sums,
                                                              const uint8_t *pixels, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 values = floats_of_bytes(pixels + i);
        for (unsigned s = 0; s < n_sums; s++) {
            __m256 product = _mm256_mul_ps(_mm256_broadcast_ss(&weights[s]), values);
            _mm256_storeu_ps(sums[s] + i, _mm256_add_ps(_mm256_loadu_ps(sums[s] + i), product));
        }
    }
    for (; i < n; i++)
        for (unsigned s = 0; s < n_sums; s++)
            sums[s][i] += weights[s] * (float)pixels[i];
}

static void add_gray(float *const *sums, const float *weights, unsigned n_sums,
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

static float dot(const float *a, const float *b, size_t n)
{
    __m256 lanes = _mm256_setzero_ps();

    for (size_t i = 0; i < n; i += 8) {
        __m256 product = _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        lanes = _mm256_add_ps(lanes, product);
    }
    __m128 fours = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
    __m128 pairs = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
    return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

/* Four rows of sixteen columns: eight sums in registers, each over k ascending. */
static void multiply_tile(const float *left, const float *right, size_t columns, float *ret)
{
    __m256 sum[4][2];

    for (int i = 0; i < 4; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (size_t k = 0; k < 64; k++) {
        const __m256 low = _mm256_loadu_ps(right + k * columns);
        const __m256 high = _mm256_loadu_ps(right + k * columns + 8);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const __m256 factor = _mm256_set1_ps(left[(size_t)i * 64 + k]);
            sum[i][0] = _mm256_add_ps(sum[i][0], _mm256_mul_ps(factor, low));
            sum[i][1] = _mm256_add_ps(sum[i][1], _mm256_mul_ps(factor, high));
        }
    }
    for (size_t i = 0; i < 4; i++) {
        _mm256_storeu_ps(ret + i * columns, sum[i][0]);
        _mm256_storeu_ps(ret + i * columns + 8, sum[i][1]);
    }
}

static void multiply(const float *left, const float *right, size_t columns, float *ret)
{
    for (size_t j = 0; j < columns; j += 16)
        for (size_t i = 0; i < 16; i += 4)
            multiply_tile(left + i * 64, right + j, columns, ret + i * columns + j);
}

const struct frame_kernel frame_kernel_avx2 = {
    .name = "avx2",
    .luma = {[PIXEL_GRAY8] = luma_gray,
             [PIXEL_RGB8] = luma_rgb,
             [PIXEL_GRAYA8] = luma_graya,
             [PIXEL_RGBA8] = luma_rgba,
             [PIXEL_RGBX8] = luma_rgba},
    .add = add,
    .add_gray = add_gray,
    .dot = dot,
    .multiply = multiply,
};
