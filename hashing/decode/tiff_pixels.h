/*
 * How a TIFF page stores its pixels, and unpacking the usual ways.
 */
#ifndef HASHING_DECODE_TIFF_PIXELS_H
#define HASHING_DECODE_TIFF_PIXELS_H

#include <tiffio.h>

#include "hashing/base/err.h"
#include "hashing/frame_hasher.h"

enum tiff_alpha { TIFF_ALPHA_NONE, TIFF_ALPHA_STRAIGHT, TIFF_ALPHA_PREMULTIPLIED };

struct tiff_pixels {
    uint32_t width, height;
    uint16_t bits, samples, photometric, planes, format;
    enum tiff_alpha alpha;
    uint8_t palette[256][3];
};

/* Reads the current page's fields.  RC_UNDECODABLE when it has no pixels, or is compressed in a way
 * that is not decoded. */
MUST_CHECK enum rc tiff_pixels_of(TIFF *tiff, struct tiff_pixels *ret, struct err *err);

/* Whether tiff_pixels_unpack() knows them: grey, palette and RGB of whole numbers, with alpha. */
bool tiff_pixels_are_usual(const struct tiff_pixels *p);

/* Bytes that n of them take. */
tmsize_t tiff_pixels_row_size(const struct tiff_pixels *p, uint32_t n);

/* What tiff_pixels_unpack() makes of them. */
enum pixel_format tiff_pixels_format(const struct tiff_pixels *p);

/* Unpacks the first n pixels of a row or a part of it, as libtiff decodes them. */
void tiff_pixels_unpack(const struct tiff_pixels *p, const uint8_t *packed, uint32_t n,
                        uint8_t *out);

/* The same for what TIFFRGBAImageGet() made: RGB, or RGBA when p->alpha is not NONE. */
void tiff_pixels_from_raster(const struct tiff_pixels *p, const uint32_t *raster, uint32_t n,
                             uint8_t *out);

#endif
