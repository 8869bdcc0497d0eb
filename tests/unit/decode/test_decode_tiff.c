/* Is every page of a TIFF hashed as its pixels are, however they are stored? */
#include "tests/unit/decode/fixture.h"

#include <tiffio.h>

#include "tests/support/made_media.h"
#include "tests/support/oom.h"

enum { W = 83, H = 61, NEAR_ENOUGH = 8 };

static struct rnd rnd;

static struct file write_tiff(const struct made_tiff *how, const struct picture *p)
{
    struct made m = made_tiff(how, p->rgba);
    return (struct file){.p = m.p, .n = m.n};
}

static unsigned as_stored(const struct made_tiff *how, unsigned v)
{
    return how->bits >= 8 ? v : (v >> (8 - how->bits)) * 255 / ((1u << how->bits) - 1);
}

/* What viewers see of the stored pixel. */
static void see(const struct made_tiff *how, uint8_t px[4])
{
    unsigned index = how->bits >= 8 ? px[0] : (unsigned)px[0] >> (8 - how->bits);
    switch (how->photometric) {
    case PHOTOMETRIC_PALETTE:
        px[0] = (uint8_t)index;
        px[1] = (uint8_t)(255 - index);
        px[2] = (uint8_t)(index / 2);
        return;
    case PHOTOMETRIC_MINISWHITE:
        px[0] = (uint8_t)(255 - as_stored(how, px[0]));
        return;
    case PHOTOMETRIC_SEPARATED:
        for (int c = 0; c < 3; c++)
            px[c] = (uint8_t)((255 - px[c]) * (255 - px[3]) / 255);
        return;
    case PHOTOMETRIC_MINISBLACK:
        px[0] = (uint8_t)as_stored(how, px[0]);
        return;
    default:
        return;
    }
}

static enum pixel_format format_of(const struct made_tiff *how)
{
    bool alpha = how->alpha != 0 && how->photometric != PHOTOMETRIC_SEPARATED;
    if (how->photometric == PHOTOMETRIC_MINISBLACK || how->photometric == PHOTOMETRIC_MINISWHITE)
        return alpha ? PIXEL_GRAYA8 : PIXEL_GRAY8;
    return alpha ? PIXEL_RGBA8 : PIXEL_RGB8;
}

static void check(const struct made_tiff *how)
{
    SCOPED(picture_free) struct picture p = picture_new(&rnd, how->width, how->height);
    SCOPED(file_free) struct file f = write_tiff(how, &p);
    for (size_t i = 0; i < (size_t)how->width * how->height; i++)
        see(how, p.rgba + 4 * i);
    struct frame_hashes want = picture_hashes(&p, format_of(how));
    struct outcome o = decoded(file_bytes(&f));
    assert_one_frame(o);
    assert_string_equal(o.info.type, "image/tiff");
    assert_int_equal(o.hashes.looks, want.looks);
    for (int look = 0; look < want.looks; look++)
        for (int t = 0; t < ORIENTATIONS; t++)
            assert_in_range(pdq_distance(&o.hashes.look[look].hash[t], &want.look[look].hash[t]), 0,
                            NEAR_ENOUGH);
}

static void hashes_every_kind_as_its_pixels(void **state)
{
    (void)state;
    static const struct {
        uint16_t bits, samples, photometric, alpha;
    } kinds[] = {
        {1, 1, PHOTOMETRIC_MINISBLACK, 0},  {2, 1, PHOTOMETRIC_MINISBLACK, 0},
        {4, 1, PHOTOMETRIC_MINISBLACK, 0},  {8, 1, PHOTOMETRIC_MINISBLACK, 0},
        {16, 1, PHOTOMETRIC_MINISBLACK, 0}, {1, 1, PHOTOMETRIC_MINISWHITE, 0},
        {8, 1, PHOTOMETRIC_MINISWHITE, 0},  {8, 2, PHOTOMETRIC_MINISBLACK, 2},
        {16, 2, PHOTOMETRIC_MINISBLACK, 2}, {1, 1, PHOTOMETRIC_PALETTE, 0},
        {4, 1, PHOTOMETRIC_PALETTE, 0},     {8, 1, PHOTOMETRIC_PALETTE, 0},
        {8, 3, PHOTOMETRIC_RGB, 0},         {16, 3, PHOTOMETRIC_RGB, 0},
        {8, 4, PHOTOMETRIC_RGB, 2},         {16, 4, PHOTOMETRIC_RGB, 2},
        {8, 4, PHOTOMETRIC_RGB, 0},         {8, 4, PHOTOMETRIC_SEPARATED, 0},
    };
    static const uint16_t codings[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                       COMPRESSION_PACKBITS};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t c = 0; c < sizeof codings / sizeof *codings; c++)
            for (int tiled = 0; tiled < 2; tiled++) {
                const struct made_tiff how = {.width = W,
                                              .height = H,
                                              .bits = kinds[k].bits,
                                              .samples = kinds[k].samples,
                                              .photometric = kinds[k].photometric,
                                              .alpha = kinds[k].alpha,
                                              .compression = codings[c],
                                              .tiled = tiled,
                                              .pages = 1};
                check(&how);
            }
}

static struct made_tiff rgb(void)
{
    return (struct made_tiff){.width = W,
                              .height = H,
                              .bits = 8,
                              .samples = 3,
                              .photometric = PHOTOMETRIC_RGB,
                              .compression = COMPRESSION_LZW,
                              .pages = 1};
}

static void hashes_what_libtiff_converts(void **state)
{
    (void)state;
    struct made_tiff planes = rgb();
    planes.planar = true;
    check(&planes);
    struct made_tiff jpeg = rgb();
    jpeg.compression = COMPRESSION_JPEG;
    check(&jpeg);
    jpeg.tiled = true;
    check(&jpeg);
    struct made_tiff fax = rgb();
    fax.bits = fax.samples = 1;
    fax.photometric = PHOTOMETRIC_MINISWHITE;
    fax.compression = COMPRESSION_CCITTFAX4;
    check(&fax);
}

/* Colours that were multiplied by their alpha are hashed as what they were. */
static void undoes_premultiplied_alpha(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    for (size_t i = 0; i < (size_t)W * H; i++)
        p.rgba[4 * i + 3] |= 0xc0;
    struct frame_hashes want = picture_hashes(&p, PIXEL_RGBA8);
    for (size_t i = 0; i < (size_t)W * H; i++)
        for (size_t c = 0; c < 3; c++)
            p.rgba[4 * i + c] = (uint8_t)((p.rgba[4 * i + c] * p.rgba[4 * i + 3] + 127) / 255);
    struct made_tiff how = rgb();
    how.samples = 4;
    how.alpha = EXTRASAMPLE_ASSOCALPHA;
    SCOPED(file_free) struct file f = write_tiff(&how, &p);
    struct outcome o = decoded(file_bytes(&f));
    assert_one_frame(o);
    assert_int_equal(o.hashes.looks, want.looks);
    for (int look = 0; look < want.looks; look++)
        assert_in_range(pdq_distance(&o.hashes.look[look].hash[0], &want.look[look].hash[0]), 0,
                        NEAR_ENOUGH);
}

static void hashes_every_page(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    struct made_tiff how = rgb();
    how.pages = 5;
    how.orientation = ORIENTATION_RIGHTTOP;
    SCOPED(file_free) struct file f = write_tiff(&how, &p);
    struct outcome o = decoded(file_bytes(&f));
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(o.frames, 5);
    assert_int_equal(o.info.upright, ORIENT_ROT270);
    assert_int_equal(o.info.duration_ms, 0);
    for (uint32_t page = 0; page < 5; page++) {
        struct frame_hashes want = picture_hashes(&p, PIXEL_RGB8);
        assert_int_equal(o.frame[page].place.track, page);
        assert_same_hashes(&o.frame[page].hashes, &want);
        for (size_t i = 0; i < (size_t)W * H * 4; i++)
            p.rgba[i]++; /* as the next one is */
    }

    struct decode_limits limits = ample;
    limits.max_frames = 4;
    assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                   "it has more pictures to hash, over max_frames 4");
    limits = ample;
    limits.max_work = (uint64_t)W * H * 5 - 1;
    assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                   "its pictures have more pixels together, over max_work 25314");
    limits.max_pixels = (uint64_t)W * H - 1;
    assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                   "83x61 is 5063 pixels, over max_pixels 5062");
}

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    struct made_tiff how = rgb();
    SCOPED(file_free) struct file f = write_tiff(&how, &p);
    for (size_t i = 0; i < 64; i++)
        assert_int_not_equal(decoded(bytes_of(f.p, f.n * i / 64)).rc, RC_OK);
    assert_int_equal(decoded(bytes_of(f.p, f.n - 300)).rc, RC_UNDECODABLE);

    how.compression = COMPRESSION_NONE;
    how.pages = 2;
    SCOPED(file_free) struct file two = write_tiff(&how, &p);
    for (size_t cut = 1; cut < 200; cut += 20)
        assert_int_not_equal(decoded(bytes_of(two.p, two.n - cut)).rc, RC_OK);
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    static const uint16_t codings[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_JPEG};
    for (size_t c = 0; c < 3; c++) {
        SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
        struct made_tiff how = rgb();
        how.compression = codings[c];
        how.pages = 2;
        SCOPED(file_free) struct file f = write_tiff(&how, &p);
        assert_survives_flips(&f, &rnd, 200);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    for (int planar = 0; planar < 2; planar++) {
        struct made_tiff how = rgb();
        how.planar = planar;
        SCOPED(file_free) struct file f = write_tiff(&how, &p);
        survives_failed_allocations(file_bytes(&f), 2);
    }
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_every_kind_as_its_pixels),
        cmocka_unit_test(hashes_what_libtiff_converts),
        cmocka_unit_test(undoes_premultiplied_alpha),
        cmocka_unit_test(hashes_every_page),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(survives_flipped_bytes),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
