/*
 * libpng leaves its callbacks by longjmp, which runs no cleanup.  So there is one setjmp, in
 * guarded(), and the steps that it runs own nothing: still_png_read() does.
 */
#include "hashing/decode/still_png.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "hashing/base/scoped.h"

struct reader {
    png_structp png;
    png_infop info;
    struct cursor in;
    const struct still_png_sink *sink;
    uint32_t width, height;
    uint8_t *row;
    bool out_of_memory;
    enum rc rc; /* why it jumped */
    struct err *err;
};

static void reader_close_scoped(struct reader *r)
{
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->row);
}

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    struct reader *r = png_get_error_ptr(png);
    if (r->out_of_memory)
        r->rc = err_set(r->err, RC_LIMIT, HERE,
                        "PNG: needs more memory than one medium may have (memory)");
    else
        r->rc = err_set(r->err, RC_UNDECODABLE, HERE, "PNG: %s", text);
    png_longjmp(png, 1);
}

/* Warnings are about metadata and about bytes that no viewer shows. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct reader *r = png_get_io_ptr(png);
    struct bytes taken = cursor_take(&r->in, n);
    if (r->in.bad)
        png_error(png, "the file ends too early");
    memcpy(out, taken.p, n);
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t n)
{
    struct reader *r = png_get_mem_ptr(png);
    void *p = malloc(n);
    r->out_of_memory |= p == NULL;
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    free(p);
}

/* 8 bits a sample, colours instead of indices, the transparent colour as alpha. */
static void ask_for_8_bit(struct reader *r)
{
    png_set_expand(r->png);
    png_set_strip_16(r->png); /* the high byte, as Pillow */
    if (r->sink->rgba) {
        png_set_gray_to_rgb(r->png);
        png_set_add_alpha(r->png, 255, PNG_FILLER_AFTER);
    }
    png_read_update_info(r->png, r->info);
}

static enum rc read_header(struct reader *r)
{
    png_set_read_fn(r->png, r, on_read);
    /* Sizes are checked by the sink, in words that name the limit; nothing is allocated before. */
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(r->png, 1 << 20);
    png_set_chunk_cache_max(r->png, 16);
    /* -1: known chunks too, but for IHDR, PLTE, tRNS, IDAT and IEND. */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);

    r->width = png_get_image_width(r->png, r->info);
    r->height = png_get_image_height(r->png, r->info);
    TRY(r->sink->begin(r->sink->ctx, r->width, r->height));
    ask_for_8_bit(r);
    return RC_OK;
}

/* Each pass of Adam7 is a small picture of its own; a narrow one lacks some of them. */
static void read_passes(struct reader *r)
{
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
        int columns = PNG_PASS_COLS((int)r->width, pass);
        int rows = columns == 0 ? 0 : PNG_PASS_ROWS((int)r->height, pass);
        for (int i = 0; i < rows; i++) {
            png_read_row(r->png, r->row, NULL);
            r->sink->row(r->sink->ctx, (uint32_t)PNG_ROW_FROM_PASS_ROW(i, pass),
                         (uint32_t)PNG_PASS_START_COL(pass), (uint32_t)PNG_PASS_COL_OFFSET(pass),
                         r->row, (uint32_t)columns);
        }
    }
}

static void read_in_order(struct reader *r)
{
    for (uint32_t y = 0; y < r->height; y++) {
        png_read_row(r->png, r->row, NULL);
        r->sink->row(r->sink->ctx, y, 0, 1, r->row, r->width);
    }
}

static enum rc read_rows(struct reader *r)
{
    static const enum pixel_format formats[] = {PIXEL_GRAY8, PIXEL_GRAYA8, PIXEL_RGB8, PIXEL_RGBA8};
    TRY(r->sink->format(r->sink->ctx, formats[png_get_channels(r->png, r->info) - 1]));
    if (png_get_interlace_type(r->png, r->info) == PNG_INTERLACE_ADAM7)
        read_passes(r);
    else
        read_in_order(r);
    png_read_end(r->png, NULL);
    return RC_OK;
}

static enum rc guarded(enum rc (*step)(struct reader *r), struct reader *r)
{
    if (setjmp(png_jmpbuf(r->png)))
        return r->rc;
    return step(r);
}

enum rc still_png_read(struct bytes png, const struct still_png_sink *sink, struct err *err)
{
    SCOPED(reader_close) struct reader r = {.in = cursor_over(png), .sink = sink, .err = err};
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_malloc,
                                     on_free);
    if (r.png == NULL)
        FAIL(err, RC_NOMEM, "PNG: no memory for the reader");
    r.info = png_create_info_struct(r.png);
    if (r.info == NULL)
        FAIL(err, RC_NOMEM, "PNG: no memory for the header");
    TRY(guarded(read_header, &r));

    r.row = malloc(png_get_rowbytes(r.png, r.info));
    if (r.row == NULL)
        FAIL(err, RC_NOMEM, "PNG: no memory for a row");
    return guarded(read_rows, &r);
}
