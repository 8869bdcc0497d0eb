#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "hashing/pdq_transform.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#include "tests/unit/hashing/synthetic.h"

static struct rnd rnd;

static struct pdq_hash any_hash(void)
{
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(&rnd);
    return h;
}

static float any_float(void)
{
    return (float)rnd_below(&rnd, 1 << 20) / 1024.0f - 512.0f;
}

static void text_and_bytes_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct pdq_hash h = any_hash();
        struct pdq_hash again = {0};
        char hex[PDQ_HEX + 1];
        uint8_t bytes[PDQ_BYTES];

        pdq_hex(&h, hex);
        assert_int_equal(strlen(hex), PDQ_HEX);
        assert_true(pdq_parse_hex(hex, PDQ_HEX, &again));
        assert_true(pdq_equal(&h, &again));
        pdq_bytes(&h, bytes);
        again = pdq_from_bytes(bytes);
        assert_true(pdq_equal(&h, &again));
    }
}

static void text_is_a_big_endian_number(void **state)
{
    (void)state;
    struct pdq_hash h = {{0x1, 0, 0, (uint64_t)0xA5 << 56}};
    char hex[PDQ_HEX + 1];
    uint8_t bytes[PDQ_BYTES];

    pdq_hex(&h, hex);
    assert_string_equal(hex, "a500000000000000000000000000000000000000000000000000000000000001");
    pdq_bytes(&h, bytes);
    assert_int_equal(bytes[0], 0xA5);
    assert_int_equal(bytes[31], 1);
}

static void text_of_either_case_is_read_and_nothing_else(void **state)
{
    (void)state;
    const char *good = "ABCDEFabcdef0123456789000000000000000000000000000000000000000000ff";
    char bad[PDQ_HEX + 1];
    struct pdq_hash h = {{7, 7, 7, 7}};

    assert_true(pdq_parse_hex(good, PDQ_HEX, &h));
    h = (struct pdq_hash){{7, 7, 7, 7}};
    assert_false(pdq_parse_hex(good, PDQ_HEX - 1, &h));
    assert_false(pdq_parse_hex(good, PDQ_HEX + 1, &h));
    assert_false(pdq_parse_hex(good, 0, &h));
    for (int i = 0; i < PDQ_HEX; i++) {
        memcpy(bad, good, PDQ_HEX);
        bad[i] = "g/:@G`x \n"[i % 9];
        assert_false(pdq_parse_hex(bad, PDQ_HEX, &h));
    }
    assert_int_equal(h.w[0], 7);
}

static void orientations_have_names(void **state)
{
    (void)state;
    assert_string_equal(orientation_name(ORIENT_AS_IS), "as-is");
    assert_string_equal(orientation_name(ORIENT_FLIPMINUS1), "flipminus1");
    assert_null(orientation_name(ORIENTATIONS));
    for (int a = 0; a < ORIENTATIONS; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(orientation_name((enum orientation)a),
                                    orientation_name((enum orientation)b));
}

static float cosine(int i, int j)
{
    const double pi = 3.14159265358979323846;
    return (float)((double)(float)sqrt(2.0 / 64) * cos((pi / 2 / 64.0) * (i + 1) * (2 * j + 1)));
}

/* Every bit of every float as by the definition: one product and one sum at a time, k ascending. */
static void transform_follows_the_definition(void **state)
{
    (void)state;
    struct pdq_buffer64 a;
    struct pdq_buffer16 b;
    float half[16][64];

    for (int i = 0; i < 64 * 64; i++)
        a.v[i / 64][i % 64] = any_float();
    pdq_dct(&a, &b);
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 64; j++) {
            volatile float sum = 0.0f;
            for (int k = 0; k < 64; k++) {
                volatile float product = cosine(i, k) * a.v[k][j];
                sum = sum + product;
            }
            half[i][j] = sum;
        }
    }
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 16; j++) {
            volatile float sum = 0.0f;
            for (int k = 0; k < 64; k++) {
                volatile float product = half[i][k] * cosine(j, k);
                sum = sum + product;
            }
            assert_true(sum == b.v[i][j]);
        }
    }
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* With few values there are many ties, with both zeros among them. */
static void bits_are_those_above_the_lower_median(void **state)
{
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct pdq_buffer16 b;
        float sorted[PDQ_BITS];
        uint64_t values = 1 + rnd_below(&rnd, round % 2 ? 6 : 1 << 20);
        for (int k = 0; k < PDQ_BITS; k++) {
            float v = (float)rnd_below(&rnd, values) - (float)values / 2;
            b.v[k / 16][k % 16] = v == 0.0f && rnd_below(&rnd, 2) ? -0.0f : v;
        }
        memcpy(sorted, b.v, sizeof(sorted));
        qsort(sorted, PDQ_BITS, sizeof(float), compare_floats);

        struct pdq_hash h = pdq_bits(&b);
        for (int k = 0; k < PDQ_BITS; k++)
            assert_int_equal(h.w[k / 64] >> (k % 64) & 1, b.v[k / 16][k % 16] > sorted[127]);
    }
}

static void quality_counts_steps(void **state)
{
    (void)state;
    static struct pdq_buffer64 a;

    memset(&a, 0, sizeof(a));
    assert_int_equal(pdq_quality(&a), 0);
    /* One edge over 64 rows, each 100 of 255 in per cent: 64 * 39 / 90. */
    for (int i = 0; i < 64; i++)
        for (int j = 32; j < 64; j++)
            a.v[i][j] = 100;
    assert_int_equal(pdq_quality(&a), 27);
    for (int i = 0; i < 64 * 64; i++)
        a.v[i / 64][i % 64] = (i + i / 64) % 2 ? 255 : 0;
    assert_int_equal(pdq_quality(&a), 100);
}

struct known {
    enum synthetic_kind kind;
    uint64_t seed;
    uint32_t w, h;
    unsigned channels;
    unsigned quality;
    const char *hash;
};

static void known_answers(void **state)
{
    (void)state;
    static const struct known known[] = {
        {NOISE, 101, 300, 200, 1, 100,
         "fe95e86a472dd803b7e6211bb1e2ed0096f8972bd085aa5fd9a18a701289ed1f"},
        {GRADIENT, 102, 640, 480, 1, 100,
         "316a5b44b3ea5acb51605acbb2ea5840f56edaeaf060a5550f6ae7c0aa95a43f"},
        {SMOOTH, 103, 257, 511, 3, 100,
         "80b9794f0c9c02b02b6a4aad3a2ebe3f4361be3fba2ccaad2b6a82b09c9c794f"},
        {RECTANGLES, 104, 1000, 70, 1, 100,
         "6496ac84e41ea94b9a4d92e957b516ed944c13e99548944c7eb5dcdc92cd7933"},
        {SMOOTH, 105, 33, 47, 1, 100,
         "18296e0fe29a696355704d4ef3f1be8f69011e0ff2f769cdd5106161294bbe03"},
        {RECTANGLES, 106, 64, 64, 3, 100,
         "6667db914a877a8cfee57a946ae500f502757abe4c64158c76461111ffc0fc46"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct known *k = &known[i];
        SCOPED(mem_free) uint8_t *px = synthetic_picture(k->kind, k->seed, k->w, k->h, k->channels);
        SCOPED(mem_free) float *luma = synthetic_luma(px, (size_t)k->w * k->h, k->channels);
        struct pdq_reference ref;
        struct err err;
        char hex[PDQ_HEX + 1];

        assert_int_equal(pdq_reference(luma, k->w, k->h, &ref, &err), RC_OK);
        pdq_hex(&ref.hash, hex);
        assert_string_equal(hex, k->hash);
        assert_int_equal(ref.quality, k->quality);
        assert_true(pdq_equal(&ref.hash, &ref.dihedral[ORIENT_AS_IS]));
    }
}

static void pictures_under_five_pixels_hash_to_zero(void **state)
{
    (void)state;
    static const uint32_t sides[][2] = {{4, 4}, {4, 100}, {100, 4}, {1, 1}};
    float luma[400];
    struct pdq_reference ref;
    struct err err;

    for (int i = 0; i < 400; i++)
        luma[i] = (float)rnd_below(&rnd, 256);
    for (int i = 0; i < 4; i++) {
        memset(&ref, 0xff, sizeof(ref));
        assert_int_equal(pdq_reference(luma, sides[i][0], sides[i][1], &ref, &err), RC_OK);
        assert_true(pdq_equal(&ref.hash, &(struct pdq_hash){0}));
        assert_int_equal(ref.quality, 0);
    }
    assert_int_equal(pdq_reference(luma, 5, 5, &ref, &err), RC_OK);
    assert_false(pdq_equal(&ref.hash, &(struct pdq_hash){0}));
}

static void reference_survives_failed_allocations(void **state)
{
    (void)state;
    static float luma[100 * 70];

    for (unsigned nth = 1;; nth++) {
        struct pdq_reference ref;
        struct err err;

        oom_arm(nth);
        enum rc rc = pdq_reference(luma, 100, 70, &ref, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_int_equal(nth, 3);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_string_equal(err.msg, "pdq: no memory for a picture of 100x70");
    }
}

int main(void)
{
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_come_back),
        cmocka_unit_test(text_is_a_big_endian_number),
        cmocka_unit_test(text_of_either_case_is_read_and_nothing_else),
        cmocka_unit_test(orientations_have_names),
        cmocka_unit_test(transform_follows_the_definition),
        cmocka_unit_test(bits_are_those_above_the_lower_median),
        cmocka_unit_test(quality_counts_steps),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pictures_under_five_pixels_hash_to_zero),
        cmocka_unit_test(reference_survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
