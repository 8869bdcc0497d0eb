#include "tests/bench/made_jpeg.h"

#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "hashing/base/scoped.h"
#include "tests/bench/bench.h"
#include "tests/support/rnd.h"

enum { QUALITY = 85, OCTAVES = 9, SENSOR_NOISE = 5 };

/* -1..1 at a lattice point, by its place alone. */
static float lattice(uint64_t seed, uint32_t x, uint32_t y)
{
    struct rnd r = {.state = seed ^ ((uint64_t)x << 32 | y)};
    return (float)(rnd_next(&r) >> 40) / (float)(1 << 23) - 1.0f;
}

/* Adds one octave of value noise: bilinear between lattice points that are `period` apart. */
static void add_octave(uint64_t seed, uint32_t y, uint32_t period, float amplitude, float *row,
                       uint32_t width)
{
    float below = (float)(y % period) / (float)period;
    for (uint32_t x0 = 0; x0 < width; x0 += period) {
        uint32_t gx = x0 / period, gy = y / period;
        float left = lattice(seed, gx, gy) * (1 - below) + lattice(seed, gx, gy + 1) * below;
        float right =
            lattice(seed, gx + 1, gy) * (1 - below) + lattice(seed, gx + 1, gy + 1) * below;
        for (uint32_t i = 0; i < period && x0 + i < width; i++)
            row[x0 + i] += amplitude * (left + (right - left) * (float)i / (float)period);
    }
}

/* Natural pictures: each octave has a little more than half the amplitude of the one above. */
static void make_plane_row(uint64_t seed, uint32_t y, uint32_t widest, unsigned octaves,
                           float amplitude, float *row, uint32_t width)
{
    memset(row, 0, width * sizeof *row);
    for (unsigned o = 0; o < octaves && widest >> o >= 2; o++) {
        add_octave(seed + o, y, widest >> o, amplitude, row, width);
        amplitude *= 0.6f;
    }
}

static uint8_t clamp(float v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

struct maker {
    uint32_t width, height;
    struct rnd noise;
    float *light, *warm; /* a row of brightness and one of colour */
    uint8_t *rgb;
};

static void make_row(struct maker *m, uint32_t y)
{
    uint32_t widest = m->width / 4;
    make_plane_row(1000, y, widest, OCTAVES, 70, m->light, m->width);
    make_plane_row(2000, y, widest, 4, 30, m->warm, m->width);
    for (uint32_t x = 0; x < m->width; x++) {
        uint64_t noise = rnd_next(&m->noise);
        float base = 120 + m->light[x];
        const float tint[3] = {m->warm[x], 0, -m->warm[x]};
        for (unsigned c = 0; c < 3; c++, noise >>= 8)
            m->rgb[3 * x + c] =
                clamp(base + tint[c] + (float)(noise % (2 * SENSOR_NOISE + 1)) - SENSOR_NOISE);
    }
}

static struct bytes compress(struct maker *m)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;

    jpeg.err = jpeg_std_error(&errors); /* ends the program, as bench_die() would */
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = m->width;
    jpeg.image_height = m->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg); /* 4:2:0 */
    jpeg_set_quality(&jpeg, QUALITY, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (uint32_t y = 0; y < m->height; y++) {
        make_row(m, y);
        jpeg_write_scanlines(&jpeg, &m->rgb, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return bytes_of(data, size);
}

struct bytes made_jpeg(uint32_t width, uint32_t height)
{
    SCOPED(mem_free) float *rows = malloc(2 * (size_t)width * sizeof *rows);
    SCOPED(mem_free) uint8_t *rgb = malloc(3 * (size_t)width);
    if (rows == NULL || rgb == NULL)
        bench_die("made picture", "no memory");
    struct maker m = {.width = width,
                      .height = height,
                      .noise = {.state = width},
                      .light = rows,
                      .warm = rows + width,
                      .rgb = rgb};
    return compress(&m);
}
