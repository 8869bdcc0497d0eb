/*
 * What the small worker program decodes, one line a format.
 */
#ifndef HASHING_DECODE_PICTURE_DECODERS_H
#define HASHING_DECODE_PICTURE_DECODERS_H

#include "hashing/decode/decode.h"

extern const struct decoder decoder_jpeg;
extern const struct decoder decoder_png;
extern const struct decoder decoder_gif;
extern const struct decoder decoder_webp;
extern const struct decoder decoder_tiff;
extern const struct decoder decoder_bmp;

#endif
