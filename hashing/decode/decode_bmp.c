/*
 * BMP, by a reader of our own: the format is small, and no library of Debian reads it alone.
 *
 * OS/2's first header and Windows' from 40 bytes on; 1, 2, 4, 8, 16, 24 and 32 bits a pixel, masks
 * for 16 and 32, both run-length codings; from the bottom up or from the top down.  The rest (JPEG
 * or PNG inside, OS/2's own codings) is refused in words.  Rows are given on as they come.
 */
#include "hashing/decode/picture_decoders.h"

#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/bmp_header.h"
#include "hashing/decode/picture.h"

struct reader {
    struct bmp_header head;
    struct cursor data;
    struct picture_run run;
    uint8_t *row;     /* as it is hashed */
    uint8_t *indices; /* of the row that a run-length coding is painting */
    uint32_t x, rows; /* how far it is, and the rows that are given on */
};

static void reader_close_scoped(struct reader *r)
{
    free(r->row);
    free(r->indices);
}

static uint32_t u_le(const uint8_t *p, size_t n)
{
    uint32_t v = 0;
    for (size_t i = n; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

/* Any number of bits, anywhere in the pixel, as eight. */
static uint8_t masked(uint32_t pixel, uint32_t mask)
{
    if (mask == 0)
        return 0;
    int shift = __builtin_ctz(mask);
    return (uint8_t)((uint64_t)((pixel & mask) >> shift) * 255 / (mask >> shift));
}

static const uint8_t *unpack_masked(const struct reader *r, const uint8_t *p)
{
    size_t size = r->head.bits / 8;
    uint8_t *out = r->row;
    for (uint32_t x = 0; x < r->head.width; x++, p += size) {
        uint32_t pixel = u_le(p, size);
        for (size_t c = 0; c < (r->head.mask[3] != 0 ? 4 : 3); c++)
            *out++ = masked(pixel, r->head.mask[c]);
    }
    return r->row;
}

static const uint8_t *unpack_bgr(const struct reader *r, const uint8_t *p)
{
    for (size_t x = 0; x < r->head.width; x++)
        for (size_t c = 0; c < 3; c++)
            r->row[3 * x + c] = p[3 * x + 2 - c];
    return r->row;
}

static const uint8_t *unpack_indices(const struct reader *r, const uint8_t *p)
{
    uint32_t bits = r->head.bits;
    for (size_t x = 0; x < r->head.width; x++) {
        size_t bit = x * bits;
        unsigned i = (unsigned)p[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
        memcpy(r->row + 3 * x, r->head.palette[i], 3);
    }
    return r->row;
}

/* The next row in the file's order. */
static void give(struct reader *r, const uint8_t *pixels)
{
    uint32_t y = r->head.top_down ? r->rows : r->head.height - 1 - r->rows;
    frame_row(r->run.sink->hasher, y, pixels);
    r->rows++;
}

static enum rc read_plain(struct reader *r)
{
    uint64_t used = ((uint64_t)r->head.width * r->head.bits + 7) / 8;
    uint64_t padded = (used + 3) / 4 * 4;
    while (r->rows < r->head.height) {
        bool last = r->rows + 1 == r->head.height; /* whose padding some writers leave out */
        struct bytes row = cursor_take(&r->data, last ? used : padded);
        if (r->data.bad)
            FAIL(r->run.err, RC_UNDECODABLE, "BMP: the file ends too early");
        if (r->head.bits <= 8)
            give(r, unpack_indices(r, row.p));
        else if (r->head.bits == 24)
            give(r, unpack_bgr(r, row.p));
        else
            give(r, unpack_masked(r, row.p));
    }
    return RC_OK;
}

/* Gives on the row that was painted; the next begins with the first colour everywhere. */
static void end_row(struct reader *r)
{
    for (size_t x = 0; x < r->head.width; x++)
        memcpy(r->row + 3 * x, r->head.palette[r->indices[x]], 3);
    memset(r->indices, 0, r->head.width);
    if (r->rows < r->head.height)
        give(r, r->row);
}

/* What goes beyond the row is painted by no viewer. */
static void paint(struct reader *r, uint8_t index)
{
    if (r->x < r->head.width)
        r->indices[r->x++] = index;
}

/* n pixels of one byte, or of two half bytes in turn. */
static void paint_run(struct reader *r, unsigned n, uint8_t value)
{
    for (unsigned i = 0; i < n; i++)
        paint(r, r->head.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
}

static void paint_literal(struct reader *r, unsigned n)
{
    unsigned size = r->head.bits == 8 ? n : (n + 1) / 2;
    struct bytes p = cursor_take(&r->data, (size + 1) / 2 * 2);
    for (unsigned i = 0; i < n && p.n > 0; i++)
        paint(r, r->head.bits == 8 ? p.p[i] : i % 2 == 0 ? p.p[i / 2] >> 4 : p.p[i / 2] & 15);
}

static void skip_ahead(struct reader *r)
{
    uint32_t right = cursor_u8(&r->data);
    uint32_t up = cursor_u8(&r->data);
    for (; up > 0; up--)
        end_row(r);
    r->x = r->head.width - r->x < right ? r->head.width : r->x + right;
}

static enum rc read_runs(struct reader *r)
{
    enum { END_ROW, END_PICTURE, SKIP };
    while (r->rows < r->head.height) {
        uint8_t n = cursor_u8(&r->data);
        uint8_t value = cursor_u8(&r->data);
        if (r->data.bad)
            FAIL(r->run.err, RC_UNDECODABLE, "BMP: the file ends too early");
        if (n > 0) {
            paint_run(r, n, value);
        } else if (value == SKIP) {
            skip_ahead(r);
        } else if (value > SKIP) {
            paint_literal(r, value);
        } else {
            end_row(r);
            r->x = 0;
            while (value == END_PICTURE && r->rows < r->head.height)
                end_row(r);
        }
    }
    return RC_OK;
}

static bool sniff(struct bytes in)
{
    return bmp_header_sniff(in);
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    SCOPED(reader_close)
    struct reader r = {.run = {.limits = limits, .sink = sink, .err = err}};
    TRY(bmp_header_read(in, &r.head, err));
    TRY(picture_count(&r.run, r.head.width, r.head.height));
    r.row = malloc((size_t)r.head.width * 4);
    r.indices = calloc(r.head.width, 1);
    if (r.row == NULL || r.indices == NULL)
        FAIL(err, RC_NOMEM, "BMP: no memory for a row");
    r.data = cursor_over(in);
    (void)cursor_take(&r.data, r.head.data_at);
    TRY(frame_begin(sink->hasher, r.head.width, r.head.height,
                    r.head.bits > 8 && r.head.mask[3] != 0 ? PIXEL_RGBA8 : PIXEL_RGB8, err));
    TRY(r.head.runs ? read_runs(&r) : read_plain(&r));
    TRY(picture_deliver_still(&r.run, 0));
    *ret = picture_info(&r.run, decoder_bmp.type);
    return RC_OK;
}

const struct decoder decoder_bmp = {.type = "image/bmp", .sniff = sniff, .decode = decode};
