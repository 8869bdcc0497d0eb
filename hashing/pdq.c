#include "hashing/pdq.h"

#include "hashing/base/text.h"

static const char *const orientation_names[ORIENTATIONS] = {
    [ORIENT_AS_IS] = "as-is",         [ORIENT_ROT90] = "rot90",
    [ORIENT_ROT180] = "rot180",       [ORIENT_ROT270] = "rot270",
    [ORIENT_FLIPX] = "flipx",         [ORIENT_FLIPY] = "flipy",
    [ORIENT_FLIPPLUS1] = "flipplus1", [ORIENT_FLIPMINUS1] = "flipminus1",
};

const char *orientation_name(enum orientation o)
{
    return (unsigned)o < ORIENTATIONS ? orientation_names[o] : NULL;
}

void pdq_hex(const struct pdq_hash *h, char out[PDQ_HEX + 1])
{
    uint8_t bytes[PDQ_BYTES];
    pdq_bytes(h, bytes);
    text_hex(bytes, sizeof(bytes), out);
}

bool pdq_parse_hex(const char *s, size_t len, struct pdq_hash *ret)
{
    uint8_t bytes[PDQ_BYTES];
    if (!text_unhex(s, len, bytes, sizeof(bytes)))
        return false;
    *ret = pdq_from_bytes(bytes);
    return true;
}

void pdq_bytes(const struct pdq_hash *h, uint8_t out[PDQ_BYTES])
{
    for (int i = 0; i < PDQ_BYTES; i++)
        out[i] = (uint8_t)(h->w[3 - i / 8] >> (56 - 8 * (i % 8)));
}

struct pdq_hash pdq_from_bytes(const uint8_t in[PDQ_BYTES])
{
    struct pdq_hash h = {0};
    for (int i = 0; i < PDQ_BYTES; i++)
        h.w[3 - i / 8] |= (uint64_t)in[i] << (56 - 8 * (i % 8));
    return h;
}

struct pdq_hash pdq_transposed(const struct pdq_hash *h)
{
    struct pdq_hash t = {0};
    for (unsigned row = 0; row < 16; row++) {
        uint64_t bits = h->w[row / 4] >> (row % 4 * 16);
        for (unsigned column = 0; column < 16; column++)
            t.w[column / 4] |= (bits >> column & 1) << (column % 4 * 16 + row);
    }
    return t;
}
