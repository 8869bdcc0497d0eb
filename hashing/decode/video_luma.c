/*
 * Three ways, the first that fits: 8-bit luma rows as they lie in memory, deeper luma converted to
 * float, and everything else (RGB, palettes, packed and big-endian kinds) component by component
 * through libavutil's description of the format.
 *
 * Limited range (black 16, white 235) is stretched by 255/219, as players do; PDQ looks only at
 * differences, so the 16 itself does not matter.
 */
#include "hashing/decode/video_luma.h"

#include <stdlib.h>

#include <libavutil/pixdesc.h>

#include "hashing/base/scoped.h"

enum { BLOCK = 256 };

static const float limited_range = 255.0f / 219.0f;

static bool has_flag(const AVPixFmtDescriptor *desc, uint64_t flag)
{
    return (desc->flags & flag) != 0;
}

static bool is_gray(const AVPixFmtDescriptor *desc)
{
    return desc->nb_components <= 2 && !has_flag(desc, AV_PIX_FMT_FLAG_PAL);
}

static bool is_coloured(const AVPixFmtDescriptor *desc)
{
    return has_flag(desc, AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

/* Luma is limited unless told otherwise; grey alone (cover art) and colours are full. */
static float scale_of(const AVFrame *frame, const AVPixFmtDescriptor *desc)
{
    if (is_coloured(desc) || frame->color_range == AVCOL_RANGE_JPEG)
        return 1.0f;
    if (frame->color_range == AVCOL_RANGE_MPEG)
        return limited_range;
    if (is_gray(desc) || strncmp(desc->name, "yuvj", 4) == 0)
        return 1.0f;
    return limited_range;
}

/* Whether luma samples of this size lie side by side in native order. */
static bool is_plain(const AVPixFmtDescriptor *desc, int bytes)
{
    const AVComponentDescriptor *luma = &desc->comp[0];
    bool big_endian = has_flag(desc, AV_PIX_FMT_FLAG_BE);
    return !is_coloured(desc) && !has_flag(desc, AV_PIX_FMT_FLAG_BITSTREAM) &&
           luma->step == bytes &&
           (bytes == 1 ? luma->depth == 8 && luma->shift == 0
                       : luma->depth > 8 && big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__));
}

static const uint8_t *row_of(const AVFrame *frame, const AVPixFmtDescriptor *desc, uint32_t y)
{
    int plane = desc->comp[0].plane;
    return frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane] + desc->comp[0].offset;
}

static void add_bytes(struct frame_hasher *hasher, const AVFrame *frame,
                      const AVPixFmtDescriptor *desc)
{
    for (uint32_t y = 0; y < (uint32_t)frame->height; y++)
        frame_row(hasher, y, row_of(frame, desc, y));
    frame_scale(hasher, scale_of(frame, desc));
}

static float one_over_max(const AVPixFmtDescriptor *desc)
{
    return 255.0f / (float)((1u << desc->comp[0].depth) - 1);
}

/* Scaled by powers of two: 10-bit 940 is 8-bit 235. */
static void add_words(struct frame_hasher *hasher, const AVFrame *frame,
                      const AVPixFmtDescriptor *desc, float *row)
{
    int shift = desc->comp[0].shift;
    float scale = 1.0f / (float)(1u << (desc->comp[0].depth - 8));
    uint32_t width = (uint32_t)frame->width;
    for (uint32_t y = 0; y < (uint32_t)frame->height; y++) {
        const uint8_t *p = row_of(frame, desc, y);
        for (uint32_t x = 0; x < width; x++) {
            uint16_t v;
            memcpy(&v, p + 2 * (size_t)x, sizeof v);
            row[x] = (float)(v >> shift) * scale;
        }
        frame_row_luma(hasher, y, row);
    }
    frame_scale(hasher, scale_of(frame, desc));
}

static void read_component(const AVFrame *frame, const AVPixFmtDescriptor *desc, int component,
                           int x, int y, int n, uint16_t *ret)
{
    av_read_image_line2(ret, (const uint8_t **)frame->data, frame->linesize, desc, x, y, component,
                        n, has_flag(desc, AV_PIX_FMT_FLAG_PAL), sizeof *ret);
}

/* A palette's entries are 32-bit words, of which libavutil numbers the bytes. */
static int palette_byte(int component)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? component + 1 : 2 - component;
}

static void read_block(const AVFrame *frame, const AVPixFmtDescriptor *desc, int x, int y, int n,
                       float *ret)
{
    uint16_t c[3][BLOCK];
    bool coloured = is_coloured(desc);
    bool palette = has_flag(desc, AV_PIX_FMT_FLAG_PAL);
    float scale = palette ? 1.0f : one_over_max(desc);
    for (int i = 0; i < (coloured ? 3 : 1); i++)
        read_component(frame, desc, palette ? palette_byte(i) : i, x, y, n, c[i]);
    for (int i = 0; i < n; i++) {
        float v = (float)c[0][i];
        if (coloured)
            v = 0.299f * v + 0.587f * (float)c[1][i] + 0.114f * (float)c[2][i];
        ret[i] = v * scale;
    }
}

static void add_components(struct frame_hasher *hasher, const AVFrame *frame,
                           const AVPixFmtDescriptor *desc, float *row)
{
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x += BLOCK) {
            int left = frame->width - x;
            read_block(frame, desc, x, y, left < BLOCK ? left : BLOCK, row + x);
        }
        frame_row_luma(hasher, (uint32_t)y, row);
    }
    frame_scale(hasher, scale_of(frame, desc));
}

static bool has_luma(const AVPixFmtDescriptor *desc)
{
    const uint64_t none = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;
    return desc != NULL && !has_flag(desc, none) && desc->nb_components > 0 &&
           desc->comp[0].depth <= 16 && strncmp(desc->name, "xyz", 3) != 0;
}

enum rc video_luma_hash(struct frame_hasher *hasher, const AVFrame *frame, struct frame_hashes *ret,
                        struct err *err)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (!has_luma(desc))
        FAIL(err, RC_UNDECODABLE, "video: pixels of the kind %s are not decoded by this version",
             desc != NULL ? desc->name : "unknown");
    TRY(frame_begin(hasher, (uint32_t)frame->width, (uint32_t)frame->height, PIXEL_GRAY8, err));
    if (is_plain(desc, 1)) {
        add_bytes(hasher, frame, desc);
    } else {
        SCOPED(mem_free) float *row = malloc((size_t)frame->width * sizeof *row);
        if (row == NULL)
            FAIL(err, RC_NOMEM, "video: no memory for a row");
        if (is_plain(desc, 2))
            add_words(hasher, frame, desc, row);
        else
            add_components(hasher, frame, desc, row);
    }
    frame_end(hasher, ret);
    return RC_OK;
}
