/*
 * PNG: the picture that every program shows, then those of an animation that browsers show.
 *
 * Where the first picture is not part of the animation it is a track of its own.
 */
#include "hashing/decode/picture_decoders.h"

#include <stdlib.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/animation.h"
#include "hashing/decode/apng.h"
#include "hashing/decode/picture.h"
#include "hashing/decode/still_png.h"

/* A still goes to the hasher row by row. */

static enum rc still_begin(void *ctx, uint32_t width, uint32_t height)
{
    struct picture_run *run = ctx;
    TRY(picture_count(run, width, height));
    run->width = width;
    run->height = height;
    return RC_OK;
}

static enum rc still_format(void *ctx, enum pixel_format format)
{
    struct picture_run *run = ctx;
    return frame_begin(run->sink->hasher, run->width, run->height, format, run->err);
}

static void still_row(void *ctx, uint32_t y, uint32_t x0, uint32_t step, const uint8_t *pixels,
                      uint32_t n)
{
    const struct picture_run *run = ctx;
    if (step == 1)
        frame_row(run->sink->hasher, y, pixels);
    else
        frame_row_sparse(run->sink->hasher, y, x0, step, pixels, n);
}

static enum rc read_still(struct picture_run *run, struct bytes png)
{
    const struct still_png_sink sink = {
        .begin = still_begin, .format = still_format, .row = still_row, .ctx = run};
    TRY(still_png_read(png, &sink, run->err));
    return picture_deliver_still(run, 0);
}

/* A frame goes to the canvas. */

static enum rc frame_begins(void *ctx, uint32_t width, uint32_t height)
{
    (void)ctx, (void)width, (void)height; /* apng.c wrote them there, or saw that they agree */
    return RC_OK;
}

static enum rc frame_format(void *ctx, enum pixel_format format)
{
    (void)ctx, (void)format;
    return RC_OK;
}

static void canvas_row(void *ctx, uint32_t y, uint32_t x0, uint32_t step, const uint8_t *pixels,
                       uint32_t n)
{
    animation_row(ctx, y, x0, step, pixels, n);
}

static enum rc compose(struct animation *animation, const struct animation_frame *frame,
                       struct bytes png)
{
    const struct still_png_sink sink = {.begin = frame_begins,
                                        .format = frame_format,
                                        .row = canvas_row,
                                        .ctx = animation,
                                        .rgba = true};
    TRY(animation_begin(animation, frame));
    TRY(still_png_read(png, &sink, animation->run->err));
    return animation_end(animation);
}

static enum rc compose_all(struct animation *animation, struct apng *apng, struct bytes in)
{
    if (apng->in_animation)
        TRY(compose(animation, &apng->control, in));
    for (;;) {
        SCOPED(mem_free) void *made = NULL;
        struct animation_frame frame;
        struct bytes png;
        TRY(apng_next(apng, &frame, &png, animation->run->err));
        if (png.n == 0)
            return RC_OK;
        made = (void *)(uintptr_t)png.p;
        if (!apng->disordered) {
            TRY(compose(animation, &frame, png));
            continue;
        }
        /* Viewers that count end here.  Those that do not show it, if it can be decoded. */
        TRY(animation_flush(animation));
        enum rc rc = compose(animation, &frame, png);
        if (rc == RC_UNDECODABLE)
            animation_drop(animation);
        if (rc != RC_OK)
            return rc == RC_UNDECODABLE ? RC_OK : rc;
    }
}

static enum rc read_animation(struct picture_run *run, struct apng *apng, struct bytes in,
                              int64_t *ret_duration_ms)
{
    static const uint8_t nothing[3] = {0};
    SCOPED(animation_close) struct animation animation = {0};
    struct cursor head = cursor_over(apng->head);
    uint32_t width = cursor_u32be(&head);
    uint32_t height = cursor_u32be(&head);
    /* Programs that know of no animation show this one, and it is read to the file's end. */
    if (!apng->in_animation)
        TRY(read_still(run, in));
    TRY(animation_open(&animation, run, apng->in_animation ? 0 : 1, width, height, nothing));
    TRY(compose_all(&animation, apng, in));
    return animation_finish(&animation, ret_duration_ms);
}

static bool sniff(struct bytes in)
{
    return bytes_start_with(in, "\x89PNG\r\n\x1a\n", 8);
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    struct picture_run run = {.limits = limits, .sink = sink, .err = err};
    struct apng apng;
    int64_t duration_ms = 0;
    apng_open(in, &apng);
    if (apng.animated)
        TRY(read_animation(&run, &apng, in, &duration_ms));
    else
        TRY(read_still(&run, in));
    *ret = picture_info(&run, decoder_png.type);
    ret->duration_ms = duration_ms;
    ret->upright = apng_upright(in);
    return RC_OK;
}

const struct decoder decoder_png = {.type = "image/png", .sniff = sniff, .decode = decode};
