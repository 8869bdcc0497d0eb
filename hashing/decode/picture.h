/*
 * What the decoders of single pictures share: the limits of a frame, and handing it over.
 */
#ifndef HASHING_DECODE_PICTURE_H
#define HASHING_DECODE_PICTURE_H

#include "hashing/decode/decode.h"

/* Longest side: a hasher's memory grows with the width.  libpng's own default. */
enum { PICTURE_MAX_SIDE = 1000000 };

/* RC_LIMIT, in words, when a frame of width x height is over a limit. */
MUST_CHECK enum rc picture_check_size(uint32_t width, uint32_t height,
                                      const struct decode_limits *limits, struct err *err);

/* Ends the frame whose every row was given and hands it to the sink. */
MUST_CHECK enum rc picture_deliver(const struct frame_sink *sink, struct err *err);

#endif
