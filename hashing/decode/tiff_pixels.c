#include "hashing/decode/tiff_pixels.h"

#include <string.h>

enum { OPAQUE = 255 };

static bool is_compression_known(uint16_t compression)
{
    static const uint16_t known[] = {COMPRESSION_NONE,      COMPRESSION_CCITTRLE,
                                     COMPRESSION_CCITTRLEW, COMPRESSION_CCITTFAX3,
                                     COMPRESSION_CCITTFAX4, COMPRESSION_LZW,
                                     COMPRESSION_JPEG,      COMPRESSION_ADOBE_DEFLATE,
                                     COMPRESSION_DEFLATE,   COMPRESSION_PACKBITS};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (compression == known[i])
            return true;
    return false;
}

static enum tiff_alpha alpha_of(TIFF *tiff)
{
    uint16_t n = 0;
    uint16_t *kinds = NULL;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &n, &kinds);
    if (n == 0 || kinds == NULL)
        return TIFF_ALPHA_NONE;
    return kinds[0] == EXTRASAMPLE_ASSOCALPHA   ? TIFF_ALPHA_PREMULTIPLIED
           : kinds[0] == EXTRASAMPLE_UNASSALPHA ? TIFF_ALPHA_STRAIGHT
                                                : TIFF_ALPHA_NONE;
}

/* 16 bits a colour, but some writers put 8 there. */
static void read_palette(TIFF *tiff, struct tiff_pixels *p)
{
    uint16_t *map[3];
    bool wide = false;
    size_t n = (size_t)1 << p->bits;
    if (p->bits > 8 || !TIFFGetField(tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]))
        return;
    for (size_t i = 0; i < n; i++)
        wide |= map[0][i] > 255 || map[1][i] > 255 || map[2][i] > 255;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            p->palette[i][c] = (uint8_t)(wide ? map[c][i] >> 8 : map[c][i]);
}

enum rc tiff_pixels_of(TIFF *tiff, struct tiff_pixels *ret, struct err *err)
{
    struct tiff_pixels p = {0};
    uint16_t compression = COMPRESSION_NONE;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &p.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &p.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &p.bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &p.samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &p.planes);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &p.format);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &p.photometric) || p.width == 0 || p.height == 0)
        FAIL(err, RC_UNDECODABLE, "TIFF: a page without pixels");
    if (!is_compression_known(compression))
        FAIL(err, RC_UNDECODABLE, "TIFF: compression %u is not decoded by this version",
             compression);
    /* libtiff's own conversion, before anything else asks for sizes. */
    if (compression == COMPRESSION_JPEG && p.photometric == PHOTOMETRIC_YCBCR &&
        p.planes == PLANARCONFIG_CONTIG) {
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        p.photometric = PHOTOMETRIC_RGB;
    }
    p.alpha = alpha_of(tiff);
    if (p.photometric == PHOTOMETRIC_PALETTE)
        read_palette(tiff, &p);
    *ret = p;
    return RC_OK;
}

static bool is_gray(const struct tiff_pixels *p)
{
    return p->photometric == PHOTOMETRIC_MINISBLACK || p->photometric == PHOTOMETRIC_MINISWHITE ||
           p->photometric == PHOTOMETRIC_MASK;
}

static uint16_t colour_samples(const struct tiff_pixels *p)
{
    return p->photometric == PHOTOMETRIC_RGB ? 3 : 1;
}

bool tiff_pixels_are_usual(const struct tiff_pixels *p)
{
    bool whole_bytes = p->bits == 8 || p->bits == 16;
    bool part_of_byte = p->bits == 1 || p->bits == 2 || p->bits == 4;
    uint16_t extra = (uint16_t)(p->samples - colour_samples(p));
    if ((p->planes != PLANARCONFIG_CONTIG && p->samples > 1) ||
        (p->format != SAMPLEFORMAT_UINT && p->format != SAMPLEFORMAT_VOID) ||
        p->samples < colour_samples(p) || extra > 1 || (extra == 1 && !whole_bytes))
        return false;
    if (p->photometric == PHOTOMETRIC_RGB)
        return whole_bytes;
    if (p->photometric == PHOTOMETRIC_PALETTE)
        return extra == 0 && (p->bits == 8 || part_of_byte);
    return is_gray(p) && (whole_bytes || part_of_byte);
}

tmsize_t tiff_pixels_row_size(const struct tiff_pixels *p, uint32_t n)
{
    return (tmsize_t)(((uint64_t)n * p->samples * p->bits + 7) / 8);
}

enum pixel_format tiff_pixels_format(const struct tiff_pixels *p)
{
    bool alpha = p->alpha != TIFF_ALPHA_NONE && p->samples > colour_samples(p);
    if (is_gray(p))
        return alpha ? PIXEL_GRAYA8 : PIXEL_GRAY8;
    return alpha ? PIXEL_RGBA8 : PIXEL_RGB8;
}

/* libtiff gives 16-bit samples in this machine's byte order. */
static unsigned sample(const struct tiff_pixels *p, const uint8_t *packed, size_t i)
{
    if (p->bits == 8)
        return packed[i];
    if (p->bits == 16) {
        uint16_t v;
        memcpy(&v, packed + 2 * i, sizeof v);
        return v >> 8;
    }
    size_t bit = i * p->bits;
    return (unsigned)packed[bit / 8] >> (8 - p->bits - bit % 8) & ((1u << p->bits) - 1);
}

static uint8_t straight(unsigned colour, unsigned alpha)
{
    unsigned v = alpha == 0 ? colour : (colour * OPAQUE + alpha / 2) / alpha;
    return (uint8_t)(v < OPAQUE ? v : OPAQUE);
}

static uint8_t gray(const struct tiff_pixels *p, unsigned v)
{
    unsigned most = p->bits < 8 ? (1u << p->bits) - 1 : OPAQUE;
    v = v * OPAQUE / most;
    return (uint8_t)(p->photometric == PHOTOMETRIC_MINISWHITE ? OPAQUE - v : v);
}

void tiff_pixels_unpack(const struct tiff_pixels *p, const uint8_t *packed, uint32_t n,
                        uint8_t *out)
{
    size_t colours = colour_samples(p);
    enum pixel_format format = tiff_pixels_format(p);
    bool alpha = format == PIXEL_RGBA8 || format == PIXEL_GRAYA8;
    for (size_t x = 0; x < n; x++) {
        size_t i = x * p->samples;
        if (p->photometric == PHOTOMETRIC_PALETTE) {
            memcpy(out, p->palette[sample(p, packed, i)], 3);
            out += 3;
            continue;
        }
        unsigned a = alpha ? sample(p, packed, i + colours) : OPAQUE;
        for (size_t c = 0; c < colours; c++) {
            unsigned v = sample(p, packed, i + c);
            if (alpha && p->alpha == TIFF_ALPHA_PREMULTIPLIED)
                v = straight(v, a);
            *out++ = colours == 1 ? gray(p, v) : (uint8_t)v;
        }
        if (alpha)
            *out++ = (uint8_t)a;
    }
}

void tiff_pixels_from_raster(const struct tiff_pixels *p, const uint32_t *raster, uint32_t n,
                             uint8_t *out)
{
    for (uint32_t x = 0; x < n; x++) {
        uint32_t v = raster[x];
        unsigned a = p->alpha != TIFF_ALPHA_NONE ? TIFFGetA(v) : OPAQUE;
        *out++ = straight(TIFFGetR(v), a);
        *out++ = straight(TIFFGetG(v), a);
        *out++ = straight(TIFFGetB(v), a);
        if (p->alpha != TIFF_ALPHA_NONE)
            *out++ = (uint8_t)a;
    }
}
