/*
 * libjpeg leaves its callbacks by longjmp, which runs no cleanup.  So there is one setjmp, in
 * guarded(), and the steps that it runs own nothing: still_jpeg_read() does.
 */
#include "hashing/decode/still_jpeg.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/exif.h"

enum {
    ROWS = 8, /* as many as libjpeg gives at once, and some more */
    /*
     * libjpeg-turbo writes rows that are aligned to a register past the caches, from where they
     * would be read back at once: so none begins at a multiple of 16.
     */
    ALIGNMENT = 16, /* of malloc() */
    ROW_OFFSET = 8
};

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    enum rc rc; /* why it jumped */
    struct err *err;
    struct picture_run *run;
    struct still_jpeg facts;
    bool oriented; /* an Exif block was there: the first one counts */
    uint8_t *rows;
};

static void reader_close_scoped(struct reader *r)
{
    jpeg_destroy_decompress(&r->jpeg);
    free(r->rows);
}

_Noreturn static void leave(struct reader *r, enum rc rc, const char *text)
{
    r->rc = err_set(r->err, rc, HERE, "JPEG: %s", text);
    longjmp(r->jump, 1);
}

_Noreturn static void leave_by_code(j_decompress_ptr jpeg, int code)
{
    char text[JMSG_LENGTH_MAX];
    jpeg->err->msg_code = code;
    jpeg->err->format_message((j_common_ptr)jpeg, text);
    switch (code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
        leave(jpeg->client_data, RC_LIMIT, "needs more memory than one medium may have (memory)");
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        leave(jpeg->client_data, RC_LIMIT, text);
    default:
        leave(jpeg->client_data, RC_UNDECODABLE, text);
    }
}

static void on_error(j_common_ptr jpeg)
{
    leave_by_code((j_decompress_ptr)jpeg, jpeg->err->msg_code);
}

/*
 * Warnings of real cameras' files that cost no pixel: every viewer shows what is decoded here.
 * Bytes before a marker are what an encoder left over behind a finished segment.
 */
static bool loses_nothing(int code)
{
    return code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM || code == JWRN_EXTRANEOUS_DATA;
}

static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && !loses_nothing(jpeg->err->msg_code)) /* a warning; the rest is tracing */
        on_error(jpeg);
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void nothing_to_do(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* All bytes were there from the start: more are never to be had. */
static boolean on_empty(j_decompress_ptr jpeg)
{
    leave_by_code(jpeg, JWRN_JPEG_EOF);
}

static void on_skip(j_decompress_ptr jpeg, long n)
{
    if (n <= 0)
        return;
    if ((unsigned long)n > jpeg->src->bytes_in_buffer)
        leave_by_code(jpeg, JWRN_JPEG_EOF);
    jpeg->src->next_input_byte += n;
    jpeg->src->bytes_in_buffer -= (size_t)n;
}

/* libjpeg has no limit of its own; 3000 scans in 130 KB cost it many seconds. */
static void on_progress(j_common_ptr common)
{
    j_decompress_ptr jpeg = (j_decompress_ptr)common;
    struct reader *r = jpeg->client_data;
    if ((uint32_t)jpeg->input_scan_number <= r->run->limits->max_jpeg_scans)
        return;
    char text[80];
    snprintf(text, sizeof text, "more than %u progressive scans (max_jpeg_scans)",
             r->run->limits->max_jpeg_scans);
    leave(r, RC_LIMIT, text);
}

/* By libjpeg's own walk over the markers, so that both see the same segments. */
static struct bytes take_segment(j_decompress_ptr jpeg)
{
    struct jpeg_source_mgr *source = jpeg->src;
    struct cursor c = cursor_over(bytes_of(source->next_input_byte, source->bytes_in_buffer));
    size_t length = cursor_u16be(&c);
    if (!c.bad && length < 2)
        leave_by_code(jpeg, JERR_BAD_LENGTH);
    struct bytes segment = cursor_take(&c, length - 2);
    if (c.bad)
        leave_by_code(jpeg, JWRN_JPEG_EOF);
    source->next_input_byte = c.left.p;
    source->bytes_in_buffer = c.left.n;
    return segment;
}

static boolean on_app1(j_decompress_ptr jpeg)
{
    struct reader *r = jpeg->client_data;
    struct bytes segment = take_segment(jpeg);
    if (!r->oriented && bytes_start_with(segment, "Exif\0", 6)) {
        r->oriented = true;
        r->facts.upright = exif_upright(segment);
    }
    return TRUE;
}

static boolean on_app2(j_decompress_ptr jpeg)
{
    struct reader *r = jpeg->client_data;
    struct bytes segment = take_segment(jpeg);
    if (mpf_is_index(segment) && !mpf_open(segment, &r->facts.index))
        leave(r, RC_UNDECODABLE, "its index of pictures (MPF) is unreadable");
    return TRUE;
}

static void reader_init(struct reader *r, struct bytes in)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = print_nothing;
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = in.p,
        .bytes_in_buffer = in.n,
        .init_source = nothing_to_do,
        .fill_input_buffer = on_empty,
        .skip_input_data = on_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = nothing_to_do,
    };
    r->progress.progress_monitor = on_progress;
}

/*
 * A progressive picture is held as coefficients: two bytes for each sample of at most four
 * components.  Over that, libjpeg would want a temporary file.  Overrides the environment's
 * JPEGMEM.
 */
static long coefficient_memory(const struct decode_limits *limits)
{
    const uint64_t slack = 64 << 20;
    uint64_t most = (uint64_t)LONG_MAX - slack;
    return (long)((limits->max_pixels < most / 8 ? limits->max_pixels * 8 : most) + slack);
}

static enum rc choose_output(struct reader *r)
{
    switch (r->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        r->jpeg.out_color_space = JCS_GRAYSCALE;
        return RC_OK;
    case JCS_YCbCr:
    case JCS_RGB:
        r->jpeg.out_color_space = JCS_RGB;
        return RC_OK;
    case JCS_CMYK:
    case JCS_YCCK:
        r->jpeg.out_color_space = JCS_CMYK;
        return RC_OK;
    default:
        FAIL(r->err, RC_UNDECODABLE, "JPEG: %d components are no colour space that is decoded",
             r->jpeg.num_components);
    }
}

static enum rc read_header(struct reader *r)
{
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.mem->max_memory_to_use = coefficient_memory(r->run->limits);
    r->jpeg.src = &r->source;
    r->jpeg.progress = &r->progress;
    jpeg_set_marker_processor(&r->jpeg, JPEG_APP0 + 1, on_app1);
    jpeg_set_marker_processor(&r->jpeg, JPEG_APP0 + 2, on_app2);
    jpeg_read_header(&r->jpeg, TRUE);

    TRY(picture_count(r->run, r->jpeg.image_width, r->jpeg.image_height));
    r->jpeg.dct_method = JDCT_ISLOW;
    return choose_output(r);
}

/* Turns a row of CMYK into RGB where it stands.  Adobe's programs store all four inverted. */
static void cmyk_to_rgb(uint8_t *row, size_t n, bool inverted)
{
    unsigned flip = inverted ? 0 : 255;
    for (size_t i = 0; i < n; i++) {
        unsigned k = row[4 * i + 3] ^ flip;
        for (size_t c = 0; c < 3; c++)
            row[3 * i + c] = (uint8_t)(((row[4 * i + c] ^ flip) * k + 127) / 255);
    }
}

/* Of the widest pixels. */
static size_t row_stride(const struct reader *r)
{
    size_t used = ROW_OFFSET + (size_t)r->jpeg.image_width * 4;
    return (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static enum rc read_rows(struct reader *r)
{
    jpeg_start_decompress(&r->jpeg);
    bool cmyk = r->jpeg.out_color_space == JCS_CMYK;
    TRY(frame_begin(r->run->sink->hasher, r->jpeg.output_width, r->jpeg.output_height,
                    r->jpeg.out_color_space == JCS_GRAYSCALE ? PIXEL_GRAY8 : PIXEL_RGB8, r->err));

    JSAMPROW rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = r->rows + i * row_stride(r) + ROW_OFFSET;
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JDIMENSION y = r->jpeg.output_scanline;
        JDIMENSION n = jpeg_read_scanlines(&r->jpeg, rows, ROWS);
        for (JDIMENSION i = 0; i < n; i++) {
            if (cmyk)
                cmyk_to_rgb(rows[i], r->jpeg.output_width, r->jpeg.saw_Adobe_marker);
            frame_row(r->run->sink->hasher, y + i, rows[i]);
        }
    }
    jpeg_finish_decompress(&r->jpeg); /* reads on to the end of the picture: it must be there */
    return RC_OK;
}

static enum rc guarded(enum rc (*step)(struct reader *r), struct reader *r)
{
    if (setjmp(r->jump))
        return r->rc;
    return step(r);
}

enum rc still_jpeg_read(struct bytes in, struct picture_run *run, struct still_jpeg *ret)
{
    SCOPED(reader_close) struct reader r = {.err = run->err, .run = run};
    reader_init(&r, in);
    TRY(guarded(read_header, &r));

    /* 65500 pixels at most in libjpeg's width, four components at most. */
    r.rows = malloc(ROWS * row_stride(&r));
    if (r.rows == NULL)
        FAIL(run->err, RC_NOMEM, "JPEG: no memory for rows");
    TRY(guarded(read_rows, &r));
    r.facts.length = in.n - r.source.bytes_in_buffer;
    *ret = r.facts;
    return RC_OK;
}
