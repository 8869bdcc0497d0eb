/* Do a medium's signals come back as they were put away, and is anything else refused? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/scan/signals.h"

static struct err err;

static struct frame_hashes frame_of(unsigned seed, uint8_t looks)
{
    struct frame_hashes hashes = {.width = 8, .height = 8, .looks = looks};
    for (unsigned l = 0; l < looks; l++) {
        hashes.look[l].quality = (uint8_t)(seed + l);
        for (unsigned o = 0; o < ORIENTATIONS; o++)
            for (unsigned w = 0; w < 4; w++)
                hashes.look[l].hash[o].w[w] = 0x0123456789abcdefull * (seed + 8 * l + o + w + 1);
    }
    return hashes;
}

static void test_round(void **unused)
{
    (void)unused;
    static const int64_t times[] = {-1, 0, 5000000000};
    struct frame_list list = {0};
    struct bytes packed;
    for (unsigned i = 0; i < 3; i++) {
        struct frame_hashes f = frame_of(i, i == 1 ? LOOKS : 1);
        assert_int_equal(frame_list_add(&list, times[i], i, &f, &err), RC_OK);
    }
    assert_int_equal(signals_pack(&list, &packed, &err), RC_OK);
    struct signals_cursor c = {.left = packed};
    for (unsigned i = 0; i < 3; i++) {
        struct frame_hashes f = frame_of(i, i == 1 ? LOOKS : 1);
        assert_true(signals_next(&c));
        assert_true(c.ms == times[i] && c.track == i && c.looks == f.looks);
        for (unsigned l = 0; l < c.looks; l++) {
            assert_int_equal(signals_quality(c.look[l]), f.look[l].quality);
            for (unsigned o = 0; o < ORIENTATIONS; o++) {
                struct pdq_hash hash = pdq_from_bytes(signals_hash(c.look[l], (enum orientation)o));
                assert_memory_equal(&hash, &f.look[l].hash[o], sizeof hash);
            }
        }
    }
    assert_false(signals_next(&c));
    assert_false(c.bad);
    for (size_t n = 1; n < packed.n; n++) {
        c = (struct signals_cursor){.left = bytes_of(packed.p, n)};
        size_t frames = 0;
        while (signals_next(&c))
            frames++;
        assert_true(frames < 3 && (c.bad || c.left.n == 0));
    }
    free((void *)packed.p);
    frame_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
