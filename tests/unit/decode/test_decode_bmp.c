/* Is a BMP of every kind hashed as its pixels are, and what is not one refused in words? */
#include "tests/unit/decode/fixture.h"

#include "tests/support/oom.h"

enum { W = 45, H = 31, CORE = 12, INFO = 40, V4 = 108 };

static struct rnd rnd;

/* How a picture is stored. */
struct form {
    uint32_t header, bits, coding;
    uint32_t mask[4];
    bool top_down;
};

static void put(struct file *f, size_t size, uint64_t v)
{
    for (; size > 0; size--, v >>= 8)
        file_append(f, &(uint8_t){(uint8_t)v}, 1);
}

static bool has_palette(const struct form *form)
{
    return form->bits <= 8;
}

static bool has_masks(const struct form *form)
{
    return form->coding == 3 || form->coding == 6;
}

/* Colour i is 3i, 255-i, i/2 of as many colours as there are. */
static void palette_colour(const struct form *form, unsigned i, uint8_t rgb[3])
{
    unsigned v = i * 255 / ((1u << form->bits) - 1);
    rgb[0] = (uint8_t)(255 - v);
    rgb[1] = (uint8_t)v;
    rgb[2] = (uint8_t)(v / 2);
}

static void put_header(struct file *f, const struct form *form, size_t data_size)
{
    uint32_t masks = form->header == INFO && has_masks(form) ? 4u * (form->coding == 6 ? 4 : 3) : 0;
    uint32_t colours = has_palette(form) ? 1u << form->bits : 0;
    uint32_t at = 14 + form->header + masks + colours * (form->header == CORE ? 3 : 4);
    file_append(f, "BM", 2);
    put(f, 4, at + data_size);
    put(f, 4, 0);
    put(f, 4, at);
    size_t start = f->n;
    size_t side = form->header == CORE ? 2 : 4;
    put(f, 4, form->header);
    put(f, side, W);
    put(f, side, form->top_down ? (uint32_t)-H : (uint32_t)H);
    put(f, 2, 1);
    put(f, 2, form->bits);
    if (form->header > CORE) {
        put(f, 4, form->coding);
        put(f, 20, data_size);
    }
    for (size_t i = 0; i < 4 && has_masks(form) && (form->header > INFO || i * 4 < masks); i++)
        put(f, 4, form->mask[i]);
    while (f->n - start < form->header)
        put(f, 1, 0);
    for (unsigned i = 0; i < colours; i++) {
        uint8_t rgb[3];
        palette_colour(form, i, rgb);
        const uint8_t bgr[4] = {rgb[2], rgb[1], rgb[0], 0};
        file_append(f, bgr, form->header == CORE ? 3 : 4);
    }
}

/* The nearest value of as many bits, and what is seen of it. */
static uint32_t to_mask(uint8_t *v, uint32_t mask)
{
    int shift = __builtin_ctz(mask);
    uint64_t most = mask >> shift;
    uint64_t stored = *v * most / 255;
    *v = (uint8_t)(stored * 255 / most);
    return (uint32_t)stored << shift;
}

/* Stores a pixel, and leaves what is seen of it. */
static uint32_t store(const struct form *form, uint8_t px[4])
{
    static const uint32_t usual[] = {0x7c00, 0x3e0, 0x1f, 0};
    const uint32_t *mask = has_masks(form) ? form->mask : usual;
    if (has_palette(form)) {
        unsigned i = (unsigned)px[0] >> (8 - form->bits);
        palette_colour(form, i, px);
        return i;
    }
    if (form->bits >= 24 && !has_masks(form))
        return (uint32_t)px[0] << 16 | (uint32_t)px[1] << 8 | px[2] | 0x77000000;
    uint32_t v = 0;
    for (size_t c = 0; c < 4; c++)
        if (mask[c] != 0)
            v |= to_mask(&px[c], mask[c]);
    return v;
}

static struct file write_bmp(struct picture *p, const struct form *form)
{
    struct file f = {0};
    size_t row_size = (W * form->bits + 31) / 32 * 4;
    put_header(&f, form, row_size * H);
    for (uint32_t i = 0; i < H; i++) {
        uint8_t row[W * 4 + 8] = {0};
        for (uint32_t x = 0; x < W; x++) {
            uint32_t v = store(form, picture_at(p, x, form->top_down ? i : H - 1 - i));
            size_t bit = (size_t)x * form->bits;
            if (form->bits < 8)
                row[bit / 8] |= (uint8_t)(v << (8 - form->bits - bit % 8));
            for (size_t b = 0; form->bits >= 8 && b < form->bits / 8; b++)
                row[bit / 8 + b] = (uint8_t)(v >> 8 * b);
        }
        file_append(&f, row, row_size);
    }
    return f;
}

static struct file any_bmp(const struct form *form)
{
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    return write_bmp(&p, form);
}

static const struct form forms[] = {
    {INFO, 1, 0, {0}, false},
    {INFO, 2, 0, {0}, false},
    {INFO, 4, 0, {0}, true},
    {INFO, 8, 0, {0}, false},
    {INFO, 16, 0, {0}, false},
    {INFO, 24, 0, {0}, true},
    {INFO, 32, 0, {0}, false},
    {CORE, 1, 0, {0}, false},
    {CORE, 4, 0, {0}, false},
    {CORE, 8, 0, {0}, false},
    {CORE, 24, 0, {0}, false},
    {V4, 24, 0, {0}, false},
    {INFO, 16, 3, {0xf800, 0x7e0, 0x1f, 0}, false},
    {INFO, 32, 3, {0xff, 0xff00, 0xff0000, 0}, false},
    {INFO, 32, 3, {0x3ff00000, 0xffc00, 0x3ff, 0}, true},
    {INFO, 32, 6, {0xff0000, 0xff00, 0xff, 0xff000000}, false},
    {V4, 32, 3, {0xff0000, 0xff00, 0xff, 0xff000000}, false},
    {V4, 16, 3, {0xf00, 0xf0, 0xf, 0xf000}, false},
    {64, 8, 0, {0}, false},
};

static void hashes_every_kind_as_its_pixels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
        SCOPED(file_free) struct file f = write_bmp(&p, &forms[i]);
        struct frame_hashes want =
            picture_hashes(&p, forms[i].mask[3] != 0 ? PIXEL_RGBA8 : PIXEL_RGB8);
        struct outcome o = decoded(file_bytes(&f));
        assert_one_frame(o);
        assert_string_equal(o.info.type, "image/bmp");
        assert_same_hashes(&o.hashes, &want);
    }
}

/* Writes runs, literals and skips that draw the same picture. */
static struct file write_runs(struct picture *p, uint32_t bits)
{
    const struct form form = {.header = INFO, .bits = bits, .coding = bits == 8 ? 1 : 2};
    struct file f = {0};
    put_header(&f, &form, 0);
    for (uint32_t i = 0; i < H; i++) {
        if (i == 5) { /* rows that are not drawn have the first colour */
            file_append(&f, "\0\2\0\2", 4);
            for (uint32_t x = 0; x < W * 2; x++)
                palette_colour(&form, 0, picture_at(p, x % W, H - 1 - i - x / W));
            i += 2;
        }
        for (uint32_t x = 0; x < W;) {
            uint8_t index[8] = {0};
            uint32_t n = W - x < 6 ? W - x : 6;
            for (uint32_t k = 0; k < n; k++)
                index[k] = (uint8_t)store(&form, picture_at(p, x + k, H - 1 - i));
            if (n < 3 || i % 2 == 0)
                for (uint32_t k = 0; k < n; k++) {
                    put(&f, 1, 1);
                    put(&f, 1, bits == 8 ? index[k] : index[k] * 16u);
                }
            else {
                put(&f, 1, 0);
                put(&f, 1, n);
                for (uint32_t k = 0; k < (bits == 8 ? n : (n + 1) / 2); k++)
                    put(&f, 1, bits == 8 ? index[k] : index[2 * k] * 16u + index[2 * k + 1]);
                if ((bits == 8 ? n : (n + 1) / 2) % 2 != 0)
                    put(&f, 1, 0);
            }
            x += n;
        }
        file_append(&f, i + 1 == H ? "\0\1" : "\0\0", 2);
    }
    return f;
}

static void hashes_runs_as_their_pixels(void **state)
{
    (void)state;
    for (uint32_t bits = 4; bits <= 8; bits += 4) {
        SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
        SCOPED(file_free) struct file f = write_runs(&p, bits);
        struct frame_hashes want = picture_hashes(&p, PIXEL_RGB8);
        struct outcome o = decoded(file_bytes(&f));
        assert_one_frame(o);
        assert_same_hashes(&o.hashes, &want);
        assert_refused(decoded(bytes_of(f.p, f.n - 4)), RC_UNDECODABLE,
                       "BMP: the file ends too early");
    }
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        SCOPED(file_free) struct file f = any_bmp(&forms[i]);
        size_t used = (W * forms[i].bits + 7) / 8;
        size_t padding = (4 - used % 4) % 4; /* of the last row: nothing is lost without it */
        for (size_t n = 0; n < f.n - padding; n += 1 + f.n / 100) {
            enum rc rc = decoded(bytes_of(f.p, n)).rc;
            assert_true(rc == RC_UNDECODABLE || (n < 18 && rc == RC_NOT_MEDIA));
        }
        assert_refused(decoded(bytes_of(f.p, f.n - padding - 1)), RC_UNDECODABLE,
                       "BMP: the file ends too early");
        assert_int_equal(decoded(bytes_of(f.p, f.n - padding)).rc, RC_OK);
    }
}

static void refuses_other_codings_in_words(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum rc rc;
        const char *words;
    } cases[] = {
        {30, 4, RC_UNDECODABLE, "BMP: a JPEG inside is not decoded by this version"},
        {30, 5, RC_UNDECODABLE, "BMP: a PNG inside is not decoded by this version"},
        {30, 11, RC_UNDECODABLE, "BMP: coding 11 is not decoded by this version"},
        {30, 1, RC_UNDECODABLE, "BMP: 24 bits a pixel do not go with coding 1"},
        {28, 7, RC_UNDECODABLE, "BMP: 7 bits a pixel do not go with coding 0"},
        {26, 3, RC_UNDECODABLE, "BMP: 3 planes instead of one"},
        {18, 0, RC_UNDECODABLE, "BMP: it has no pixels"},
        {22, 0, RC_UNDECODABLE, "BMP: it has no pixels"},
        {25, 0x7f, RC_LIMIT, "45x2130706463 is 95881790835 pixels, over max_pixels 50000000"},
    };
    const struct form plain = {.header = INFO, .bits = 24};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SCOPED(file_free) struct file f = any_bmp(&plain);
        f.p[cases[i].at] = cases[i].value;
        assert_refused(decoded(file_bytes(&f)), cases[i].rc, cases[i].words);
    }
    struct form down = {.header = INFO, .bits = 8, .coding = 1, .top_down = true};
    SCOPED(file_free) struct file f = any_bmp(&down);
    assert_refused(decoded(file_bytes(&f)), RC_UNDECODABLE, "BMP: runs from the top down");
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        SCOPED(file_free) struct file f = any_bmp(&forms[i]);
        assert_survives_flips(&f, &rnd, 30);
    }
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    SCOPED(file_free) struct file runs = write_runs(&p, 4);
    assert_survives_flips(&runs, &rnd, 100);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = any_bmp(&forms[0]);
    survives_failed_allocations(file_bytes(&f), 2);
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_every_kind_as_its_pixels),
        cmocka_unit_test(hashes_runs_as_their_pixels),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(refuses_other_codings_in_words),
        cmocka_unit_test(survives_flipped_bytes),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
