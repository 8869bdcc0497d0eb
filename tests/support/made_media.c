#include "tests/support/made_media.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>
#include <png.h>
#include <tiffio.h>
#include <webp/encode.h>
#include <webp/mux.h>
#include <zlib.h>

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void append(struct made *m, const void *p, size_t n)
{
    m->p = realloc(m->p, m->n + n + 1);
    must(m->p != NULL);
    if (n > 0)
        memcpy(m->p + m->n, p, n);
    m->n += n;
}

/* --- GIF: three bits of red and green, two of blue; colour 0 is the transparent one --- */

static uint8_t gif_index(const uint8_t rgba[4])
{
    unsigned i = (rgba[0] & 0xe0u) | (rgba[1] & 0xe0u) >> 3 | rgba[2] >> 6;
    return (uint8_t)(rgba[3] < 128 ? 0 : i == 0 ? 1 : i);
}

static GifColorType gif_colour(unsigned i)
{
    return (GifColorType){(uint8_t)(i & 0xe0), (uint8_t)((i << 3) & 0xe0), (uint8_t)(i << 6)};
}

void made_gif_pixel(uint8_t rgba[4])
{
    uint8_t i = gif_index(rgba);
    GifColorType c = gif_colour(i);
    rgba[0] = c.Red;
    rgba[1] = c.Green;
    rgba[2] = c.Blue;
    rgba[3] = i == 0 ? 0 : 255;
}

static int gif_write(GifFileType *gif, const GifByteType *p, int n)
{
    append(gif->UserData, p, (size_t)n);
    return n;
}

static void gif_rows(GifFileType *gif, const struct made_frame *f, uint32_t first, uint32_t step)
{
    uint8_t row[4096];
    must(f->width <= sizeof row);
    for (uint32_t y = first; y < f->height; y += step) {
        for (uint32_t x = 0; x < f->width; x++)
            row[x] = gif_index(f->rgba + ((size_t)y * f->width + x) * 4);
        must(EGifPutLine(gif, row, (int)f->width) == GIF_OK);
    }
}

static void gif_frame(GifFileType *gif, const struct made_frame *f, bool interlaced)
{
    static const int disposals[] = {DISPOSE_DO_NOT, DISPOSE_BACKGROUND, DISPOSE_PREVIOUS};
    const GraphicsControlBlock control = {
        .DisposalMode = disposals[f->after], .DelayTime = f->ms / 10, .TransparentColor = 0};
    GifByteType block[4];
    EGifGCBToExtension(&control, block);
    must(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof block, block) == GIF_OK);
    must(EGifPutImageDesc(gif, (int)f->x, (int)f->y, (int)f->width, (int)f->height, interlaced,
                          NULL) == GIF_OK);
    if (!interlaced) {
        gif_rows(gif, f, 0, 1);
        return;
    }
    gif_rows(gif, f, 0, 8);
    gif_rows(gif, f, 4, 8);
    gif_rows(gif, f, 2, 4);
    gif_rows(gif, f, 1, 2);
}

struct made made_gif(uint32_t width, uint32_t height, const struct made_frame *frames, size_t n,
                     bool interlaced)
{
    struct made m = {0};
    int why;
    GifFileType *gif = EGifOpen(&m, gif_write, &why);
    ColorMapObject *map = GifMakeMapObject(256, NULL);
    must(gif != NULL && map != NULL);
    for (unsigned i = 0; i < 256; i++)
        map->Colors[i] = gif_colour(i);
    EGifSetGifVersion(gif, true);
    must(EGifPutScreenDesc(gif, (int)width, (int)height, 8, 0, map) == GIF_OK);
    for (size_t i = 0; i < n; i++)
        gif_frame(gif, &frames[i], interlaced);
    must(EGifCloseFile(gif, &why) == GIF_OK);
    GifFreeMapObject(map);
    return m;
}

/* --- WebP --- */

static int webp_write(const uint8_t *p, size_t n, const WebPPicture *picture)
{
    append(picture->custom_ptr, p, n);
    return 1;
}

struct made made_webp(uint32_t width, uint32_t height, const uint8_t *rgba, bool alpha,
                      float quality)
{
    struct made m = {0};
    WebPConfig config;
    WebPPicture picture;
    must(WebPConfigInit(&config) && WebPPictureInit(&picture));
    config.lossless = quality < 0;
    config.exact = 1; /* colours stay under transparency */
    config.quality = quality < 0 ? 20 : quality;
    picture.width = (int)width;
    picture.height = (int)height;
    picture.use_argb = config.lossless;
    picture.writer = webp_write;
    picture.custom_ptr = &m;
    must(alpha ? WebPPictureImportRGBA(&picture, rgba, (int)width * 4)
               : WebPPictureImportRGBX(&picture, rgba, (int)width * 4));
    must(WebPEncode(&config, &picture));
    WebPPictureFree(&picture);
    return m;
}

static void webp_push(WebPMux *mux, const struct made_frame *f)
{
    struct made picture = made_webp(f->width, f->height, f->rgba, true, -1);
    const WebPMuxFrameInfo info = {
        .bitstream = {.bytes = picture.p, .size = picture.n},
        .x_offset = (int)f->x,
        .y_offset = (int)f->y,
        .duration = f->ms,
        .id = WEBP_CHUNK_ANMF,
        .dispose_method =
            f->after == MADE_CLEAR ? WEBP_MUX_DISPOSE_BACKGROUND : WEBP_MUX_DISPOSE_NONE,
        .blend_method = f->over ? WEBP_MUX_BLEND : WEBP_MUX_NO_BLEND,
    };
    must(WebPMuxPushFrame(mux, &info, 1) == WEBP_MUX_OK);
    free(picture.p);
}

struct made made_webp_film(uint32_t width, uint32_t height, const struct made_frame *frames,
                           size_t n)
{
    struct made m = {0};
    WebPData data;
    WebPMux *mux = WebPMuxNew();
    const WebPMuxAnimParams params = {.bgcolor = 0xff00ff00};
    must(mux != NULL);
    for (size_t i = 0; i < n; i++)
        webp_push(mux, &frames[i]);
    must(WebPMuxSetAnimationParams(mux, &params) == WEBP_MUX_OK);
    must(WebPMuxSetCanvasSize(mux, (int)width, (int)height) == WEBP_MUX_OK);
    must(WebPMuxAssemble(mux, &data) == WEBP_MUX_OK);
    append(&m, data.bytes, data.size);
    WebPDataClear(&data);
    WebPMuxDelete(mux);
    return m;
}

/* --- APNG: chunks by hand, pixels unfiltered --- */

static void u32(struct made *m, uint32_t v)
{
    const uint8_t b[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    append(m, b, sizeof b);
}

static void u16(struct made *m, uint32_t v)
{
    const uint8_t b[] = {(uint8_t)(v >> 8), (uint8_t)v};
    append(m, b, sizeof b);
}

/* Takes the data over. */
static void chunk(struct made *m, const char *type, struct made data)
{
    u32(m, (uint32_t)data.n);
    size_t start = m->n;
    append(m, type, 4);
    append(m, data.p, data.n);
    u32(m, (uint32_t)crc32(0, m->p + start, (uInt)(m->n - start)));
    free(data.p);
}

static void packed_rows(struct made *m, uint32_t width, uint32_t height, const uint8_t *rgba)
{
    struct made rows = {0};
    for (uint32_t y = 0; y < height; y++) {
        append(&rows, "", 1);
        append(&rows, rgba + (size_t)y * width * 4, (size_t)width * 4);
    }
    uLongf n = compressBound((uLong)rows.n);
    uint8_t *packed = malloc(n);
    must(packed != NULL && compress(packed, &n, rows.p, (uLong)rows.n) == Z_OK);
    append(m, packed, n);
    free(packed);
    free(rows.p);
}

static void control(struct made *m, uint32_t *sequence, const struct made_frame *f)
{
    struct made data = {0};
    const uint8_t ops[] = {(uint8_t)f->after, f->over};
    u32(&data, (*sequence)++);
    u32(&data, f->width);
    u32(&data, f->height);
    u32(&data, f->x);
    u32(&data, f->y);
    u16(&data, (uint32_t)f->ms);
    u16(&data, 1000);
    append(&data, ops, sizeof ops);
    chunk(m, "fcTL", data);
}

/* In two chunks each, as some writers do. */
static void frame_data(struct made *m, uint32_t *sequence, const struct made_frame *f)
{
    struct made all = {0};
    packed_rows(&all, f->width, f->height, f->rgba);
    for (int half = 0; half < 2; half++) {
        struct made data = {0};
        size_t middle = all.n / 2;
        u32(&data, (*sequence)++);
        append(&data, all.p + (half == 0 ? 0 : middle), half == 0 ? middle : all.n - middle);
        chunk(m, "fdAT", data);
    }
    free(all.p);
}

struct made made_apng(uint32_t width, uint32_t height, const uint8_t *still,
                      const struct made_frame *frames, size_t n)
{
    struct made m = {0}, head = {0}, animation = {0}, first = {0};
    uint32_t sequence = 0;
    append(&m, "\x89PNG\r\n\x1a\n", 8);
    u32(&head, width);
    u32(&head, height);
    append(&head, "\x08\x06\0\0\0", 5);
    chunk(&m, "IHDR", head);
    u32(&animation, (uint32_t)n);
    u32(&animation, 0);
    chunk(&m, "acTL", animation);
    if (still == NULL)
        control(&m, &sequence, &frames[0]);
    packed_rows(&first, width, height, still == NULL ? frames[0].rgba : still);
    chunk(&m, "IDAT", first);
    for (size_t i = still == NULL; i < n; i++) {
        control(&m, &sequence, &frames[i]);
        frame_data(&m, &sequence, &frames[i]);
    }
    chunk(&m, "IEND", (struct made){0});
    return m;
}

/* --- TIFF, in memory --- */

struct memory {
    struct made file;
    size_t at;
};

static tmsize_t memory_read(thandle_t h, void *out, tmsize_t n)
{
    struct memory *m = h;
    size_t left = m->at < m->file.n ? m->file.n - m->at : 0;
    size_t take = (size_t)n < left ? (size_t)n : left;
    memcpy(out, m->file.p + m->at, take);
    m->at += take;
    return (tmsize_t)take;
}

static tmsize_t memory_write(thandle_t h, void *p, tmsize_t n)
{
    struct memory *m = h;
    size_t end = m->at + (size_t)n;
    if (m->file.n < end) {
        m->file.p = realloc(m->file.p, end);
        must(m->file.p != NULL);
        memset(m->file.p + m->file.n, 0, end - m->file.n);
        m->file.n = end;
    }
    memcpy(m->file.p + m->at, p, (size_t)n);
    m->at = end;
    return n;
}

static toff_t memory_seek(thandle_t h, toff_t offset, int whence)
{
    struct memory *m = h;
    m->at = (size_t)offset + (whence == SEEK_CUR ? m->at : whence == SEEK_END ? m->file.n : 0);
    return m->at;
}

static int memory_close(thandle_t h)
{
    (void)h;
    return 0;
}

static toff_t memory_size(thandle_t h)
{
    struct memory *m = h;
    return m->file.n;
}

static unsigned tiff_sample(const struct made_tiff *how, const uint8_t *px, unsigned s)
{
    return how->samples == 2 && s == 1 ? px[3] : px[s];
}

/* n pixels of one row, packed; of one plane only, or of all. */
static void tiff_pack(const struct made_tiff *how, const uint8_t *rgba, uint32_t n, int plane,
                      unsigned brighter, uint8_t *out)
{
    size_t bit = 0;
    memset(out, 0, (size_t)n * 8);
    for (uint32_t x = 0; x < n; x++)
        for (unsigned s = 0; s < how->samples; s++) {
            if (plane >= 0 && (int)s != plane)
                continue;
            unsigned v = (tiff_sample(how, rgba + (size_t)x * 4, s) + brighter) & 255;
            if (how->bits == 16) {
                uint16_t wide = (uint16_t)(v << 8 | 0x5a);
                memcpy(out + bit / 8, &wide, 2);
            } else if (how->bits == 8) {
                out[bit / 8] = (uint8_t)v;
            } else {
                out[bit / 8] |= (uint8_t)(v >> (8 - how->bits) << (8 - how->bits - bit % 8));
            }
            bit += how->bits;
        }
}

static void tiff_fields(TIFF *t, const struct made_tiff *how)
{
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, how->width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, how->height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, how->bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, how->samples);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, how->photometric);
    TIFFSetField(t, TIFFTAG_COMPRESSION, how->compression);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG,
                 how->planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    if (how->orientation != 0)
        TIFFSetField(t, TIFFTAG_ORIENTATION, how->orientation);
    if (how->samples == 2 || (how->samples == 4 && how->photometric == PHOTOMETRIC_RGB))
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &how->alpha);
    if (how->tiled) {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, 32u);
        TIFFSetField(t, TIFFTAG_TILELENGTH, 16u);
    } else {
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 16u);
    }
    if (how->photometric == PHOTOMETRIC_PALETTE) {
        uint16_t map[3][256];
        for (unsigned i = 0; i < 256; i++) {
            map[0][i] = (uint16_t)(i << 8);
            map[1][i] = (uint16_t)((255 - i) << 8);
            map[2][i] = (uint16_t)(i / 2 << 8);
        }
        TIFFSetField(t, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
    }
}

static void tiff_tiles(TIFF *t, const struct made_tiff *how, const uint8_t *rgba, unsigned brighter)
{
    uint8_t *tile = calloc(1, 32 * 16 * 8 + 32 * 8), row[32 * 8];
    size_t row_size = (size_t)TIFFTileRowSize(t);
    must(tile != NULL);
    for (uint32_t y = 0; y < how->height; y += 16)
        for (uint32_t x = 0; x < how->width; x += 32) {
            uint32_t n = how->width - x < 32 ? how->width - x : 32;
            for (uint32_t k = 0; k < 16 && y + k < how->height; k++) {
                tiff_pack(how, rgba + ((size_t)(y + k) * how->width + x) * 4, n, -1, brighter, row);
                memcpy(tile + k * row_size, row, row_size);
            }
            must(TIFFWriteTile(t, tile, x, y, 0, 0) >= 0);
        }
    free(tile);
}

static void tiff_rows(TIFF *t, const struct made_tiff *how, const uint8_t *rgba, unsigned brighter)
{
    uint8_t *row = malloc((size_t)how->width * 8);
    must(row != NULL);
    for (uint16_t plane = 0; plane < (how->planar ? how->samples : 1); plane++)
        for (uint32_t y = 0; y < how->height; y++) {
            tiff_pack(how, rgba + (size_t)y * how->width * 4, how->width, how->planar ? plane : -1,
                      brighter, row);
            must(TIFFWriteScanline(t, row, y, plane) >= 0);
        }
    free(row);
}

struct made made_tiff(const struct made_tiff *how, const uint8_t *rgba)
{
    struct memory m = {{0}, 0};
    TIFF *t = TIFFClientOpen("made", "wm", &m, memory_read, memory_write, memory_seek, memory_close,
                             memory_size, NULL, NULL);
    must(t != NULL);
    for (uint32_t page = 0; page < how->pages; page++) {
        tiff_fields(t, how);
        if (how->tiled)
            tiff_tiles(t, how, rgba, page);
        else
            tiff_rows(t, how, rgba, page);
        must(TIFFWriteDirectory(t));
    }
    TIFFClose(t);
    return m.file;
}
