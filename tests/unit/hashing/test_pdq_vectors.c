/*
 * Bit for bit what PDQ's own C++ gives: hashes, qualities and sign-turned hashes of 122 made
 * buffers, by the reference and, as a whole frame, by the fast hasher with every kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "hashing/frame_hasher.h"
#include "tests/unit/hashing/synthetic.h"

#define VECTORS SHARED_DATA "/pdq/synthetic.csv"

enum { COLUMNS = 18, HASH = 6, QUALITY = 7, FIRST_TURNED = 10, AS_IS_TURNED = 17, EXPECTED = 122 };

struct vector {
    unsigned channels;
    uint32_t w, h;
    uint8_t *px;
    char *column[COLUMNS];
};

static bool next_vector(FILE *f, char *line, int size, struct vector *v)
{
    if (fgets(line, size, f) == NULL)
        return false;
    char *rest = line;
    for (int i = 0; i < COLUMNS; i++)
        v->column[i] = strsep(&rest, ",\r\n");
    assert_non_null(v->column[COLUMNS - 1]);
    v->channels = v->column[0][0] == 'R' ? 3 : 1;
    v->w = (uint32_t)strtoul(v->column[3], NULL, 10);
    v->h = (uint32_t)strtoul(v->column[4], NULL, 10);
    v->px = synthetic_picture((enum synthetic_kind)strtoul(v->column[1], NULL, 10),
                              strtoull(v->column[2], NULL, 10), v->w, v->h, v->channels);
    return true;
}

static void assert_hash(const struct pdq_hash *h, const char *expected)
{
    char hex[PDQ_HEX + 1];
    pdq_hex(h, hex);
    assert_string_equal(hex, expected);
}

static void check_reference(const struct vector *v)
{
    struct pdq_reference ref;
    struct err err;
    SCOPED(mem_free) float *luma = synthetic_luma(v->px, (size_t)v->w * v->h, v->channels);

    assert_int_equal(pdq_reference(luma, v->w, v->h, &ref, &err), RC_OK);
    assert_hash(&ref.hash, v->column[HASH]);
    assert_int_equal(ref.quality, atoi(v->column[QUALITY]));
    for (int o = ORIENT_ROT90; o < ORIENTATIONS; o++)
        assert_hash(&ref.dihedral[o], v->column[FIRST_TURNED + o - ORIENT_ROT90]);
    assert_hash(&ref.dihedral[ORIENT_AS_IS], v->column[AS_IS_TURNED]);
}

static void check_fast(const struct vector *v)
{
    SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
    struct frame_hashes hashes;
    struct err err;

    assert_int_equal(frame_hasher_new(true, &h, &err), RC_OK);
    enum pixel_format format = v->channels == 3 ? PIXEL_RGB8 : PIXEL_GRAY8;
    assert_int_equal(frame_begin(h, v->w, v->h, format, &err), RC_OK);
    for (uint32_t y = 0; y < v->h; y++)
        frame_row(h, y, v->px + (size_t)y * v->w * v->channels);
    frame_end(h, &hashes);

    assert_int_equal(hashes.look[LOOK_PLAIN].quality, atoi(v->column[QUALITY]));
    if (hashes.look[LOOK_PLAIN].quality >= PDQ_MIN_QUALITY)
        assert_hash(&hashes.look[LOOK_PLAIN].hash[ORIENT_AS_IS], v->column[HASH]);
}

static void every_vector(void (*check)(const struct vector *))
{
    char line[4096];
    struct vector v;
    int n = 0;
    FILE *f = fopen(VECTORS, "r");

    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    for (; next_vector(f, line, sizeof(line), &v); n++) {
        check(&v);
        free(v.px);
    }
    fclose(f);
    assert_int_equal(n, EXPECTED);
}

static void reference_equals_published_code(void **state)
{
    (void)state;
    every_vector(check_reference);
}

static void frame_hasher_equals_published_code(void **state)
{
    (void)state;
    static const char *const kernels[] = {"plain", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
        if (frame_hasher_use(kernels[i]))
            every_vector(check_fast);
}

int main(void)
{
    FILE *f = fopen(VECTORS, "r");
    if (f == NULL) {
        printf("skipped: no ../shared/data\n");
        return 77;
    }
    fclose(f);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_equals_published_code),
        cmocka_unit_test(frame_hasher_equals_published_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
