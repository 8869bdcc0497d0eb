/*
 * Two tiny pictures, a HEIC and an AVIF, that take libheif and both codecs their usual ways: for
 * what these set up lazily, before the sandbox closes.
 */
#ifndef HASHING_DECODE_DECODE_HEIF_TINY_H
#define HASHING_DECODE_DECODE_HEIF_TINY_H

#include "hashing/base/bytes.h"

enum { HEIF_TINY = 2 };

extern const struct bytes heif_tiny[HEIF_TINY];

#endif
