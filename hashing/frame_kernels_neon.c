/* Compiled for aarch64 only, where every processor has these instructions. */
#include <arm_neon.h>

#include "hashing/frame_kernels.h"

static float32x4_t floats_of(uint16x4_t v)
{
    return vcvtq_f32_u32(vmovl_u16(v));
}

static void store_floats(float *ret, uint8x8_t bytes)
{
    uint16x8_t wide = vmovl_u8(bytes);
    vst1q_f32(ret, floats_of(vget_low_u16(wide)));
    vst1q_f32(ret + 4, floats_of(vget_high_u16(wide)));
}

/* (0.299 r + 0.587 g) + 0.114 b, in this order and unfused. */
static float32x4_t luma_of_four(uint16x4_t r, uint16x4_t g, uint16x4_t b)
{
    float32x4_t red = vmulq_f32(vdupq_n_f32(0.299f), floats_of(r));
    float32x4_t green = vmulq_f32(vdupq_n_f32(0.587f), floats_of(g));
    float32x4_t blue = vmulq_f32(vdupq_n_f32(0.114f), floats_of(b));
    return vaddq_f32(vaddq_f32(red, green), blue);
}

static void store_luma(float *ret, uint8x8_t r, uint8x8_t g, uint8x8_t b)
{
    uint16x8_t red = vmovl_u8(r);
    uint16x8_t green = vmovl_u8(g);
    uint16x8_t blue = vmovl_u8(b);
    vst1q_f32(ret, luma_of_four(vget_low_u16(red), vget_low_u16(green), vget_low_u16(blue)));
    vst1q_f32(ret + 4, luma_of_four(vget_high_u16(red), vget_high_u16(green), vget_high_u16(blue)));
}

static void luma_gray(const uint8_t *pixels, size_t n, float *ret)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        store_floats(ret + i, vld1_u8(pixels + i));
    frame_kernel_plain.luma[PIXEL_GRAY8](pixels + i, n - i, ret + i);
}

static void luma_rgb(const uint8_t *pixels, size_t n, float *ret)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint8x8x3_t px = vld3_u8(pixels + 3 * i);
        store_luma(ret + i, px.val[0], px.val[1], px.val[2]);
    }
    frame_kernel_plain.luma[PIXEL_RGB8](pixels + 3 * i, n - i, ret + i);
}

static void luma_graya(const uint8_t *pixels, size_t n, float *ret)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        store_floats(ret + i, vld2_u8(pixels + 2 * i).val[0]);
    frame_kernel_plain.luma[PIXEL_GRAYA8](pixels + 2 * i, n - i, ret + i);
}

static void luma_rgba(const uint8_t *pixels, size_t n, float *ret)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint8x8x4_t px = vld4_u8(pixels + 4 * i);
        store_luma(ret + i, px.val[0], px.val[1], px.val[2]);
    }
    frame_kernel_plain.luma[PIXEL_RGBA8](pixels + 4 * i, n - i, ret + i);
}

static void add(float *sum, const float *values, float weight, size_t n)
{
    const float32x4_t w = vdupq_n_f32(weight);
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        float32x4_t product = vmulq_f32(w, vld1q_f32(values + i));
        vst1q_f32(sum + i, vaddq_f32(vld1q_f32(sum + i), product));
    }
    frame_kernel_plain.add(sum + i, values + i, weight, n - i);
}

static float dot(const float *a, const float *b, size_t n)
{
    float32x4_t low = vdupq_n_f32(0);
    float32x4_t high = vdupq_n_f32(0);

    for (size_t i = 0; i < n; i += 8) {
        low = vaddq_f32(low, vmulq_f32(vld1q_f32(a + i), vld1q_f32(b + i)));
        high = vaddq_f32(high, vmulq_f32(vld1q_f32(a + i + 4), vld1q_f32(b + i + 4)));
    }
    float32x4_t fours = vaddq_f32(low, high);
    float32x2_t pairs = vadd_f32(vget_low_f32(fours), vget_high_f32(fours));
    return vget_lane_f32(pairs, 0) + vget_lane_f32(pairs, 1);
}

/* Four rows of eight columns: eight sums in registers, each over k ascending. */
static void multiply_tile(const float *left, const float *right, size_t columns, float *ret)
{
    float32x4_t sum[4][2];

    for (int i = 0; i < 4; i++)
        sum[i][0] = sum[i][1] = vdupq_n_f32(0);
    for (size_t k = 0; k < 64; k++) {
        const float32x4_t low = vld1q_f32(right + k * columns);
        const float32x4_t high = vld1q_f32(right + k * columns + 4);
        for (int i = 0; i < 4; i++) {
            const float32x4_t factor = vdupq_n_f32(left[(size_t)i * 64 + k]);
            sum[i][0] = vaddq_f32(sum[i][0], vmulq_f32(factor, low));
            sum[i][1] = vaddq_f32(sum[i][1], vmulq_f32(factor, high));
        }
    }
    for (size_t i = 0; i < 4; i++) {
        vst1q_f32(ret + i * columns, sum[i][0]);
        vst1q_f32(ret + i * columns + 4, sum[i][1]);
    }
}

static void multiply(const float *left, const float *right, size_t columns, float *ret)
{
    for (size_t j = 0; j < columns; j += 8)
        for (size_t i = 0; i < 16; i += 4)
            multiply_tile(left + i * 64, right + j, columns, ret + i * columns + j);
}

const struct frame_kernel frame_kernel_neon = {
    .name = "neon",
    .luma = {[PIXEL_GRAY8] = luma_gray,
             [PIXEL_RGB8] = luma_rgb,
             [PIXEL_GRAYA8] = luma_graya,
             [PIXEL_RGBA8] = luma_rgba,
             [PIXEL_RGBX8] = luma_rgba},
    .add = add,
    .dot = dot,
    .multiply = multiply,
};
