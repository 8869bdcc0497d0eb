/* Is a clip placed where it stands, also when its scene hardly moves? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/clip_pairs.h"
#include "tests/support/rnd.h"

static void nothing_has_no_offset(void **state)
{
    (void)state;
    struct clip_pairs pairs = {0};
    int64_t offset = 7;
    assert_false(clip_pairs_offset(&pairs, ORIENT_AS_IS, 0, 1000, &offset));
    assert_int_equal(offset, 7);
    clip_pairs_add(&pairs, 0, 0, 100, 3, ORIENT_FLIPX);
    assert_false(clip_pairs_offset(&pairs, ORIENT_AS_IS, 0, 1000, &offset));
    assert_false(clip_pairs_offset(&pairs, ORIENT_FLIPX, 1101, 1000, &offset));
    assert_true(clip_pairs_offset(&pairs, ORIENT_FLIPX, 1100, 1000, &offset));
    assert_int_equal(offset, 100);
}

/* Every frame of two seconds around is near, the more so the nearer in time. */
static void a_scene_that_hardly_moves(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    for (int round = 0; round < 200; round++) {
        struct clip_pairs pairs = {0};
        int64_t offset = 0, truth = (int64_t)rnd_below(&rnd, 20000) - 5000;
        int64_t wrong = truth + (int64_t)rnd_below(&rnd, 1800) - 900;
        for (int64_t q = 6000; q < 26000; q += 40)
            for (uint32_t place = 0; place < 20; place++) {
                int64_t off = llabs(q - (int64_t)place * 1000 - truth);
                if (off < 2000)
                    clip_pairs_add(&pairs, place, place * 1000, q,
                                   (unsigned)(off / 150) + (unsigned)rnd_below(&rnd, 3),
                                   ORIENT_AS_IS);
            }
        if (!clip_pairs_offset(&pairs, ORIENT_AS_IS, wrong, 1000, &offset))
            continue; /* it lies before the upload */
        assert_true(llabs(offset - truth) <= 500);
    }
}

static void a_distance_that_lasts_counts_in_its_middle(void **state)
{
    (void)state;
    struct clip_pairs pairs = {0};
    int64_t offset = 0;
    for (int64_t q = 4000; q <= 6000; q += 40)
        clip_pairs_add(&pairs, 5, 5000, q, 0, ORIENT_AS_IS);
    assert_true(clip_pairs_offset(&pairs, ORIENT_AS_IS, -1000, 1000, &offset));
    assert_int_equal(offset, 0);
}

static void the_nearest_stay(void **state)
{
    (void)state;
    struct clip_pairs pairs = {0};
    int64_t offset = 0;
    for (uint32_t place = 0; place < 100; place++)
        clip_pairs_add(&pairs, place, place * 1000, place * 1000 + 700, 31 - place % 2, 0);
    assert_int_equal(pairs.n, CLIP_PAIRS);
    for (uint32_t place = 100; place < 103; place++)
        clip_pairs_add(&pairs, place, place * 1000, place * 1000 + 100, 2, 0);
    assert_int_equal(pairs.n, CLIP_PAIRS);
    assert_true(clip_pairs_offset(&pairs, ORIENT_AS_IS, 500, 1000, &offset));
    assert_int_equal(offset, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_offset),
        cmocka_unit_test(a_scene_that_hardly_moves),
        cmocka_unit_test(a_distance_that_lasts_counts_in_its_middle),
        cmocka_unit_test(the_nearest_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
