#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "hashing/sift.h"
#include "tests/support/rnd.h"

enum { MOST = 300 };

static const char *const kernels[] = {"plain", "avx2", "avx512", "neon"};
enum { KERNELS = sizeof(kernels) / sizeof(kernels[0]) };

static unsigned bit_by_bit(uint16_t a, uint16_t b)
{
    unsigned d = 0;
    for (int k = 0; k < 16; k++)
        d += (a >> k & 1) != (b >> k & 1);
    return d;
}

static uint16_t near_or_not(struct rnd *rnd, uint16_t from)
{
    for (uint64_t flips = rnd_below(rnd, 8); flips > 0; flips--)
        from ^= (uint16_t)(1u << rnd_below(rnd, 16));
    return rnd_below(rnd, 3) == 0 ? (uint16_t)rnd_next(rnd) : from;
}

/* Of exactly as much memory as the header asks for: a sanitizer sees any further read. */
static void compare(struct rnd *rnd, size_t n)
{
    SCOPED(mem_free) uint16_t *signature = malloc((n + SIFT_PAD) * sizeof(*signature));
    SCOPED(mem_free) uint32_t *got = malloc((n + 1) * sizeof(*got));
    uint16_t from = (uint16_t)rnd_next(rnd);
    unsigned limit = (unsigned)rnd_below(rnd, 17);
    size_t want = 0;

    for (size_t i = 0; i < n + SIFT_PAD; i++)
        signature[i] = i < n ? near_or_not(rnd, from) : from;
    got[n] = 0xdeadbeef;
    size_t found = sift_near(signature, n, from, limit, got);
    for (size_t i = 0; i < n; i++)
        if (bit_by_bit(signature[i], from) <= limit) {
            assert_true(want < found);
            assert_int_equal(got[want++], i);
        }
    assert_int_equal(found, want);
    assert_int_equal(got[n], 0xdeadbeef);
}

static void every_kernel_finds_what_bits_say(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    for (unsigned k = 0; k < KERNELS; k++) {
        if (!sift_use(kernels[k]))
            continue;
        for (size_t n = 0; n < MOST; n++)
            for (int round = 0; round < 10; round++)
                compare(&rnd, n);
    }
}

static void the_self_test_chooses_one_that_agrees(void **state)
{
    (void)state;
    const char *disagreed = "none yet";
    const char *name = sift_self_test(&disagreed);
    assert_null(disagreed);
    assert_true(sift_use(name));
    assert_true(sift_use("plain"));
    assert_false(sift_use("abacus"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_finds_what_bits_say),
        cmocka_unit_test(the_self_test_chooses_one_that_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
