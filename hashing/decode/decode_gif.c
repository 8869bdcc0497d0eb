/*
 * GIF by giflib, a row at a time onto the canvas of an animation.
 *
 * What viewers agree on and the format's text does not say: cleared places become transparent, not
 * the background colour; the canvas grows to hold the first frame, and later ones are cut to it.
 * A file counts only when it was read to its trailer.
 */
#include "hashing/decode/picture_decoders.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/animation.h"

enum { CHANNELS = 4, OPAQUE = 255, COLOURS = 256, CENTISECOND_MS = 10 };

struct reader {
    GifFileType *gif;
    struct cursor in;
    struct picture_run run;
    struct animation animation;
    GraphicsControlBlock control; /* of the next frame */
    uint8_t palette[COLOURS][CHANNELS];
    uint8_t *indices, *rgba; /* a row of the frame */
};

static void reader_close_scoped(struct reader *r)
{
    int why;
    if (r->gif != NULL)
        (void)!DGifCloseFile(r->gif, &why);
    animation_close(&r->animation);
    free(r->indices);
    free(r->rgba);
}

static int on_read(GifFileType *gif, GifByteType *out, int n)
{
    struct reader *r = gif->UserData;
    size_t take = (size_t)n < r->in.left.n ? (size_t)n : r->in.left.n;
    if (take > 0)
        memcpy(out, cursor_take(&r->in, take).p, take);
    return (int)take;
}

static enum rc refuse(struct reader *r, int code)
{
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
        FAIL(r->run.err, RC_LIMIT, "GIF: needs more memory than one medium may have (memory)");
    if (r->in.left.n == 0)
        FAIL(r->run.err, RC_UNDECODABLE, "GIF: the file ends too early");
    const char *words = GifErrorString(code);
    FAIL(r->run.err, RC_UNDECODABLE, "GIF: %s", words != NULL ? words : "corrupt data");
}

/* Colours beyond the palette's end are black; without any palette indices are greys. */
static void set_palette(struct reader *r, const ColorMapObject *map)
{
    for (int i = 0; i < COLOURS; i++) {
        uint8_t *p = r->palette[i];
        memset(p, map == NULL ? i : 0, 3);
        if (map != NULL && i < map->ColorCount) {
            p[0] = map->Colors[i].Red;
            p[1] = map->Colors[i].Green;
            p[2] = map->Colors[i].Blue;
        }
        p[3] = i == r->control.TransparentColor ? 0 : OPAQUE;
    }
}

/* The colour of nothing: the transparent one, as programs show it that ignore transparency. */
static enum rc open_canvas(struct reader *r)
{
    const GifImageDesc *image = &r->gif->Image;
    const ColorMapObject *screen = r->gif->SColorMap;
    uint8_t clear[3] = {0};
    int background = r->gif->SBackGroundColor;
    if (r->control.TransparentColor != NO_TRANSPARENT_COLOR)
        memcpy(clear, r->palette[r->control.TransparentColor], sizeof clear);
    else if (screen != NULL && background < screen->ColorCount)
        memcpy(clear, &screen->Colors[background], sizeof clear);

    int right = image->Left + image->Width;
    int bottom = image->Top + image->Height;
    return animation_open(&r->animation, &r->run, 0,
                          (uint32_t)(r->gif->SWidth > right ? r->gif->SWidth : right),
                          (uint32_t)(r->gif->SHeight > bottom ? r->gif->SHeight : bottom), clear);
}

static void paint(const struct reader *r, uint8_t *restrict rgba, uint32_t n)
{
    const uint8_t *indices = r->indices;
    for (size_t x = 0; x < n; x++)
        memcpy(rgba + CHANNELS * x, r->palette[indices[x]], CHANNELS);
}

static bool is_row_opaque(const struct reader *r, uint32_t n)
{
    int transparent = r->control.TransparentColor;
    return transparent == NO_TRANSPARENT_COLOR || memchr(r->indices, transparent, n) == NULL;
}

static enum rc read_row(struct reader *r, uint32_t y)
{
    uint32_t width = (uint32_t)r->gif->Image.Width;
    if (DGifGetLine(r->gif, r->indices, (int)width) == GIF_ERROR)
        return refuse(r, r->gif->Error);
    if (is_row_opaque(r, width)) {
        uint32_t seen;
        uint8_t *row = animation_opaque_row(&r->animation, y, &seen);
        paint(r, row, seen);
    } else {
        paint(r, r->rgba, width);
        animation_row(&r->animation, y, 0, 1, r->rgba, width);
    }
    return RC_OK;
}

static enum rc read_rows(struct reader *r)
{
    static const struct {
        uint32_t first, step;
    } in_order[] = {{0, 1}, {0, 0}}, interlaced[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 0}};
    uint32_t height = (uint32_t)r->gif->Image.Height;
    for (size_t i = 0;; i++) {
        uint32_t y = r->gif->Image.Interlace ? interlaced[i].first : in_order[i].first;
        uint32_t step = r->gif->Image.Interlace ? interlaced[i].step : in_order[i].step;
        if (step == 0)
            return RC_OK;
        for (; y < height; y += step)
            TRY(read_row(r, y));
    }
}

static enum rc read_frame(struct reader *r)
{
    static const enum animation_after afters[] = {
        [DISPOSAL_UNSPECIFIED] = AFTER_KEEP,
        [DISPOSE_DO_NOT] = AFTER_KEEP,
        [DISPOSE_BACKGROUND] = AFTER_CLEAR,
        [DISPOSE_PREVIOUS] = AFTER_RESTORE,
    };
    if (DGifGetImageDesc(r->gif) == GIF_ERROR)
        return refuse(r, r->gif->Error);
    const GifImageDesc *image = &r->gif->Image;
    set_palette(r, image->ColorMap != NULL ? image->ColorMap : r->gif->SColorMap);
    if (r->animation.canvas == NULL)
        TRY(open_canvas(r));

    const struct animation_frame frame = {
        .x = (uint32_t)image->Left,
        .y = (uint32_t)image->Top,
        .width = (uint32_t)image->Width,
        .height = (uint32_t)image->Height,
        .shown_ms = (int64_t)r->control.DelayTime * CENTISECOND_MS,
        /* Higher numbers are undefined, and nothing is done. */
        .after = r->control.DisposalMode < (int)(sizeof afters / sizeof *afters)
                     ? afters[r->control.DisposalMode]
                     : AFTER_KEEP,
        .blend = BLEND_OVER,
    };
    TRY(animation_begin(&r->animation, &frame));
    TRY(read_rows(r));
    r->control = (GraphicsControlBlock){.TransparentColor = NO_TRANSPARENT_COLOR};
    return animation_end(&r->animation);
}

static enum rc read_extension(struct reader *r)
{
    int code;
    GifByteType *block; /* its length, then so many bytes */
    if (DGifGetExtension(r->gif, &code, &block) == GIF_ERROR)
        return refuse(r, r->gif->Error);
    if (code == GRAPHICS_EXT_FUNC_CODE && block != NULL)
        (void)!DGifExtensionToGCB(block[0], block + 1, &r->control);
    while (block != NULL)
        if (DGifGetExtensionNext(r->gif, &block) == GIF_ERROR)
            return refuse(r, r->gif->Error);
    return RC_OK;
}

static enum rc read_records(struct reader *r)
{
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(r->gif, &type) == GIF_ERROR)
            return refuse(r, r->gif->Error);
        if (type == TERMINATE_RECORD_TYPE)
            return RC_OK;
        if (type == IMAGE_DESC_RECORD_TYPE)
            TRY(read_frame(r));
        else if (type == EXTENSION_RECORD_TYPE)
            TRY(read_extension(r));
    }
}

static bool sniff(struct bytes in)
{
    return bytes_start_with(in, "GIF8", 4);
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    enum { WIDEST = UINT16_MAX };
    SCOPED(reader_close)
    struct reader r = {.in = cursor_over(in),
                       .run = {.limits = limits, .sink = sink, .err = err},
                       .control = {.TransparentColor = NO_TRANSPARENT_COLOR}};
    r.indices = malloc(WIDEST);
    r.rgba = malloc((size_t)WIDEST * CHANNELS);
    if (r.indices == NULL || r.rgba == NULL)
        FAIL(err, RC_NOMEM, "GIF: no memory for a row");
    int why = 0;
    r.gif = DGifOpen(&r, on_read, &why);
    if (r.gif == NULL)
        return refuse(&r, why);
    TRY(read_records(&r));
    if (r.animation.composed == 0)
        FAIL(err, RC_UNDECODABLE, "GIF: it holds no picture");

    int64_t duration_ms;
    TRY(animation_finish(&r.animation, &duration_ms));
    *ret = picture_info(&r.run, decoder_gif.type);
    ret->duration_ms = duration_ms;
    return RC_OK;
}

const struct decoder decoder_gif = {.type = "image/gif", .sniff = sniff, .decode = decode};
