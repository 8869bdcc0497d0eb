/* Does a budget let through what it promises and no more?  The clock is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "service/budget.h"
#include "tests/support/rnd.h"

#define SECOND INT64_C(1000000000)

static void budget_fills_and_empties(void **state)
{
    (void)state;
    struct budget b = {0};
    int retry = 0;
    int64_t now = 5 * SECOND;
    for (int i = 0; i < 10; i++)
        assert_true(budget_spend(&b, 2, 10, 1, now, &retry));
    assert_false(budget_spend(&b, 2, 10, 1, now, &retry));
    assert_int_equal(retry, 1);
    assert_false(budget_spend(&b, 2, 10, 5, now, &retry));
    assert_int_equal(retry, 3);
    assert_true(budget_spend(&b, 2, 10, 5, now + 3 * SECOND, &retry));
    assert_true(budget_spend(&b, 2, 10, 10, now + 100 * SECOND, &retry));
    assert_false(budget_spend(&b, 2, 10, 1, now + 100 * SECOND, &retry));
}

static void budget_goes_into_debt(void **state)
{
    (void)state;
    struct budget b = {0};
    int retry = 0;
    int64_t now = SECOND;
    assert_true(budget_spend(&b, 10, 20, 1000, now, &retry));
    assert_false(budget_spend(&b, 10, 20, 1, now, &retry));
    assert_int_equal(retry, 99); /* 980 of debt and the one asked for, at 10 a second */
    assert_false(budget_spend(&b, 10, 20, 1, now + 97 * SECOND, &retry));
    assert_true(budget_spend(&b, 10, 20, 1, now + 99 * SECOND, &retry));
    /* More than the burst asks for a full budget, no more. */
    assert_false(budget_spend(&b, 10, 20, 1000, now + 100 * SECOND, &retry));
    assert_true(budget_spend(&b, 10, 20, 1000, now + 102 * SECOND, &retry));
    assert_true(budget_spend(&b, 1e-9, 20, 1, now + 102 * SECOND, &retry) == false);
    assert_int_equal(retry, 86400);
}

/* Over any stretch of time no more passes than what it began with and what came in. */
static void budget_is_never_exceeded(void **state)
{
    (void)state;
    struct rnd r = rnd_from_environment();
    for (int round = 0; round < 300; round++) {
        struct budget b = {0};
        double rate = 0.1 + (double)rnd_below(&r, 1000) / 10;
        double burst = 0.5 + (double)rnd_below(&r, 1000) / 10;
        double spent = 0, largest = 0;
        int64_t begin = SECOND + (int64_t)rnd_below(&r, 1000000), now = begin;
        for (int i = 0; i < 500; i++) {
            double n = (double)(1 + rnd_below(&r, 30));
            int retry = 0;
            now += (int64_t)rnd_below(&r, 200000000);
            if (budget_spend(&b, rate, burst, n, now, &retry)) {
                spent += n;
                largest = n > largest ? n : largest;
            } else {
                assert_true(retry >= 1);
                struct budget later = b;
                /* What it promises is true. */
                assert_true(budget_spend(&later, rate, burst, n, now + retry * SECOND, &retry));
            }
            double may = burst + rate * (double)(now - begin) / 1e9 + largest;
            assert_true(spent <= may + 1e-6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_fills_and_empties),
        cmocka_unit_test(budget_goes_into_debt),
        cmocka_unit_test(budget_is_never_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
