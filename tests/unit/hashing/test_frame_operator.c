#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hashing/frame_operator.h"
#include "tests/support/rnd.h"

static struct rnd rnd;

/* Of a row of ones each output makes one; and each input finds all outputs that it is part of. */
static void operators_are_means(void **state)
{
    (void)state;
    for (int round = 0; round < 700; round++) {
        struct frame_operator op = {0};
        struct frame_operator_part parts[OPERATOR_OVERLAP];
        struct err err;
        double sums[OPERATOR_OUTPUTS] = {0};
        uint32_t side = round < 600 ? 5 + (uint32_t)round : (uint32_t)rnd_below(&rnd, 20000) + 5;

        assert_int_equal(frame_operator_make(&op, side, false, &err), RC_OK);
        for (uint32_t x = 0; x < side; x++) {
            unsigned n = frame_operator_parts(&op, x, parts);
            for (unsigned i = 0; i < n; i++)
                sums[parts[i].output] += (double)parts[i].weight;
        }
        for (int i = 0; i < OPERATOR_OUTPUTS; i++)
            assert_true(fabs(sums[op.source[i]] - 1.0) < 1e-5);
        frame_operator_clear(&op);
    }
}

/* The mirrored operator is the plain one seen from the other end. */
static void mirrored_operators_are_mirrored(void **state)
{
    (void)state;
    struct frame_operator op = {0};
    struct frame_operator mirrored = {0};
    struct err err;

    for (uint32_t side = 5; side < 1500; side += 13) {
        assert_int_equal(frame_operator_make(&op, side, false, &err), RC_OK);
        assert_int_equal(frame_operator_make(&mirrored, side, true, &err), RC_OK);
        for (unsigned i = 0; i < OPERATOR_OUTPUTS; i++) {
            uint32_t n = op.taps[i];
            assert_int_equal(mirrored.taps[i], n);
            assert_int_equal(op.first[i] + n + mirrored.first[i], side);
            for (uint32_t k = 0; k < n; k++)
                assert_true(frame_operator_weights(&op, i)[k] ==
                            frame_operator_weights(&mirrored, i)[n - 1 - k]);
            for (uint32_t k = n; k < op.stride; k++)
                assert_true(frame_operator_weights(&op, i)[k] == 0.0f);
        }
    }
    frame_operator_clear(&op);
    frame_operator_clear(&mirrored);
}

int main(void)
{
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_are_means),
        cmocka_unit_test(mirrored_operators_are_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
