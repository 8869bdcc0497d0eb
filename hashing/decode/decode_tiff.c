/*
 * TIFF by libtiff: every page of the file's chain, in its order.
 *
 * Usual pixels are unpacked here, a row or a tile at a time; the odd ones (CMYK, Lab, subsampled
 * colours, separate planes) libtiff converts, a strip at a time.  Its compressions are as many as
 * its faults, so only those that people use are let in.
 *
 * What libtiff complains of while it decodes pixels refuses the picture: it would give zeros for
 * what it cannot read.
 */
#include "hashing/decode/picture_decoders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/exif.h"
#include "hashing/decode/picture.h"
#include "hashing/decode/tiff_pixels.h"

struct reader {
    TIFF *tiff;
    struct bytes in;
    uint64_t at; /* libtiff's place in the file */
    struct picture_run run;
    bool in_pixels; /* what it warns of costs pixels now */
    bool broken;
    char why[160];             /* the first complaint */
    struct tiff_pixels pixels; /* of the page that is being read */
    uint8_t *packed, *row;     /* rows of it as they are stored, and as they are hashed */
    uint32_t *raster;          /* … and as libtiff converts them */
    enum orientation upright;  /* of the first page */
    TIFFOpenOptions *options;
};

static void page_close(struct reader *r)
{
    free(TAKE(r->packed));
    free(TAKE(r->row));
    free(TAKE(r->raster));
}

static void reader_close_scoped(struct reader *r)
{
    if (r->tiff != NULL)
        TIFFClose(r->tiff);
    if (r->options != NULL)
        TIFFOpenOptionsFree(r->options);
    page_close(r);
}

static void image_end_scoped(TIFFRGBAImage *image)
{
    TIFFRGBAImageEnd(image);
}

/* libtiff's view of the bytes; it may read them where they are. */

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t n)
{
    struct reader *r = handle;
    if (r->at >= r->in.n || n <= 0)
        return 0;
    size_t take = (size_t)n < r->in.n - r->at ? (size_t)n : r->in.n - (size_t)r->at;
    memcpy(out, r->in.p + r->at, take);
    r->at += take;
    return (tmsize_t)take;
}

static tmsize_t on_write(thandle_t handle, void *p, tmsize_t n)
{
    (void)handle, (void)p, (void)n;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    struct reader *r = handle;
    uint64_t base = whence == SEEK_CUR ? r->at : whence == SEEK_END ? r->in.n : 0;
    r->at = base + offset;
    return r->at;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    const struct reader *r = handle;
    return r->in.n;
}

static int on_map(thandle_t handle, void **ret, toff_t *ret_n)
{
    const struct reader *r = handle;
    *ret = (void *)(uintptr_t)r->in.p;
    *ret_n = r->in.n;
    return 1;
}

static void on_unmap(thandle_t handle, void *p, toff_t n)
{
    (void)handle, (void)p, (void)n;
}

__attribute__((format(printf, 2, 0))) static void note(struct reader *r, const char *format,
                                                       va_list args)
{
    if (!r->broken)
        vsnprintf(r->why, sizeof r->why, format, args);
    r->broken = true;
}

__attribute__((format(printf, 4, 0))) static int
on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)module;
    note(user, format, args);
    return 1; /* nobody else is to be told */
}

__attribute__((format(printf, 4, 0))) static int
on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    struct reader *r = user;
    (void)tiff, (void)module;
    if (r->in_pixels && strncmp(format, "Old-style LZW", 13) != 0)
        note(r, format, args);
    return 1;
}

static enum rc refuse(struct reader *r)
{
    FAIL(r->run.err, RC_UNDECODABLE, "TIFF: %s", r->broken ? r->why : "corrupt data");
}

static enum rc open_file(struct reader *r)
{
    /* What a decode of the largest page may take at once: eight bytes a pixel, and some more. */
    const uint64_t most = (UINT64_C(1) << 40) - 1, slack = 1 << 20;
    uint64_t pixels = r->run.limits->max_pixels;
    r->options = TIFFOpenOptionsAlloc();
    if (r->options == NULL)
        FAIL(r->run.err, RC_NOMEM, "TIFF: no memory for the reader");
    TIFFSetErrorHandler(NULL); /* for complaints that belong to no file */
    TIFFSetWarningHandler(NULL);
    TIFFOpenOptionsSetMaxSingleMemAlloc(
        r->options, (tmsize_t)((pixels < most / 8 ? pixels * 8 : most) + slack));
    TIFFOpenOptionsSetErrorHandlerExtR(r->options, on_error, r);
    TIFFOpenOptionsSetWarningHandlerExtR(r->options, on_warning, r);
    r->tiff = TIFFClientOpenExt("TIFF", "r", r, on_read, on_write, on_seek, on_close, on_size,
                                on_map, on_unmap, r->options);
    return r->tiff != NULL ? RC_OK : refuse(r);
}

static void give(struct reader *r, uint32_t y, uint32_t x0, uint32_t n)
{
    tiff_pixels_unpack(&r->pixels, r->packed, n, r->row);
    frame_row_sparse(r->run.sink->hasher, y, x0, 1, r->row, n);
}

static enum rc page_memory(struct reader *r, tmsize_t packed, tmsize_t packed_row, uint32_t width)
{
    if (packed_row < tiff_pixels_row_size(&r->pixels, width) || packed < packed_row)
        FAIL(r->run.err, RC_UNDECODABLE, "TIFF: rows that are too short for their pixels");
    r->packed = malloc((size_t)packed);
    r->row = malloc((size_t)width * 4);
    if (r->packed == NULL || r->row == NULL)
        FAIL(r->run.err, RC_NOMEM, "TIFF: no memory for rows");
    return RC_OK;
}

static enum rc read_rows(struct reader *r)
{
    tmsize_t size = TIFFScanlineSize(r->tiff);
    TRY(page_memory(r, size, size, r->pixels.width));
    for (uint32_t y = 0; y < r->pixels.height; y++) {
        if (TIFFReadScanline(r->tiff, r->packed, y, 0) < 0)
            return refuse(r);
        give(r, y, 0, r->pixels.width);
    }
    return RC_OK;
}

static enum rc give_tile(struct reader *r, uint32_t x0, uint32_t y0, uint32_t width,
                         uint32_t height, tmsize_t row_size)
{
    uint8_t *tile = r->packed;
    uint32_t columns = width < r->pixels.width - x0 ? width : r->pixels.width - x0;
    if (TIFFReadTile(r->tiff, tile, x0, y0, 0, 0) < 0)
        return refuse(r);
    for (uint32_t y = 0; y < height && y < r->pixels.height - y0; y++) {
        tiff_pixels_unpack(&r->pixels, tile + (tmsize_t)y * row_size, columns, r->row);
        frame_row_sparse(r->run.sink->hasher, y0 + y, x0, 1, r->row, columns);
    }
    return RC_OK;
}

static enum rc read_tiles(struct reader *r)
{
    uint32_t width = 0, height = 0;
    TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &height);
    if (width == 0 || height == 0)
        return refuse(r);
    TRY(picture_check_size(width, height, r->run.limits, r->run.err));
    TRY(page_memory(r, TIFFTileSize(r->tiff), TIFFTileRowSize(r->tiff), width));
    for (uint32_t y = 0; y < r->pixels.height; y += height)
        for (uint32_t x = 0; x < r->pixels.width; x += width)
            TRY(give_tile(r, x, y, width, height, TIFFTileRowSize(r->tiff)));
    return RC_OK;
}

/* Rows that libtiff decodes together. */
static uint32_t band_height(struct reader *r)
{
    uint32_t rows = 0;
    if (TIFFIsTiled(r->tiff))
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &rows);
    else
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &rows);
    return rows == 0 || rows > r->pixels.height ? r->pixels.height : rows;
}

static enum rc convert_band(struct reader *r, TIFFRGBAImage *image, uint32_t y0, uint32_t rows)
{
    uint32_t width = r->pixels.width;
    image->row_offset = (int)y0;
    image->col_offset = 0;
    if (!TIFFRGBAImageGet(image, r->raster, width, rows))
        return refuse(r);
    for (uint32_t y = 0; y < rows; y++) {
        tiff_pixels_from_raster(&r->pixels, r->raster + (size_t)y * width, width, r->row);
        frame_row(r->run.sink->hasher, y0 + y, r->row);
    }
    return RC_OK;
}

static enum rc read_converted(struct reader *r)
{
    char why[1024] = "";
    SCOPED(image_end) TIFFRGBAImage image = {0};
    if (!TIFFRGBAImageOK(r->tiff, why) || !TIFFRGBAImageBegin(&image, r->tiff, 1, why))
        FAIL(r->run.err, RC_UNDECODABLE, "TIFF: %s", why[0] != '\0' ? why : r->why);
    image.req_orientation = image.orientation; /* as stored */
    uint32_t rows = band_height(r);
    TRY(picture_check_size(r->pixels.width, rows, r->run.limits, r->run.err));
    r->raster = malloc((size_t)r->pixels.width * rows * sizeof *r->raster);
    r->row = malloc((size_t)r->pixels.width * 4);
    if (r->raster == NULL || r->row == NULL)
        FAIL(r->run.err, RC_NOMEM, "TIFF: no memory for a strip");
    r->pixels.alpha = image.alpha != 0 ? TIFF_ALPHA_PREMULTIPLIED : TIFF_ALPHA_NONE;
    TRY(frame_begin(r->run.sink->hasher, r->pixels.width, r->pixels.height,
                    image.alpha != 0 ? PIXEL_RGBA8 : PIXEL_RGB8, r->run.err));
    for (uint32_t y = 0; y < r->pixels.height; y += rows) {
        uint32_t left = r->pixels.height - y;
        TRY(convert_band(r, &image, y, rows < left ? rows : left));
    }
    return RC_OK;
}

static enum rc read_pixels(struct reader *r)
{
    if (!tiff_pixels_are_usual(&r->pixels))
        return read_converted(r);
    TRY(frame_begin(r->run.sink->hasher, r->pixels.width, r->pixels.height,
                    tiff_pixels_format(&r->pixels), r->run.err));
    return TIFFIsTiled(r->tiff) ? read_tiles(r) : read_rows(r);
}

static enum rc read_page(struct reader *r, uint32_t page)
{
    uint16_t orientation = ORIENTATION_TOPLEFT;
    TRY(tiff_pixels_of(r->tiff, &r->pixels, r->run.err));
    TRY(picture_count(&r->run, r->pixels.width, r->pixels.height));
    r->in_pixels = true;
    TRY(read_pixels(r));
    r->in_pixels = false;
    if (r->broken)
        return refuse(r);
    page_close(r);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &orientation);
    if (page == 0)
        r->upright = exif_turn(orientation);
    return picture_deliver_still(&r->run, page);
}

static bool sniff(struct bytes in)
{
    return bytes_start_with(in, "II*", 4) || bytes_start_with(in, "MM\0*", 4) ||
           bytes_start_with(in, "II+", 4) || bytes_start_with(in, "MM\0+", 4);
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    SCOPED(reader_close)
    struct reader r = {.in = in, .run = {.limits = limits, .sink = sink, .err = err}};
    TRY(open_file(&r));
    for (uint32_t page = 0;; page++) {
        TRY(read_page(&r, page));
        if (TIFFLastDirectory(r.tiff))
            break;
        if (!TIFFReadDirectory(r.tiff))
            return refuse(&r);
    }
    *ret = picture_info(&r.run, decoder_tiff.type);
    ret->upright = r.upright;
    return RC_OK;
}

const struct decoder decoder_tiff = {.type = "image/tiff", .sniff = sniff, .decode = decode};
