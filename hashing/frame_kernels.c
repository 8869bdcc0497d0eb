#include "hashing/frame_kernels.h"

#include <string.h>

static float luma_of(uint8_t r, uint8_t g, uint8_t b)
{
    return (0.299f * (float)r + 0.587f * (float)g) + 0.114f * (float)b;
}

static void luma_gray(const uint8_t *pixels, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (float)pixels[i];
}

static void luma_rgb(const uint8_t *pixels, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = luma_of(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
}

static void luma_graya(const uint8_t *pixels, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (float)pixels[2 * i];
}

static void luma_rgba(const uint8_t *pixels, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = luma_of(pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2]);
}

static void add(float *sum, const float *values, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += weight * values[i];
}

static float dot(const float *a, const float *b, size_t n)
{
    float lane[8] = {0};

    for (size_t i = 0; i < n; i += 8)
        for (size_t k = 0; k < 8; k++)
            lane[k] += a[i + k] * b[i + k];

    /* As a register is folded: halves, quarters, the last two. */
    float even = (lane[0] + lane[4]) + (lane[2] + lane[6]);
    float odd = (lane[1] + lane[5]) + (lane[3] + lane[7]);
    return even + odd;
}

const struct frame_kernel frame_kernel_plain = {
    .name = "plain",
    .luma = {[PIXEL_GRAY8] = luma_gray,
             [PIXEL_RGB8] = luma_rgb,
             [PIXEL_GRAYA8] = luma_graya,
             [PIXEL_RGBA8] = luma_rgba,
             [PIXEL_RGBX8] = luma_rgba},
    .add = add,
    .dot = dot,
    .multiply = pdq_multiply_plain,
};

static const struct frame_kernel *active = &frame_kernel_plain;

const struct frame_kernel *frame_kernel_active(void)
{
    return active;
}

/* The kernels beyond the plain one that this processor can run, best first; how many. */
static unsigned fast_kernels(const struct frame_kernel *ret[2])
{
    unsigned n = 0;
#if defined(__x86_64__)
    static struct frame_kernel wide;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("popcnt"))
        return 0;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
        wide = frame_kernel_avx2;
        wide.name = "avx512";
        wide.add_gray = frame_add_gray_avx512;
        ret[n++] = &wide;
    }
    ret[n++] = &frame_kernel_avx2;
#elif defined(__aarch64__)
    ret[n++] = &frame_kernel_neon;
#endif
    return n;
}

enum {
    SAMPLE = 96, /* pixels: several registers' worth */
    SAMPLE_BYTES = 4 * SAMPLE
};

static bool agrees_on_length(const struct frame_kernel *k, const uint8_t *bytes, size_t n)
{
    float plain[2][SAMPLE] = {{0}};
    float fast[2][SAMPLE] = {{0}};

    for (int format = 0; format < PIXEL_FORMATS; format++) {
        frame_kernel_plain.luma[format](bytes, n, plain[0]);
        k->luma[format](bytes, n, fast[0]);
        if (memcmp(plain[0], fast[0], sizeof(plain[0])) != 0)
            return false;
        float weight = 1.0f / (float)(format + 3);
        frame_kernel_plain.add(plain[1], plain[0], weight, n);
        k->add(fast[1], fast[0], weight, n);
    }
    return memcmp(plain, fast, sizeof(plain)) == 0;
}

static bool multiplies_as_plain(const struct frame_kernel *k)
{
    static float left[16 * 64], right[64 * 64], plain[16 * 64], fast[16 * 64];

    for (size_t i = 0; i < 64 * 64; i++) {
        right[i] = 255.0f / (float)(i % 977 + 1);
        left[i % (16 * 64)] = (float)(i % 64) / 7.0f - 3.0f / (float)(i + 1);
    }
    for (size_t columns = 16; columns <= 64; columns += 48) {
        pdq_multiply_plain(left, right, columns, plain);
        k->multiply(left, right, columns, fast);
        if (memcmp(plain, fast, 16 * columns * sizeof(plain[0])) != 0)
            return false;
    }
    return true;
}

/* Each number of sums against as many calls of the plain loops. */
static bool agrees_on_gray(const struct frame_kernel *k, const uint8_t *bytes, size_t n)
{
    float values[SAMPLE];
    float plain[ADD_SUMS_MAX][SAMPLE] = {{0}};
    float fast[ADD_SUMS_MAX][SAMPLE] = {{0}};
    float *const sums[ADD_SUMS_MAX] = {fast[0], fast[1], fast[2], fast[3]};
    const float weights[ADD_SUMS_MAX] = {1.0f / 3, 1.0f / 5, 1.0f / 7, 1.0f / 9};

    if (k->add_gray == NULL)
        return true;
    luma_gray(bytes, n, values);
    for (unsigned n_sums = 1; n_sums <= ADD_SUMS_MAX; n_sums++) {
        for (unsigned s = 0; s < n_sums; s++)
            add(plain[s], values, weights[s], n);
        k->add_gray(sums, weights, n_sums, bytes, n);
    }
    return memcmp(plain, fast, sizeof(plain)) == 0;
}

/* Every length up to a few registers, on bytes that hit every value of a channel. */
static bool agrees_with_plain(const struct frame_kernel *k)
{
    uint8_t bytes[SAMPLE_BYTES];
    float values[2][SAMPLE];

    for (size_t i = 0; i < SAMPLE_BYTES; i++)
        bytes[i] = (uint8_t)(i * 167 + i / 7);
    for (size_t n = 0; n <= SAMPLE; n++)
        if (!agrees_on_length(k, bytes, n) || !agrees_on_gray(k, bytes, n))
            return false;

    luma_rgb(bytes, SAMPLE, values[0]);
    for (size_t i = 0; i < SAMPLE; i++)
        values[1][i] = 1.0f / (float)(i + 1);
    for (size_t n = 0; n <= SAMPLE; n += 8) {
        float plain = dot(values[0], values[1], n);
        float fast = k->dot(values[0], values[1], n);
        if (memcmp(&plain, &fast, sizeof(plain)) != 0)
            return false;
    }
    return multiplies_as_plain(k);
}

const char *frame_hasher_self_test(const char **ret_disagreed)
{
    const struct frame_kernel *fast[2] = {NULL};
    unsigned n = fast_kernels(fast);

    *ret_disagreed = NULL;
    active = &frame_kernel_plain;
    for (unsigned i = 0; i < n && active == &frame_kernel_plain; i++) {
        if (agrees_with_plain(fast[i]))
            active = fast[i];
        else if (*ret_disagreed == NULL)
            *ret_disagreed = fast[i]->name;
    }
    return active->name;
}

bool frame_hasher_use(const char *kernel)
{
    const struct frame_kernel *known[3] = {NULL};
    unsigned n = fast_kernels(known);

    known[n++] = &frame_kernel_plain;
    for (unsigned i = 0; i < n; i++)
        if (strcmp(kernel, known[i]->name) == 0) {
            active = known[i];
            return true;
        }
    return false;
}
