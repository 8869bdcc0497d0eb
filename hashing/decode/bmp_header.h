/*
 * The headers of a BMP file: OS/2's first, and those of Windows.
 */
#ifndef HASHING_DECODE_BMP_HEADER_H
#define HASHING_DECODE_BMP_HEADER_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

struct bmp_header {
    uint32_t width, height;
    bool top_down;
    uint32_t bits;
    bool runs;               /* coded in runs, of 4 or 8 bits */
    uint32_t mask[4];        /* of 16 and 32 bits: red, green, blue; alpha or 0 */
    uint8_t palette[256][3]; /* RGB; colours that the file lacks are black */
    uint32_t data_at;
};

/* "BM" and a header of a known size: the letters alone begin too many texts. */
bool bmp_header_sniff(struct bytes in);

/* RC_UNDECODABLE for what is cut, contradicts itself, or is coded in a way that is not decoded. */
MUST_CHECK enum rc bmp_header_read(struct bytes in, struct bmp_header *ret, struct err *err);

#endif
