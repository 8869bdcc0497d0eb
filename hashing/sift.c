#include "hashing/sift.h"

#include <string.h>

#include "hashing/base/bits.h"
#include "hashing/sift_kernels.h"

static size_t near_plain(const uint16_t *signature, size_t n, uint16_t from, unsigned limit,
                         uint32_t *near)
{
    const uint64_t every = from * UINT64_C(0x0001000100010001);
    size_t found = 0;

    for (size_t i = 0; i < n; i += 4) {
        uint64_t lanes;
        memcpy(&lanes, signature + i, sizeof lanes);
        uint64_t counts = bits_of_lanes(lanes ^ every);
        for (size_t k = 0; k < 4 && i + k < n; k++, counts >>= 16)
            if ((counts & 0xffff) <= limit)
                near[found++] = (uint32_t)(i + k);
    }
    return found;
}

const struct sift_kernel sift_kernel_plain = {.name = "plain", .near = near_plain};

static const struct sift_kernel *active = &sift_kernel_plain;

enum { MAX_KERNELS = 3 };

/* The kernels that this processor can run, fastest first, the plain one last. */
static unsigned runnable(const struct sift_kernel *kernels[MAX_KERNELS])
{
    unsigned n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vpopcntdq") &&
        __builtin_cpu_supports("avx512bitalg"))
        kernels[n++] = &sift_kernel_avx512;
    if (avx2)
        kernels[n++] = &sift_kernel_avx2;
#elif defined(__aarch64__)
    kernels[n++] = &sift_kernel_neon;
#endif
    kernels[n++] = &sift_kernel_plain;
    return n;
}

size_t sift_near(const uint16_t *signature, size_t n, uint16_t from, unsigned limit, uint32_t *near)
{
    return active->near(signature, n, from, limit, near);
}

enum { SAMPLE = 150 };

/* Lengths around a vector's, and signatures at every distance (of a linear congruence as noise). */
static bool agrees_with_plain(const struct sift_kernel *kernel)
{
    uint16_t signature[SAMPLE + SIFT_PAD];
    uint32_t plain[SAMPLE], fast[SAMPLE];
    uint32_t noise = 1;

    for (size_t i = 0; i < SAMPLE + SIFT_PAD; i++) {
        noise = noise * 1664525 + 1013904223;
        signature[i] = (uint16_t)(i % 3 == 0 ? 0x5a3cu ^ ((1u << noise % 17) - 1) : noise >> 16);
    }
    for (size_t n = 0; n <= SAMPLE; n++)
        for (unsigned limit = 0; limit <= 16; limit++) {
            size_t want = near_plain(signature, n, 0x5a3c, limit, plain);
            if (kernel->near(signature, n, 0x5a3c, limit, fast) != want ||
                memcmp(plain, fast, want * sizeof plain[0]) != 0)
                return false;
        }
    return true;
}

const char *sift_self_test(const char **ret_disagreed)
{
    const struct sift_kernel *kernels[MAX_KERNELS];
    unsigned n = runnable(kernels);

    *ret_disagreed = NULL;
    for (unsigned i = 0; i < n; i++) {
        active = kernels[i];
        if (active == &sift_kernel_plain || agrees_with_plain(active))
            break;
        *ret_disagreed = active->name;
    }
    return active->name;
}

bool sift_use(const char *kernel)
{
    const struct sift_kernel *kernels[MAX_KERNELS];
    unsigned n = runnable(kernels);

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(kernel, kernels[i]->name) == 0) {
            active = kernels[i];
            return true;
        }
    }
    return false;
}
