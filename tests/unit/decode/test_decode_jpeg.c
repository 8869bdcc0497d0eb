/* Is a JPEG hashed as its pixels are, and is what was not wholly read refused? */
#include "tests/unit/decode/fixture.h"

#include <stdio.h>

#include <jpeglib.h>

#include "tests/support/oom.h"

enum { W = 203, H = 151, NEAR_ENOUGH = 8 };

enum kind { GRAY, COLOUR, COLOUR_RGB, CMYK_ADOBE, CMYK_PLAIN, YCCK, TWO_COMPONENTS };
enum { PROGRESSIVE = 1, ARITHMETIC = 2, SUBSAMPLED = 4, RESTARTS = 8 };

static struct rnd rnd;

static void set_kind(struct jpeg_compress_struct *c, enum kind kind)
{
    static const struct {
        int components;
        J_COLOR_SPACE in, stored;
    } kinds[] = {
        [GRAY] = {1, JCS_GRAYSCALE, JCS_GRAYSCALE},
        [COLOUR] = {3, JCS_RGB, JCS_YCbCr},
        [COLOUR_RGB] = {3, JCS_RGB, JCS_RGB},
        [CMYK_ADOBE] = {4, JCS_CMYK, JCS_CMYK},
        [CMYK_PLAIN] = {4, JCS_CMYK, JCS_CMYK},
        [YCCK] = {4, JCS_CMYK, JCS_YCCK},
        [TWO_COMPONENTS] = {2, JCS_UNKNOWN, JCS_UNKNOWN},
    };
    c->input_components = kinds[kind].components;
    c->in_color_space = kinds[kind].in;
    jpeg_set_defaults(c);
    jpeg_set_colorspace(c, kinds[kind].stored);
    if (kind == CMYK_PLAIN)
        c->write_Adobe_marker = FALSE;
}

/* R = C*K/255 with the inverted values that Adobe stores. */
static void to_inverted_cmyk(const uint8_t *rgb, uint8_t *cmyk)
{
    unsigned k = 1;
    for (int i = 0; i < 3; i++)
        k = rgb[i] > k ? rgb[i] : k;
    for (int i = 0; i < 3; i++)
        cmyk[i] = (uint8_t)(rgb[i] * 255 / k);
    cmyk[3] = (uint8_t)k;
}

static void fill_row(const struct picture *p, uint32_t y, enum kind kind, size_t n, uint8_t *row)
{
    for (uint32_t x = 0; x < p->width; x++) {
        const uint8_t *px = picture_at(p, x, y);
        if (n < 4)
            memcpy(row + x * n, px, n);
        else
            to_inverted_cmyk(px, row + x * n);
        for (size_t i = 0; kind == CMYK_PLAIN && i < 4; i++)
            row[x * n + i] ^= 255;
    }
}

static struct file write_jpeg(const struct picture *p, enum kind kind, int flags)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long n = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    c.image_width = p->width;
    c.image_height = p->height;
    set_kind(&c, kind);
    jpeg_set_quality(&c, 95, TRUE);
    if (!(flags & SUBSAMPLED))
        c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
    if (flags & RESTARTS)
        c.restart_interval = 3;
    if (flags & PROGRESSIVE)
        jpeg_simple_progression(&c);
    c.arith_code = (flags & ARITHMETIC) != 0;

    jpeg_start_compress(&c, TRUE);
    SCOPED(mem_free) uint8_t *row = malloc((size_t)p->width * 4);
    assert_non_null(row);
    for (uint32_t y = 0; y < p->height; y++) {
        fill_row(p, y, kind, (size_t)c.input_components, row);
        JSAMPROW rows[] = {row};
        jpeg_write_scanlines(&c, rows, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);

    struct file f = {0};
    file_append(&f, out, n);
    free(out);
    return f;
}

/* A picture of its own for each test, as a file. */
static struct file any_jpeg(int flags)
{
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    return write_jpeg(&p, COLOUR, flags);
}

/* f with a segment of n bytes behind SOI. */
static struct file with_segment(const struct file *f, uint8_t marker, const void *p, size_t n)
{
    const uint8_t head[] = {0xff, marker, (uint8_t)((n + 2) >> 8), (uint8_t)(n + 2)};
    SCOPED(file_free) struct file headed = file_insert(f, 2, head, sizeof head);
    return file_insert(&headed, 6, p, n);
}

static void hashes_every_kind_as_its_pixels(void **state)
{
    (void)state;
    static const enum kind kinds[] = {GRAY, COLOUR, COLOUR_RGB, CMYK_ADOBE, CMYK_PLAIN, YCCK};
    static const int flags[] = {0,          PROGRESSIVE, ARITHMETIC,
                                SUBSAMPLED, RESTARTS,    PROGRESSIVE | SUBSAMPLED};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
            SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
            SCOPED(file_free) struct file f = write_jpeg(&p, kinds[k], flags[i]);
            struct frame_hashes want =
                picture_hashes(&p, kinds[k] == GRAY ? PIXEL_GRAY8 : PIXEL_RGB8);
            struct outcome o = decoded(file_bytes(&f));
            assert_one_frame(o);
            assert_string_equal(o.info.type, "image/jpeg");
            assert_int_equal(o.info.width, W);
            assert_int_equal(o.info.height, H);
            assert_int_equal(o.hashes.looks, 1);
            for (int t = 0; t < ORIENTATIONS; t++)
                assert_in_range(pdq_distance(&o.hashes.look[0].hash[t], &want.look[0].hash[t]), 0,
                                NEAR_ENOUGH);
        }
}

static void decodes_every_small_size(void **state)
{
    (void)state;
    for (uint32_t w = 1; w <= 18; w++)
        for (uint32_t h = 1; h <= 18; h++) {
            SCOPED(picture_free) struct picture p = picture_new(&rnd, w, h);
            SCOPED(file_free) struct file f = write_jpeg(&p, COLOUR, SUBSAMPLED);
            assert_int_equal(decoded(file_bytes(&f)).rc, RC_OK);
        }
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    static const int flags[] = {0, PROGRESSIVE, ARITHMETIC, RESTARTS};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        SCOPED(file_free) struct file f = any_jpeg(flags[i]);
        assert_refused_when_cut(&f, 2);
        assert_refused(decoded(bytes_of(f.p, f.n / 2)), RC_UNDECODABLE,
                       "JPEG: Premature end of JPEG file");
    }
}

static void refuses_corrupt_data_in_libjpegs_words(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(RESTARTS);
    size_t restart = f.n / 2;
    while (f.p[restart] != 0xff || (f.p[restart + 1] & 0xf8) != 0xd0)
        restart++;
    f.p[restart + 1] ^= 4;
    struct outcome o = decoded(file_bytes(&f));
    assert_int_equal(o.rc, RC_UNDECODABLE);
    assert_non_null(strstr(o.err.msg, "JPEG: Corrupt JPEG data: found marker"));
}

/* libjpeg shows the first scan of such a file, other viewers may show the second. */
static void refuses_a_scan_behind_the_last(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(0);
    size_t scan = 2;
    while (f.p[scan] != 0xff || f.p[scan + 1] != 0xda)
        scan++;
    SCOPED(file_free) struct file twice = file_insert(&f, f.n - 2, f.p + scan, f.n - 2 - scan);
    assert_refused(decoded(file_bytes(&twice)), RC_UNDECODABLE,
                   "JPEG: Didn't expect more than one scan");
}

static void refuses_two_components(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    SCOPED(file_free) struct file f = write_jpeg(&p, TWO_COMPONENTS, 0);
    assert_refused(decoded(file_bytes(&f)), RC_UNDECODABLE,
                   "JPEG: 2 components are no colour space that is decoded");
}

static void names_the_limit_on_pixels(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(0);
    struct decode_limits limits = ample;
    limits.max_pixels = W * H;
    assert_int_equal(decoded_within(file_bytes(&f), limits).rc, RC_OK);
    limits.max_pixels--;
    assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                   "203x151 is 30653 pixels, over max_pixels 30652");

    size_t sof = 2;
    while (f.p[sof] != 0xff || f.p[sof + 1] != 0xc0)
        sof++;
    memcpy(f.p + sof + 5, "\xff\xdc\xff\xdc", 4);
    assert_refused(decoded(file_bytes(&f)), RC_LIMIT,
                   "65500x65500 is 4290250000 pixels, over max_pixels 50000000");
    memcpy(f.p + sof + 5, "\xff\xff\xff\xff", 4);
    assert_refused(decoded(file_bytes(&f)), RC_LIMIT,
                   "JPEG: Maximum supported image dimension is 65500 pixels");
}

static void names_the_limit_on_scans(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(PROGRESSIVE); /* libjpeg's script has ten */
    struct decode_limits limits = ample;
    limits.max_jpeg_scans = 10;
    assert_int_equal(decoded_within(file_bytes(&f), limits).rc, RC_OK);
    limits.max_jpeg_scans = 9;
    assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                   "JPEG: more than 9 progressive scans (max_jpeg_scans)");
}

/* Real cameras write these; each costs no pixel, so none may refuse the picture. */
static void forgives_warnings_that_cost_no_pixel(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(0);
    struct outcome plain = decoded(file_bytes(&f));
    SCOPED(file_free) struct file left_over = file_insert(&f, f.n - 2, "\x12\x34\x56", 3);
    SCOPED(file_free) struct file between = file_insert(&f, 20, "\0\0", 2); /* behind JFIF */
    const struct file *forgiven[] = {&left_over, &between};
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = decoded(file_bytes(forgiven[i]));
        assert_int_equal(o.rc, RC_OK);
        assert_same_hashes(&o.hashes, &plain.hashes);
    }
    assert_memory_equal(f.p + 6, "JFIF", 4);
    f.p[11] = 2; /* major revision */
    assert_int_equal(decoded(file_bytes(&f)).rc, RC_OK);
}

static void refuses_a_segment_without_room_for_its_length(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(0);
    SCOPED(file_free) struct file profile = with_segment(&f, 0xe2, "ICC_PROFILE\0\1\1junk", 18);
    assert_int_equal(decoded(file_bytes(&profile)).rc, RC_OK);
    for (char marker = '\xe1'; marker <= '\xe2'; marker++) {
        const char head[] = {'\xff', marker, 0, 1};
        SCOPED(file_free) struct file bogus = file_insert(&f, 2, head, sizeof head);
        assert_refused(decoded(file_bytes(&bogus)), RC_UNDECODABLE, "JPEG: Bogus marker length");
    }
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    static const int flags[] = {0, PROGRESSIVE | SUBSAMPLED, ARITHMETIC};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        SCOPED(file_free) struct file f = any_jpeg(flags[i]);
        assert_survives_flips(&f, &rnd, 100);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_jpeg(0);
    survives_failed_allocations(file_bytes(&f), 1);
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_every_kind_as_its_pixels),
        cmocka_unit_test(decodes_every_small_size),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(refuses_corrupt_data_in_libjpegs_words),
        cmocka_unit_test(refuses_a_scan_behind_the_last),
        cmocka_unit_test(refuses_two_components),
        cmocka_unit_test(names_the_limit_on_pixels),
        cmocka_unit_test(names_the_limit_on_scans),
        cmocka_unit_test(forgives_warnings_that_cost_no_pixel),
        cmocka_unit_test(refuses_a_segment_without_room_for_its_length),
        cmocka_unit_test(survives_flipped_bytes),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
