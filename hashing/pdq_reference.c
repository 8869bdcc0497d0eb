#include "hashing/pdq_reference.h"

#include <stdint.h>
#include <string.h>

#include "hashing/base/scoped.h"

enum { PASSES = 2 };

/*
 * The mean of a window of `window` values around each of n values that lie `stride` apart, cut at
 * both ends.  The running sum is never rebased, and its rounding is part of PDQ's definition.
 */
static void box(const float *in, float *out, size_t n, size_t stride, size_t window)
{
    size_t half = (window + 2) / 2;
    size_t right = 0;
    size_t left = 0;
    size_t o = 0;
    float sum = 0.0f;
    int count = 0;

    for (size_t i = 0; i < half - 1; i++) {
        sum += in[right++ * stride];
        count++;
    }
    for (size_t i = 0; i < window - half + 1; i++) {
        sum += in[right++ * stride];
        count++;
        out[o++ * stride] = sum / (float)count;
    }
    for (size_t i = 0; i < n - window; i++) {
        sum += in[right++ * stride];
        sum -= in[left++ * stride];
        out[o++ * stride] = sum / (float)count;
    }
    for (size_t i = 0; i < half - 1; i++) {
        sum -= in[left++ * stride];
        count--;
        out[o++ * stride] = sum / (float)count;
    }
}

static size_t window_for(size_t side)
{
    return (side + 127) / 128;
}

static void blur(float *a, float *b, size_t width, size_t height)
{
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t y = 0; y < height; y++)
            box(a + y * width, b + y * width, width, 1, window_for(width));
        for (size_t x = 0; x < width; x++)
            box(b + x, a + x, height, width, window_for(height));
    }
}

static void decimate(const float *in, size_t width, size_t height, struct pdq_buffer64 *ret)
{
    for (int i = 0; i < 64; i++) {
        size_t y = (size_t)((i + 0.5) * (double)height / 64);
        for (int j = 0; j < 64; j++) {
            size_t x = (size_t)((j + 0.5) * (double)width / 64);
            ret->v[i][j] = in[y * width + x];
        }
    }
}

static enum rc shrink(const float *luma, uint32_t width, uint32_t height, struct pdq_buffer64 *ret,
                      struct err *err)
{
    SCOPED(mem_free) float *a = NULL;
    SCOPED(mem_free) float *b = NULL;
    size_t size;

    /* PDQ's own shortcut; a window of one changes nothing anyway. */
    if (width == 64 && height == 64) {
        memcpy(ret->v, luma, sizeof(ret->v));
        return RC_OK;
    }
    if (__builtin_mul_overflow((size_t)width, height, &size) ||
        __builtin_mul_overflow(size, sizeof(float), &size))
        FAIL(err, RC_NOMEM, "pdq: a picture of %ux%u does not fit", width, height);
    a = malloc(size);
    b = malloc(size);
    if (a == NULL || b == NULL)
        FAIL(err, RC_NOMEM, "pdq: no memory for a picture of %ux%u", width, height);

    memcpy(a, luma, size);
    blur(a, b, width, height);
    decimate(a, width, height, ret);
    return RC_OK;
}

enum rc pdq_reference(const float *luma, uint32_t width, uint32_t height, struct pdq_reference *ret,
                      struct err *err)
{
    if (width < PDQ_MIN_SIDE || height < PDQ_MIN_SIDE) {
        memset(ret, 0, sizeof(*ret));
        return RC_OK;
    }
    TRY(shrink(luma, width, height, &ret->b64, err));
    pdq_dct(&ret->b64, &ret->b16);
    ret->quality = pdq_quality(&ret->b64);
    ret->hash = pdq_bits(&ret->b16);
    pdq_bits_dihedral(&ret->b16, ret->dihedral);
    return RC_OK;
}

void pdq_luma_rgb(const uint8_t *rgb, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = rgb + 3 * i;
        ret[i] = (0.299f * (float)p[0] + 0.587f * (float)p[1]) + 0.114f * (float)p[2];
    }
}
