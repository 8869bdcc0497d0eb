/*
 * What the large worker program decodes, one line a format: videos, and the pictures that are
 * coded like them.
 */
#ifndef HASHING_DECODE_VIDEO_DECODERS_H
#define HASHING_DECODE_VIDEO_DECODERS_H

#include "hashing/decode/decode.h"

extern const struct decoder decoder_heif;
extern const struct decoder decoder_isobmff; /* MP4, QuickTime, 3GPP */
extern const struct decoder decoder_matroska;

/* Runs what FFmpeg and libheif set up lazily, before the sandbox closes. */
void decode_warm_up_video(void);

#endif
