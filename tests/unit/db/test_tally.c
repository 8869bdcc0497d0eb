/* The tally alone, with more matches than any list should give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/tally.h"
#include "tests/support/oom.h"

static void a_million_matches_stay_bounded(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    static const uint64_t steps[] = {1, MILLION - 1, 7919};
    for (size_t s = 0; s < 3; s++) {
        struct tally_bank banks[2] = {{.rule = {.action = ACTION_OBSERVE}},
                                      {.rule = {.action = ACTION_REVIEW}}};
        struct tally tally;
        struct lookup got;
        tally_begin(&tally, banks, 2);
        for (uint64_t i = 0, e = 0; i < MILLION; i++, e = (e + steps[s]) % MILLION) {
            struct match m = {.bank = e == 77, .entry = e, .distance = (uint16_t)(e % 60)};
            assert_true(tally_add(&tally, &m));
        }
        assert_true(tally.counted_size <= 4 * LOOKUP_TOTAL_MAX);
        tally_report(&tally, &got);
        tally_end(&tally);
        assert_int_equal(got.verdict, VERDICT_REVIEW);
        assert_int_equal(got.total, LOOKUP_TOTAL_MAX);
        assert_int_equal(got.n, MATCHES_MAX);
        assert_int_equal(got.matches[0].entry, 77);
        for (size_t i = 1; i < got.n; i++)
            assert_int_equal(got.matches[i].distance, 0);
    }
}

/* The better hit of an entry may come when all places are taken by its equals. */
static void a_better_hit_may_come_late(void **state)
{
    (void)state;
    struct tally_bank banks[1] = {{.rule = {.action = ACTION_BLOCK}}};
    struct tally tally;
    struct lookup got;
    tally_begin(&tally, banks, 1);
    for (int turned = 1; turned >= 0; turned--)
        for (uint64_t e = 0; e < MATCHES_MAX; e++) {
            struct match m = {.entry = e, .distance = 9, .orientation = turned ? ORIENT_FLIPY : 0};
            assert_true(tally_add(&tally, &m));
        }
    /* Turned away at first, then the best of all. */
    for (uint16_t distance = 20; distance > 0; distance -= 5) {
        struct match m = {.entry = 1000, .distance = distance};
        assert_true(tally_add(&tally, &m));
    }
    tally_report(&tally, &got);
    tally_end(&tally);
    assert_int_equal(got.n, MATCHES_MAX);
    assert_int_equal(got.total, MATCHES_MAX + 1);
    assert_int_equal(got.matches[0].entry, 1000);
    assert_int_equal(got.matches[0].distance, 5);
    for (size_t i = 1; i < got.n; i++)
        assert_int_equal(got.matches[i].orientation, ORIENT_AS_IS);
}

static void a_count_without_memory_says_so(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct tally_bank banks[1] = {{.rule = {.action = ACTION_BLOCK}}};
        SCOPED(tally_end) struct tally *tally = &(struct tally){0};
        bool all = true;
        tally_begin(tally, banks, 1);
        oom_arm(nth);
        for (uint64_t e = 0; e < 1000; e++)
            all = tally_add(tally, &(struct match){.entry = e}) && all;
        bool failed = oom_disarm();
        assert_int_equal(all, !failed);
        assert_int_equal(tally->verdict, VERDICT_BLOCK);
        if (!failed) {
            assert_int_equal(tally->total, 1000);
            assert_true(nth > 3);
            return;
        }
    }
}

static struct match match_of(uint32_t bank, uint64_t entry)
{
    return (struct match){.bank = bank, .entry = entry, .ms = -1, .entry_ms = -1};
}

/* Banks 0 and 1 are asked, 2 is not; entries 0, 1, 2, … all match in the bank. */
static size_t matches_until_enough(enum action first, enum action second, bool both, size_t most)
{
    struct tally_bank banks[3] = {{.rule = {.action = first}, .asked = true},
                                  {.rule = {.action = second}, .asked = true},
                                  {.rule = {.action = ACTION_BLOCK}}};
    SCOPED(tally_end) struct tally *tally = &(struct tally){0};
    size_t n = 0;
    tally_begin(tally, banks, 3);
    while (n < most && !tally_has_enough(tally)) {
        const struct match match = match_of(both && n == 7 ? 1 : 0, n);
        assert_true(tally_add(tally, &match));
        n++;
    }
    tally_again(tally);
    assert_false(tally_has_enough(tally));
    return n;
}

/* A search ends when no match could change what counts, and not before. */
static void enough_is_when_nothing_can_change(void **state)
{
    (void)state;
    const size_t most = 100 * LOOKUP_TOTAL_MAX;
    assert_int_equal(matches_until_enough(ACTION_BLOCK, ACTION_REVIEW, true, most),
                     LOOKUP_TOTAL_MAX);
    assert_int_equal(matches_until_enough(ACTION_REVIEW, ACTION_BLOCK, true, most),
                     LOOKUP_TOTAL_MAX);
    /* A bank that may yet match is waited for; for ever when it could make the verdict stricter. */
    assert_int_equal(matches_until_enough(ACTION_BLOCK, ACTION_REVIEW, false, most),
                     LOOKUP_TOTAL_MAX + TALLY_PATIENCE);
    assert_int_equal(matches_until_enough(ACTION_REVIEW, ACTION_BLOCK, false, most), most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_matches_stay_bounded),
        cmocka_unit_test(a_better_hit_may_come_late),
        cmocka_unit_test(a_count_without_memory_says_so),
        cmocka_unit_test(enough_is_when_nothing_can_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
