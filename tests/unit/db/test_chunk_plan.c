#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/chunk_plan.h"
#include "tests/support/rnd.h"

static void the_radii_use_up_the_threshold(void **state)
{
    (void)state;
    for (unsigned t = 0; t <= CHUNK_THRESHOLD_MAX; t++) {
        struct chunk_plan plan;
        int sum = 0;
        chunk_plan_for(t, &plan);
        for (unsigned i = 0; i < CHUNKS; i++) {
            sum += plan.radius[i] + 1;
            assert_true(plan.radius[i] >= -1 && plan.radius[i] <= 3);
        }
        assert_int_equal(sum, t + 1);
    }
}

static void flips_run_through_every_value_once(void **state)
{
    (void)state;
    static uint8_t seen[CHUNK_VALUES];
    uint32_t flips = 0;
    int bits = 0;
    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < CHUNK_VALUES; i++) {
        assert_true(flips < CHUNK_VALUES);
        assert_int_equal(seen[flips]++, 0);
        assert_true(__builtin_popcount(flips) >= bits);
        bits = __builtin_popcount(flips);
        flips = chunk_next_flips(flips);
    }
}

static void probes_are_the_values_within_the_radius(void **state)
{
    (void)state;
    struct chunk_plan plan;
    static const uint32_t within[] = {1, 17, 137, 697};
    for (unsigned radius = 0; radius < 4; radius++) {
        chunk_plan_for(16 * (radius + 1) - 1, &plan);
        for (unsigned i = 0; i < CHUNKS; i++)
            assert_int_equal(plan.probes[i], within[radius]);
        assert_int_equal(chunk_plan_probes(&plan), CHUNKS * within[radius]);
    }
    chunk_plan_for(0, &plan);
    assert_int_equal(chunk_plan_probes(&plan), 1);
}

/* A pair of hashes at exactly this distance, the differing bits anywhere or all in a few chunks. */
static struct pdq_hash at_distance(struct rnd *rnd, const struct pdq_hash *from, unsigned distance)
{
    struct pdq_hash h = *from;
    uint64_t first = rnd_below(rnd, 256), span = distance + rnd_below(rnd, 257 - distance);
    while (pdq_distance(from, &h) < distance) {
        uint64_t bit = (first + rnd_below(rnd, span)) % 256;
        h.w[bit / 64] |= ~from->w[bit / 64] & 1ull << (bit % 64);
        h.w[bit / 64] &= ~(from->w[bit / 64] & 1ull << (bit % 64));
    }
    return h;
}

/* The cycle lemma, tried: whatever is within the threshold is found by some chunk. */
static void whatever_is_near_is_found(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    for (unsigned t = 0; t <= CHUNK_THRESHOLD_MAX; t++) {
        struct chunk_plan plan;
        chunk_plan_for(t, &plan);
        for (unsigned distance = 0; distance <= t; distance++)
            for (int round = 0; round < 100; round++) {
                struct pdq_hash a = {
                    {rnd_next(&rnd), rnd_next(&rnd), rnd_next(&rnd), rnd_next(&rnd)}};
                struct pdq_hash b = at_distance(&rnd, &a, distance);
                unsigned two = chunk_plan_first(&plan, false, &a, &b);
                unsigned three = chunk_plan_first(&plan, true, &a, &b);
                assert_true(two <= three && three < CHUNKS);
                int differ = __builtin_popcount(chunk_of(&a, two) ^ chunk_of(&b, two));
                assert_true(differ <= plan.radius[two]);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_radii_use_up_the_threshold),
        cmocka_unit_test(flips_run_through_every_value_once),
        cmocka_unit_test(probes_are_the_values_within_the_radius),
        cmocka_unit_test(whatever_is_near_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
