/*
 * The PDQ hash: 256 bits, its text, its distance, and the names of the eight orientations.
 *
 * Bit k is word k/64, bit k%64, where k = row*16 + column of the 16x16 DCT (row and column are
 * frequencies 1..16).  Text is the 256-bit number in big-endian hex, so bit 255 comes first:
 * byte-equal to what ThreatExchange's tools print.  Pure functions, any thread.
 */
#ifndef HASHING_PDQ_H
#define HASHING_PDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PDQ_BITS = 256,
    PDQ_BYTES = 32,
    PDQ_HEX = 64,         /* characters, without NUL */
    PDQ_MIN_QUALITY = 50, /* below it a hash is neither listed nor matched (PDQ's README) */
    PDQ_THRESHOLD = 31,   /* default: distance <= 31 matches */
    PDQ_MIN_SIDE = 5      /* smaller pictures hash to zero bits with quality 0 */
};

struct pdq_hash {
    uint64_t w[4];
};

/* In the order in which every PDQ tool prints them.  flipx turns upside down, flipy mirrors. */
enum orientation {
    ORIENT_AS_IS,
    ORIENT_ROT90,
    ORIENT_ROT180,
    ORIENT_ROT270,
    ORIENT_FLIPX,
    ORIENT_FLIPY,
    ORIENT_FLIPPLUS1,
    ORIENT_FLIPMINUS1,
    ORIENTATIONS
};

/* "as-is", "rot90", …; NULL beyond the last. */
const char *orientation_name(enum orientation o);

/* 64 lower-case digits and a NUL. */
void pdq_hex(const struct pdq_hash *h, char out[PDQ_HEX + 1]);

/* Exactly 64 hex digits of either case. */
bool pdq_parse_hex(const char *s, size_t len, struct pdq_hash *ret);

/* The 32 bytes of the hex text, in its order (what base64 and the store hold). */
void pdq_bytes(const struct pdq_hash *h, uint8_t out[PDQ_BYTES]);
struct pdq_hash pdq_from_bytes(const uint8_t in[PDQ_BYTES]);

/*
 * The hash of the transposed picture, flipped over its main diagonal: its transform is the
 * transposed one, whose median is the same, so its bits are these in another order.
 */
struct pdq_hash pdq_transposed(const struct pdq_hash *h);

static inline unsigned pdq_distance(const struct pdq_hash *a, const struct pdq_hash *b)
{
    unsigned d = 0;
    for (int i = 0; i < 4; i++)
        d += (unsigned)__builtin_popcountll(a->w[i] ^ b->w[i]);
    return d;
}

static inline bool pdq_equal(const struct pdq_hash *a, const struct pdq_hash *b)
{
    return pdq_distance(a, b) == 0;
}

#endif
