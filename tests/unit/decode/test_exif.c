/* Is the hash of the picture turned upright the one that Exif's orientation names? */
#include "tests/unit/decode/fixture.h"

#include <stdio.h>

#include "hashing/decode/exif.h"

static struct rnd rnd;

/* The pixel of the stored picture that a viewer shows at x, y. */
static const uint8_t *shown_at(const struct picture *s, unsigned exif, uint32_t x, uint32_t y)
{
    uint32_t right = s->width - 1, bottom = s->height - 1;
    switch (exif) {
    case 2:
        return picture_at(s, right - x, y);
    case 3:
        return picture_at(s, right - x, bottom - y);
    case 4:
        return picture_at(s, x, bottom - y);
    case 5:
        return picture_at(s, y, x);
    case 6: /* a quarter clockwise */
        return picture_at(s, y, bottom - x);
    case 7:
        return picture_at(s, right - y, bottom - x);
    case 8:
        return picture_at(s, right - y, x);
    default:
        return picture_at(s, x, y);
    }
}

static void names_the_hash_of_the_upright_picture(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{200, 150}, {151, 203}, {64, 64}, {17, 90}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned exif = 0; exif < 10; exif++) {
            SCOPED(picture_free)
            struct picture stored = picture_new(&rnd, sizes[i][0], sizes[i][1]);
            bool turned = exif >= 5 && exif <= 8;
            SCOPED(picture_free)
            struct picture shown = picture_new(&rnd, sizes[i][turned], sizes[i][!turned]);
            for (uint32_t y = 0; y < shown.height; y++)
                for (uint32_t x = 0; x < shown.width; x++)
                    memcpy(picture_at(&shown, x, y), shown_at(&stored, exif, x, y), 4);
            struct frame_hashes as_stored = picture_hashes(&stored, PIXEL_RGB8);
            struct frame_hashes as_shown = picture_hashes(&shown, PIXEL_RGB8);
            assert_in_range(pdq_distance(&as_stored.look[0].hash[exif_turn(exif)],
                                         &as_shown.look[0].hash[ORIENT_AS_IS]),
                            0, 2);
        }
}

/* Fields of two bytes and of four, in both byte orders. */
struct maker {
    uint8_t p[256];
    size_t n;
    bool little;
};

static void put(struct maker *m, unsigned size, uint32_t v)
{
    for (unsigned i = 0; i < size; i++)
        m->p[m->n++] = (uint8_t)(v >> 8 * (m->little ? i : size - 1 - i));
}

static struct maker exif_of(bool little, uint16_t type, uint32_t count, uint16_t value)
{
    struct maker m = {.little = little};
    memcpy(m.p, little ? "II*\0" : "MM\0*", 4);
    m.n = 4;
    put(&m, 4, 8);
    put(&m, 2, 2);
    put(&m, 2, 0x010f); /* the maker's name comes before */
    put(&m, 2, 2);
    put(&m, 4, 4);
    put(&m, 4, 0);
    put(&m, 2, 0x0112);
    put(&m, 2, type);
    put(&m, 4, count);
    put(&m, 2, value);
    put(&m, 2, 0);
    put(&m, 4, 0);
    return m;
}

static void reads_both_byte_orders(void **state)
{
    (void)state;
    for (int little = 0; little < 2; little++)
        for (uint16_t value = 0; value < 12; value++) {
            struct maker m = exif_of(little, 3, 1, value);
            assert_int_equal(exif_upright(bytes_of(m.p, m.n)), exif_turn(value));
            uint8_t prefixed[300] = "Exif\0\0";
            memcpy(prefixed + 6, m.p, m.n);
            assert_int_equal(exif_upright(bytes_of(prefixed, m.n + 6)), exif_turn(value));
        }
}

static void takes_anything_odd_for_no_orientation(void **state)
{
    (void)state;
    struct maker as_long = exif_of(true, 4, 1, 6);
    struct maker several = exif_of(true, 3, 2, 6);
    struct maker loop = exif_of(true, 3, 1, 6);
    loop.p[4] = 4; /* its directory is the offset to it */
    struct maker beyond = exif_of(false, 3, 1, 6);
    beyond.p[4] = 0xff;
    struct maker many = exif_of(true, 3, 1, 6);
    memset(many.p + 8, 0xff, 2);
    many.p[22] = 0; /* another field instead, and no end of them */
    const struct maker *odd[] = {&as_long, &several, &loop, &beyond, &many};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(exif_upright(bytes_of(odd[i]->p, odd[i]->n)), ORIENT_AS_IS);

    struct maker m = exif_of(true, 3, 1, 6);
    for (size_t n = 0; n < 34; n++) { /* up to the end of the field, each in its own block */
        SCOPED(mem_free) uint8_t *cut = malloc(n + (n == 0));
        assert_non_null(cut);
        memcpy(cut, m.p, n);
        assert_int_equal(exif_upright(bytes_of(cut, n)), ORIENT_AS_IS);
    }
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_hash_of_the_upright_picture),
        cmocka_unit_test(reads_both_byte_orders),
        cmocka_unit_test(takes_anything_odd_for_no_orientation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
