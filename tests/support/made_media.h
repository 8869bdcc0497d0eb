/*
 * Pictures and animations as files, from pixels that a test knows: written by the formats' own
 * libraries, so that a decoder is not tested against its own idea of the format.
 */
#ifndef TESTS_SUPPORT_MADE_MEDIA_H
#define TESTS_SUPPORT_MADE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Released with free(p). */
struct made {
    uint8_t *p;
    size_t n;
};

enum made_after { MADE_KEEP, MADE_CLEAR, MADE_RESTORE };

struct made_frame {
    uint32_t x, y, width, height;
    const uint8_t *rgba; /* its own pixels */
    int ms;
    enum made_after after;
    bool over; /* is laid over what is there; else replaces it.  GIF's always are laid over */
};

/* Changes the pixel into the nearest that a made GIF can hold: 255 colours, or nothing. */
void made_gif_pixel(uint8_t rgba[4]);

struct made made_gif(uint32_t width, uint32_t height, const struct made_frame *frames, size_t n,
                     bool interlaced);

/* quality < 0: lossless. */
struct made made_webp(uint32_t width, uint32_t height, const uint8_t *rgba, bool alpha,
                      float quality);
/* Lossless.  WebP knows no MADE_RESTORE, and even places only. */
struct made made_webp_film(uint32_t width, uint32_t height, const struct made_frame *frames,
                           size_t n);

/* 8-bit RGBA.  The first frame, which must cover the canvas, is IDAT's; or `still` is, which then
 * is not part of the animation. */
struct made made_apng(uint32_t width, uint32_t height, const uint8_t *still,
                      const struct made_frame *frames, size_t n);

struct made_tiff {
    uint32_t width, height;
    uint16_t bits;    /* 1, 2, 4 (of grey and palette), 8 or 16 */
    uint16_t samples; /* 1 to 4: grey, with alpha, RGB, with alpha */
    uint16_t photometric, compression, orientation, alpha; /* libtiff's numbers */
    bool tiled, planar;
    uint32_t pages;
};
/* Stores the first samples of each RGBA pixel (alpha is the last of 2 or 4); palette: colour i is
 * i, 255-i, i/2.  Page k is brighter by k. */
struct made made_tiff(const struct made_tiff *how, const uint8_t *rgba);

#endif
