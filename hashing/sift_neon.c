/* Compiled for aarch64 only, where every processor has these instructions. */
#include <arm_neon.h>

#include "hashing/sift_kernels.h"

enum { LANES = 8 };

static size_t near_neon(const uint16_t *signature, size_t n, uint16_t from, unsigned limit,
                        uint32_t *near)
{
    const uint16x8_t every = vdupq_n_u16(from), most = vdupq_n_u16((uint16_t)limit);
    const uint16_t bit_of_lane[LANES] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t bits = vld1q_u16(bit_of_lane);
    size_t found = 0;

    for (size_t i = 0; i < n; i += LANES) {
        uint8x16_t differ = vreinterpretq_u8_u16(veorq_u16(vld1q_u16(signature + i), every));
        uint16x8_t close = vcleq_u16(vpaddlq_u8(vcntq_u8(differ)), most);
        uint32_t mask = vaddvq_u16(vandq_u16(close, bits));
        if (n - i < LANES)
            mask &= (UINT32_C(1) << (n - i)) - 1;
        if (mask != 0)
            found += sift_take(mask, (uint32_t)i, near + found);
    }
    return found;
}

const struct sift_kernel sift_kernel_neon = {.name = "neon", .near = near_neon};
