/* Alpha: what is hidden or made by it must be hashed as it would be seen. */
#include "tests/unit/hashing/frames.h"

static struct rnd rnd;

/* A picture with alpha and, for the reference, its colours without. */
struct veiled {
    struct picture p;
    uint8_t *colours;
};

static struct veiled veiled_new(uint32_t w, uint32_t h, enum pixel_format format)
{
    unsigned colours = channels_of[format] - 1;
    size_t n = (size_t)w * h;
    struct veiled v = {.p = {.w = w, .h = h, .format = format},
                       .colours = synthetic_picture(RECTANGLES, rnd_next(&rnd), w, h, colours)};

    v.p.px = malloc(n * (colours + 1));
    assert_non_null(v.p.px);
    for (size_t i = 0; i < n; i++) {
        memcpy(v.p.px + i * (colours + 1), v.colours + i * colours, colours);
        v.p.px[i * (colours + 1) + colours] = 255;
    }
    return v;
}

static void veiled_free(struct veiled *v)
{
    free(v->p.px);
    free(v->colours);
}

static uint8_t *alpha_at(const struct veiled *v, size_t i)
{
    unsigned channels = channels_of[v->p.format];
    return v->p.px + i * channels + channels - 1;
}

/* Each channel over the background, in float, then the luma. */
static float *composite(const struct veiled *v, float background)
{
    unsigned colours = channels_of[v->p.format] - 1;
    size_t n = (size_t)v->p.w * v->p.h;
    float *luma = malloc(n * sizeof(float));

    assert_non_null(luma);
    for (size_t i = 0; i < n; i++) {
        float a = (float)*alpha_at(v, i);
        float c[3] = {0};
        for (unsigned k = 0; k < colours; k++)
            c[k] = (float)v->colours[i * colours + k] * a / 255.0f +
                   background * (255.0f - a) / 255.0f;
        luma[i] = colours == 1 ? c[0] : (0.299f * c[0] + 0.587f * c[1]) + 0.114f * c[2];
    }
    return luma;
}

static void assert_looks_near(const struct veiled *v)
{
    struct frame_hashes hashes = picture_hash(&v->p);
    size_t n = (size_t)v->p.w * v->p.h;
    SCOPED(mem_free) float *plain = synthetic_luma(v->colours, n, channels_of[v->p.format] - 1);
    SCOPED(mem_free) float *on_white = composite(v, 255.0f);
    SCOPED(mem_free) float *on_black = composite(v, 0.0f);

    assert_int_equal(hashes.looks, LOOKS);
    assert_look_near(&hashes.look[LOOK_PLAIN], plain, v->p.w, v->p.h);
    assert_look_near(&hashes.look[LOOK_ON_WHITE], on_white, v->p.w, v->p.h);
    assert_look_near(&hashes.look[LOOK_ON_BLACK], on_black, v->p.w, v->p.h);
}

static enum pixel_format format_of_round(int round)
{
    return round % 2 ? PIXEL_RGBA8 : PIXEL_GRAYA8;
}

static void hashes_what_is_seen_on_white_and_on_black(void **state)
{
    (void)state;
    for (int round = 0; round < 16; round++) {
        uint32_t w = 40 + any_side(&rnd);
        uint32_t h = 40 + any_side(&rnd);
        struct veiled v = veiled_new(w, h, format_of_round(round));
        uint64_t seed = rnd_next(&rnd);
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 0; x < w; x++)
                *alpha_at(&v, (size_t)y * w + x) = synthetic_pixel(SMOOTH, seed, x, y, w, h);
        assert_looks_near(&v);
        veiled_free(&v);
    }
}

/* Opaque above, translucent from some row on: the rows before count on all looks. */
static void opaque_rows_before_the_first_hole_count(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        uint32_t w = 40 + any_side(&rnd);
        uint32_t h = 40 + any_side(&rnd);
        struct veiled v = veiled_new(w, h, format_of_round(round));
        for (size_t i = (size_t)w * (h / 3); i < (size_t)w * (h / 3 + h / 2); i++)
            *alpha_at(&v, i) = i % w < w / 2 ? 0 : 255;
        assert_looks_near(&v);
        veiled_free(&v);
    }
}

/* A picture drawn in alpha alone: every stored colour is the same. */
static void pictures_made_by_alpha_alone_are_seen(void **state)
{
    (void)state;
    struct veiled v = veiled_new(300, 200, PIXEL_RGBA8);
    struct frame_hashes hashes;

    memset(v.colours, 0, (size_t)300 * 200 * 3);
    for (size_t i = 0; i < (size_t)300 * 200; i++) {
        memset(v.p.px + 4 * i, 0, 3);
        *alpha_at(&v, i) =
            synthetic_pixel(RECTANGLES, 7, (uint32_t)(i % 300), (uint32_t)(i / 300), 300, 200);
    }
    assert_looks_near(&v);
    hashes = picture_hash(&v.p);
    assert_int_equal(hashes.look[LOOK_PLAIN].quality, 0);
    assert_int_equal(hashes.look[LOOK_ON_BLACK].quality, 0);
    assert_true(hashes.look[LOOK_ON_WHITE].quality >= PDQ_MIN_QUALITY);
    veiled_free(&v);
}

/* At every place within and between the blocks that are converted together. */
static void one_hole_anywhere_is_noticed(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        uint32_t w = round % 3 ? 67 : 1103;
        struct veiled v = veiled_new(w, 64, format_of_round(round));
        SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(false);
        size_t hole = rnd_below(&rnd, 2) ? rnd_below(&rnd, (uint64_t)w * 64) : (size_t)w * 40 - 1;
        unsigned channels = channels_of[v.p.format];
        memset(v.p.px + hole * channels, 128, channels - 1);
        *alpha_at(&v, hole) = (uint8_t)rnd_below(&rnd, 2);
        struct frame_hashes hashes = picture_hash_with(h, &v.p);
        const struct pdq_hash *white = &hashes.look[LOOK_ON_WHITE].hash[0];
        /* Made at all; one hole need not change a bit. */
        assert_false(pdq_equal(white, &(struct pdq_hash){0}));
        veiled_free(&v);
    }
}

static void opaque_pictures_have_one_look(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct veiled v = veiled_new(any_side(&rnd), any_side(&rnd), format_of_round(round));
        struct picture colours = v.p;
        colours.format = v.p.format == PIXEL_RGBA8 ? PIXEL_RGB8 : PIXEL_GRAY8;
        colours.px = v.colours;
        struct frame_hashes hashes = picture_hash(&v.p);
        struct frame_hashes expected = picture_hash(&colours);
        assert_int_equal(hashes.looks, 1);
        assert_memory_equal(&hashes, &expected, sizeof(hashes));
        veiled_free(&v);
    }
}

/* With 100 columns, column 1 is no output's nearest: PDQ does not see it. */
static void alpha_that_changes_nothing_is_one_look(void **state)
{
    (void)state;
    struct veiled v = veiled_new(100, 100, PIXEL_RGBA8);

    *alpha_at(&v, 1) = 0;
    *alpha_at(&v, 1 + 100 * 50) = 77;
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(false);
    assert_int_equal(picture_hash_with(h, &v.p).looks, 1);
    veiled_free(&v);
}

int main(void)
{
    const char *disagreed;
    rnd = rnd_from_environment();
    frame_hasher_self_test(&disagreed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_what_is_seen_on_white_and_on_black),
        cmocka_unit_test(opaque_rows_before_the_first_hole_count),
        cmocka_unit_test(pictures_made_by_alpha_alone_are_seen),
        cmocka_unit_test(one_hole_anywhere_is_noticed),
        cmocka_unit_test(opaque_pictures_have_one_look),
        cmocka_unit_test(alpha_that_changes_nothing_is_one_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
