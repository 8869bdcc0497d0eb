#include "hashing/decode/animation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"

enum {
    CHANNELS = 4,
    OPAQUE = 255,
    GAP_MS = 100,       /* between the beginnings of two hashed frames */
    UNSHOWABLE_MS = 10, /* browsers hold frames of up to this time … */
    HELD_MS = 100       /* … for that long */
};

/* The canvas's rows are cleared when they are first needed: most frames cover them at once. */
enum row_state {
    ROW_CLEAR, /* as if cleared; its pixels are still to be written */
    ROW_MIXED, /* its pixels have to be looked at */
    ROW_OPAQUE /* none of them is translucent */
};

static void clear_pixels(const struct animation *a, uint8_t *rgba, uint32_t n)
{
    for (size_t x = 0; x < n; x++)
        memcpy(rgba + x * CHANNELS, a->clear, CHANNELS);
}

static uint8_t *row_at(const struct animation *a, uint32_t y)
{
    return a->canvas + (size_t)y * a->width * CHANNELS;
}

static uint8_t *pixel_at(struct animation *a, uint32_t x, uint32_t y)
{
    uint8_t *row = row_at(a, y);
    if (a->rows[y] == ROW_CLEAR) {
        clear_pixels(a, row, a->width);
        a->rows[y] = ROW_MIXED;
    }
    return row + (size_t)x * CHANNELS;
}

static void clear_rows(struct animation *a, const struct animation_frame *f)
{
    for (uint32_t y = f->y; y < f->y + f->height; y++) {
        if (f->width < a->width)
            clear_pixels(a, pixel_at(a, f->x, y), f->width);
        a->rows[y] = f->width < a->width ? ROW_MIXED : ROW_CLEAR;
    }
}

enum rc animation_open(struct animation *a, struct picture_run *run, uint32_t track, uint32_t width,
                       uint32_t height, const uint8_t clear[3])
{
    TRY(picture_check_size(width, height, run->limits, run->err));
    if (width == 0 || height == 0)
        FAIL(run->err, RC_UNDECODABLE, "an animation without pixels");
    *a = (struct animation){.run = run, .track = track, .width = width, .height = height};
    memcpy(a->clear, clear, 3);
    a->canvas = malloc((size_t)width * height * CHANNELS + 1);
    a->rows = calloc(height, 1);
    if (a->canvas == NULL || a->rows == NULL)
        FAIL(run->err, RC_NOMEM, "no memory for a canvas of %" PRIu32 "x%" PRIu32, width, height);
    return RC_OK;
}

void animation_close(struct animation *a)
{
    free(a->canvas);
    free(a->rows);
    free(a->saved);
}

/* Copies the frame's place between the canvas and `saved`. */
static void copy_place(struct animation *a, bool restore)
{
    size_t n = (size_t)a->frame.width * CHANNELS;
    for (uint32_t y = 0; y < a->frame.height; y++) {
        uint8_t *canvas = pixel_at(a, a->frame.x, a->frame.y + y);
        if (!restore) {
            memcpy(a->saved + y * n, canvas, n);
            continue;
        }
        memcpy(canvas, a->saved + y * n, n);
        a->rows[a->frame.y + y] = ROW_MIXED;
    }
}

static void dispose(struct animation *a)
{
    if (a->frame.after == AFTER_CLEAR)
        clear_rows(a, &a->frame);
    else if (a->frame.after == AFTER_RESTORE)
        copy_place(a, true);
    free(a->saved);
    a->saved = NULL;
}

static uint32_t cut(uint32_t at, uint32_t length, uint32_t end)
{
    return at >= end ? 0 : length < end - at ? length : end - at;
}

/* What of it is seen; a place of no pixels lies at the canvas's beginning. */
static struct animation_frame seen_of(const struct animation *a, const struct animation_frame *f)
{
    struct animation_frame seen = *f;
    seen.width = cut(f->x, f->width, a->width);
    seen.height = cut(f->y, f->height, a->height);
    if (seen.width == 0 || seen.height == 0)
        seen.x = seen.y = seen.width = seen.height = 0;
    return seen;
}

static enum rc advance_time(struct animation *a, int64_t shown_ms)
{
    const struct decode_limits *limits = a->run->limits;
    a->begins_ms = a->ends_ms;
    if (__builtin_add_overflow(a->begins_ms, shown_ms <= UNSHOWABLE_MS ? HELD_MS : shown_ms,
                               &a->ends_ms) ||
        (a->composed > 0 && a->ends_ms > limits->max_duration_ms))
        FAIL(a->run->err, RC_LIMIT, "an animation that takes longer, over max_duration %" PRId64,
             limits->max_duration_ms);
    return RC_OK;
}

enum rc animation_begin(struct animation *a, const struct animation_frame *frame)
{
    if (a->composed > 0)
        dispose(a);
    bool larger = (uint64_t)frame->width * frame->height > (uint64_t)a->width * a->height;
    TRY(picture_count(a->run, larger ? frame->width : a->width,
                      larger ? frame->height : a->height));
    TRY(advance_time(a, frame->shown_ms));
    a->frame = seen_of(a, frame);
    a->hashed = false;
    if (a->frame.after == AFTER_RESTORE) {
        a->saved = malloc((size_t)a->frame.width * a->frame.height * CHANNELS + 1);
        if (a->saved == NULL)
            FAIL(a->run->err, RC_NOMEM, "no memory for what an animation's frame covers");
        copy_place(a, false);
    }
    return RC_OK;
}

/* Both with alpha of their own: a weighted mean, the lower one's weight what the upper lets by. */
static void blend(uint8_t *lower, const uint8_t *upper)
{
    unsigned above = upper[3] * 255u;
    unsigned below = lower[3] * (255u - upper[3]);
    unsigned both = above + below;
    for (int c = 0; c < 3; c++)
        lower[c] = (uint8_t)((upper[c] * above + lower[c] * below + both / 2) / both);
    lower[3] = (uint8_t)((both + OPAQUE / 2) / OPAQUE);
}

/* Over nothing a pixel is laid as it is stored, even one that is not seen: signals ignore alpha. */
static void lay_over(uint8_t *lower, const uint8_t *upper)
{
    if (upper[3] == OPAQUE || lower[3] == 0)
        memcpy(lower, upper, CHANNELS);
    else if (upper[3] != 0)
        blend(lower, upper);
}

/* All pixels at once, four channels each: no branch for each of them. */
static bool is_row_opaque(const uint8_t *rgba, size_t n)
{
    uint32_t all = UINT32_MAX;
    uint8_t channels[CHANNELS];
    for (size_t i = 0; i < n; i++) {
        uint32_t pixel;
        memcpy(&pixel, rgba + i * CHANNELS, sizeof pixel);
        all &= pixel;
    }
    memcpy(channels, &all, sizeof channels);
    return channels[3] == OPAQUE;
}

uint8_t *animation_opaque_row(struct animation *a, uint32_t y, uint32_t *ret_n)
{
    *ret_n = y < a->frame.height ? a->frame.width : 0;
    if (*ret_n == 0)
        return a->canvas;
    if (a->frame.width == a->width)
        a->rows[a->frame.y + y] = ROW_OPAQUE;
    return pixel_at(a, a->frame.x, a->frame.y + y);
}

void animation_row(struct animation *a, uint32_t y, uint32_t x0, uint32_t step, const uint8_t *rgba,
                   uint32_t n)
{
    if (y >= a->frame.height)
        return;
    bool opaque = is_row_opaque(rgba, n);
    if (opaque && step == 1 && x0 == 0 && n >= a->frame.width) {
        uint32_t seen;
        uint8_t *whole = animation_opaque_row(a, y, &seen);
        memcpy(whole, rgba, (size_t)seen * CHANNELS);
        return;
    }
    uint8_t *row = pixel_at(a, a->frame.x, a->frame.y + y);
    bool replace = opaque || a->frame.blend == BLEND_REPLACE;
    if (!opaque)
        a->rows[a->frame.y + y] = ROW_MIXED;
    uint64_t x = x0;
    for (uint32_t i = 0; i < n && x < a->frame.width; i++, x += step)
        if (replace)
            memcpy(row + x * CHANNELS, rgba + (size_t)i * CHANNELS, CHANNELS);
        else
            lay_over(row + x * CHANNELS, rgba + (size_t)i * CHANNELS);
}

/* Up to the first row that is not opaque; *ret_opaque: there was none. */
static enum rc hash_opaque_rows(struct animation *a, bool *ret_opaque)
{
    struct frame_hasher *hasher = a->run->sink->hasher;
    *ret_opaque = false;
    TRY(frame_begin(hasher, a->width, a->height, PIXEL_RGBX8, a->run->err));
    for (uint32_t y = 0; y < a->height; y++) {
        const uint8_t *rgba = pixel_at(a, 0, y);
        if (a->rows[y] != ROW_OPAQUE && !is_row_opaque(rgba, a->width))
            return RC_OK;
        a->rows[y] = ROW_OPAQUE;
        frame_row(hasher, y, rgba);
    }
    *ret_opaque = true;
    return RC_OK;
}

static enum rc hash_translucent_rows(struct animation *a)
{
    struct frame_hasher *hasher = a->run->sink->hasher;
    TRY(frame_begin(hasher, a->width, a->height, PIXEL_RGBA8, a->run->err));
    for (uint32_t y = 0; y < a->height; y++)
        frame_row(hasher, y, pixel_at(a, 0, y));
    return RC_OK;
}

/* Transparency costs a hash on white and one on black: only where there is some. */
static enum rc hash_canvas(struct animation *a)
{
    bool opaque;
    TRY(hash_opaque_rows(a, &opaque));
    if (!opaque)
        TRY(hash_translucent_rows(a));
    const struct frame_place place = {.ms = a->begins_ms, .track = a->track, .key = true};
    a->hashed = true;
    a->hashed_ms = a->begins_ms;
    return picture_deliver(a->run, &place);
}

enum rc animation_end(struct animation *a)
{
    bool first = a->composed++ == 0;
    if (first || a->ends_ms - a->hashed_ms > GAP_MS)
        return hash_canvas(a);
    return RC_OK;
}

enum rc animation_flush(struct animation *a)
{
    return a->composed > 0 && !a->hashed ? hash_canvas(a) : RC_OK;
}

void animation_drop(struct animation *a)
{
    a->ends_ms = a->begins_ms;
    a->hashed = true;
}

enum rc animation_finish(struct animation *a, int64_t *ret_ms)
{
    TRY(animation_flush(a));
    *ret_ms = a->composed > 1 ? a->ends_ms : 0;
    return RC_OK;
}
