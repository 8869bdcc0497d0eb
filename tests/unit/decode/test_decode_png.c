/* Is a PNG of every colour type hashed as its pixels are, and what is not whole refused? */
#include "tests/unit/decode/fixture.h"

#include <png.h>

#include "tests/support/oom.h"

enum { W = 83, H = 61, HEADER_END = 8 + 25, IEND_SIZE = 12 };

static struct rnd rnd;

/* How a picture is to be stored. */
struct form {
    int colour_type;
    int depth;
    bool interlaced;
    bool transparent; /* a tRNS chunk */
};

static void on_write(png_structp png, png_bytep p, size_t n)
{
    file_append(png_get_io_ptr(png), p, n);
}

static void on_flush(png_structp png)
{
    (void)png;
}

static size_t channels_of(int colour_type)
{
    switch (colour_type) {
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return 2;
    case PNG_COLOR_TYPE_RGB:
        return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
        return 4;
    default:
        return 1;
    }
}

/* A 16-bit sample's low byte is noise: it must not count. */
static void put_sample(uint8_t *row, size_t i, int depth, unsigned value)
{
    if (depth == 16) {
        row[2 * i] = (uint8_t)value;
        row[2 * i + 1] = (uint8_t)rnd_next(&rnd);
    } else if (depth == 8) {
        row[i] = (uint8_t)value;
    } else {
        size_t bit = i * (size_t)depth;
        row[bit / 8] |= (uint8_t)(value << (8 - (size_t)depth - bit % 8));
    }
}

/*
 * Stores the row and leaves in the picture what a viewer sees of it: fewer bits, palette colours,
 * alpha of the transparent colour.
 */
static void store_row(struct picture *p, uint32_t y, const struct form *form,
                      const png_color palette[256], uint8_t *row)
{
    size_t n = channels_of(form->colour_type);
    unsigned most = form->depth >= 8 ? 255 : (1u << form->depth) - 1;
    for (uint32_t x = 0; x < p->width; x++) {
        uint8_t *px = picture_at(p, x, y);
        unsigned v = form->depth >= 8 ? px[0] : (unsigned)px[0] >> (8 - form->depth);
        if (n == 1) {
            put_sample(row, x, form->depth, v);
            px[0] = (uint8_t)(v * 255 / most);
        } else {
            for (size_t c = 0; c < n; c++)
                put_sample(row, x * n + c, form->depth, c == 1 && n == 2 ? px[3] : px[c]);
        }
        if (form->colour_type == PNG_COLOR_TYPE_PALETTE) {
            px[0] = palette[v].red;
            px[1] = palette[v].green;
            px[2] = palette[v].blue;
        }
        if (form->transparent)
            px[3] = v == 0 ? 0 : 255;
    }
}

/* Colour number 0 is transparent: the palette's first, or black. */
static struct file write_png(struct picture *p, const struct form *form)
{
    struct file f = {0};
    png_color palette[256];
    for (size_t i = 0; i < 256; i++)
        palette[i] =
            (png_color){(uint8_t)rnd_next(&rnd), (uint8_t)rnd_next(&rnd), (uint8_t)rnd_next(&rnd)};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &f, on_write, on_flush);
    png_set_IHDR(png, info, p->width, p->height, form->depth, form->colour_type,
                 form->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (form->colour_type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 1 << form->depth);
    if (form->transparent)
        png_set_tRNS(png, info, (png_bytep) "", 1, &(png_color_16){0});
    png_write_info(png, info);

    size_t row_size = png_get_rowbytes(png, info);
    SCOPED(mem_free) uint8_t *all = calloc(p->height, row_size);
    SCOPED(mem_free) png_bytep *rows = calloc(p->height, sizeof *rows);
    assert_non_null(all);
    assert_non_null(rows);
    for (uint32_t y = 0; y < p->height; y++) {
        rows[y] = all + y * row_size;
        store_row(p, y, form, palette, rows[y]);
    }
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return f;
}

static struct file any_png(int colour_type, bool interlaced)
{
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    struct form form = {.colour_type = colour_type, .depth = 8, .interlaced = interlaced};
    return write_png(&p, &form);
}

static enum pixel_format format_of(const struct form *form)
{
    bool colour = form->colour_type & PNG_COLOR_MASK_COLOR;
    bool alpha = form->transparent || (form->colour_type & PNG_COLOR_MASK_ALPHA);
    return colour ? (alpha ? PIXEL_RGBA8 : PIXEL_RGB8) : (alpha ? PIXEL_GRAYA8 : PIXEL_GRAY8);
}

static void check_form(uint32_t width, uint32_t height, const struct form *form)
{
    SCOPED(picture_free) struct picture p = picture_new(&rnd, width, height);
    SCOPED(file_free) struct file f = write_png(&p, form);
    struct frame_hashes want = picture_hashes(&p, format_of(form));
    struct outcome o = decoded(file_bytes(&f));
    assert_one_frame(o);
    assert_string_equal(o.info.type, "image/png");
    assert_same_hashes(&o.hashes, &want);
}

static void hashes_every_colour_type_as_its_pixels(void **state)
{
    (void)state;
    static const struct form forms[] = {
        {PNG_COLOR_TYPE_GRAY, 1, 0, 0},       {PNG_COLOR_TYPE_GRAY, 2, 0, 0},
        {PNG_COLOR_TYPE_GRAY, 4, 0, 0},       {PNG_COLOR_TYPE_GRAY, 8, 0, 0},
        {PNG_COLOR_TYPE_GRAY, 16, 0, 0},      {PNG_COLOR_TYPE_GRAY, 1, 0, 1},
        {PNG_COLOR_TYPE_GRAY, 4, 0, 1},       {PNG_COLOR_TYPE_GRAY, 8, 0, 1},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0, 0}, {PNG_COLOR_TYPE_GRAY_ALPHA, 16, 0, 0},
        {PNG_COLOR_TYPE_RGB, 8, 0, 0},        {PNG_COLOR_TYPE_RGB, 16, 0, 0},
        {PNG_COLOR_TYPE_RGB_ALPHA, 8, 0, 0},  {PNG_COLOR_TYPE_RGB_ALPHA, 16, 0, 0},
        {PNG_COLOR_TYPE_PALETTE, 1, 0, 0},    {PNG_COLOR_TYPE_PALETTE, 2, 0, 0},
        {PNG_COLOR_TYPE_PALETTE, 4, 0, 0},    {PNG_COLOR_TYPE_PALETTE, 8, 0, 0},
        {PNG_COLOR_TYPE_PALETTE, 4, 0, 1},    {PNG_COLOR_TYPE_PALETTE, 8, 0, 1},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            struct form form = forms[i];
            form.interlaced = interlaced;
            check_form(W, H, &form);
        }
}

/* Narrow and flat pictures lack some of the seven passes. */
static void decodes_every_small_interlaced_size(void **state)
{
    (void)state;
    const struct form form = {PNG_COLOR_TYPE_RGB_ALPHA, 8, true, false};
    for (uint32_t w = 1; w <= 18; w++)
        for (uint32_t h = 1; h <= 18; h++)
            check_form(w, h, &form);
    check_form(1, 300, &form);
    check_form(300, 1, &form);
    check_form(3, 300, &form);
}

static uint32_t crc_of(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* f with a chunk more at a place. */
static struct file with_chunk(const struct file *f, size_t at, const char *type, const void *p,
                              size_t n)
{
    SCOPED(file_free) struct file chunk = {0};
    uint32_t length = __builtin_bswap32((uint32_t)n);
    file_append(&chunk, &length, 4);
    file_append(&chunk, type, 4);
    file_append(&chunk, p, n);
    uint32_t crc = __builtin_bswap32(crc_of(chunk.p + 4, n + 4));
    file_append(&chunk, &crc, 4);
    return file_insert(f, at, chunk.p, chunk.n);
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_RGB, interlaced);
        assert_refused_when_cut(&f, IEND_SIZE);
        assert_refused(decoded(bytes_of(f.p, f.n - IEND_SIZE)), RC_UNDECODABLE,
                       "PNG: the file ends too early");
    }
}

static void refuses_a_wrong_checksum_of_pixels(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_RGB, false);
    f.p[f.n - IEND_SIZE - 1] ^= 1;
    assert_refused(decoded(file_bytes(&f)), RC_UNDECODABLE, "PNG: IDAT: CRC error");
}

static void skips_broken_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data;
        size_t n;
    } chunks[] = {
        {"gAMA", "\0\0\0\0", 4},      {"iCCP", "name\0\0garbage", 13},
        {"cHRM", "\xff\xff", 2},      {"sBIT", "\0\0\0", 3},
        {"zTXt", "k\0\0garbage", 10}, {"bKGD", "\xff\xff\xff", 3},
        {"eXIf", "MM\0*junk", 8},     {"pHYs", "", 0},
        {"npTc", "vendor", 6},        {"tEXt", "k\0words", 7},
        {"sPLT", "p\0\x07", 3},       {"hIST", "\0\1", 2},
        {"tIME", "\0\0\0\0\0", 5},
    };
    SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_RGB, false);
    struct outcome plain = decoded(file_bytes(&f));
    assert_int_equal(plain.rc, RC_OK);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        for (int spoil = 0; spoil < 2; spoil++) {
            SCOPED(file_free)
            struct file more =
                with_chunk(&f, HEADER_END, chunks[i].type, chunks[i].data, chunks[i].n);
            more.p[HEADER_END + 8 + chunks[i].n] ^= (uint8_t)spoil; /* its checksum */
            struct outcome o = decoded(file_bytes(&more));
            assert_int_equal(o.rc, RC_OK);
            assert_same_hashes(&o.hashes, &plain.hashes);
        }
    SCOPED(file_free) struct file critical = with_chunk(&f, HEADER_END, "ABCD", "", 0);
    assert_refused(decoded(file_bytes(&critical)), RC_UNDECODABLE,
                   "PNG: ABCD: unhandled critical chunk");
}

/* As viewers do. */
static void shows_an_index_beyond_the_palette_as_black(void **state)
{
    (void)state;
    static const uint8_t colours[2][3] = {{250, 1, 2}, {3, 240, 5}};
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    SCOPED(picture_free) struct picture seen = {W, H, calloc((size_t)W * H, 4)};
    assert_non_null(seen.rgba);
    for (size_t i = 0; i < (size_t)W * H; i++) {
        p.rgba[4 * i] /= 64;
        if (p.rgba[4 * i] < 2)
            memcpy(&seen.rgba[4 * i], colours[p.rgba[4 * i]], 3);
    }
    const struct form form = {.colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 8};
    SCOPED(file_free) struct file f = write_png(&p, &form);
    SCOPED(file_free) struct file start = {0};
    file_append(&start, f.p, HEADER_END);
    SCOPED(file_free) struct file two = with_chunk(&start, HEADER_END, "PLTE", colours, 6);
    size_t after = HEADER_END + 12 + 3 * 256;
    file_append(&two, f.p + after, f.n - after);

    struct frame_hashes want = picture_hashes(&seen, PIXEL_RGB8);
    struct outcome o = decoded(file_bytes(&two));
    assert_int_equal(o.rc, RC_OK);
    assert_same_hashes(&o.hashes, &want);
}

/* What announces an animation is none without the pictures of one. */
static void hashes_the_picture_of_an_empty_animation(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_RGB, false);
    struct outcome plain = decoded(file_bytes(&f));
    for (char frames = 0; frames < 4; frames++) {
        const char control[] = {0, 0, 0, frames, 0, 0, 0, 0};
        SCOPED(file_free) struct file marked = with_chunk(&f, HEADER_END, "acTL", control, 8);
        /* Data that no control places are shown by nobody; nor any that are announced too late. */
        SCOPED(file_free)
        struct file data = with_chunk(&marked, marked.n - IEND_SIZE, "fdAT", "\0\0\0\1pixels", 10);
        SCOPED(file_free) struct file late = with_chunk(&f, f.n - IEND_SIZE, "acTL", control, 8);
        SCOPED(file_free)
        struct file later = with_chunk(&late, late.n - IEND_SIZE, "fdAT", "\0\0\0\1pixels", 10);
        const struct file *files[] = {&marked, &data, &late, &later};
        for (size_t i = 0; i < 4; i++) {
            struct outcome o = decoded(file_bytes(files[i]));
            assert_one_frame(o);
            assert_same_hashes(&o.hashes, &plain.hashes);
        }
    }
}

static void names_the_limit_on_pixels(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_GRAY, true);
    struct decode_limits limits = ample;
    limits.max_pixels = W * H;
    assert_int_equal(decoded_within(file_bytes(&f), limits).rc, RC_OK);
    limits.max_pixels--;
    assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                   "83x61 is 5063 pixels, over max_pixels 5062");
}

static void names_the_limit_on_sides(void **state)
{
    (void)state;
    static const struct {
        const char *header, *words;
    } cases[] = {
        {"\0\x0f\x42\x41\0\0\0\1\10\2\0\0\0", "1000001x1 has a side over 1000000 pixels"},
        {"\0\0\0\1\0\x0f\x42\x41\10\2\0\0\0", "1x1000001 has a side over 1000000 pixels"},
        {"\x7f\xff\xff\xff\x7f\xff\xff\xff\10\6\0\0\1",
         "2147483647x2147483647 is 4611686014132420609 pixels, over max_pixels 50000000"},
    };
    SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_RGB, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SCOPED(file_free) struct file start = {0};
        file_append(&start, f.p, 8);
        SCOPED(file_free) struct file large = with_chunk(&start, 8, "IHDR", cases[i].header, 13);
        file_append(&large, f.p + HEADER_END, f.n - HEADER_END);
        assert_refused(decoded(file_bytes(&large)), RC_LIMIT, cases[i].words);
    }
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_PALETTE,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        SCOPED(file_free) struct file f = any_png(types[i], i % 2 == 0);
        assert_survives_flips(&f, &rnd, 200);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_png(PNG_COLOR_TYPE_PALETTE, false);
    survives_failed_allocations(file_bytes(&f), 5);
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_every_colour_type_as_its_pixels),
        cmocka_unit_test(decodes_every_small_interlaced_size),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(refuses_a_wrong_checksum_of_pixels),
        cmocka_unit_test(skips_broken_metadata),
        cmocka_unit_test(shows_an_index_beyond_the_palette_as_black),
        cmocka_unit_test(hashes_the_picture_of_an_empty_animation),
        cmocka_unit_test(names_the_limit_on_pixels),
        cmocka_unit_test(names_the_limit_on_sides),
        cmocka_unit_test(survives_flipped_bytes),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
