/*
 * What the decoders of pictures share: the limits that all pictures of one file use together, and
 * handing each over.
 */
#ifndef HASHING_DECODE_PICTURE_H
#define HASHING_DECODE_PICTURE_H

#include "hashing/decode/decode.h"

/* Longest side: a hasher's memory grows with the width.  libpng's own default. */
enum { PICTURE_MAX_SIDE = 1000000 };

/* One file's decode: what it may use, what it has used. */
struct picture_run {
    const struct decode_limits *limits;
    const struct frame_sink *sink;
    struct err *err;
    uint64_t work;          /* pixels, of limits->max_work */
    uint32_t frames;        /* handed over */
    uint32_t width, height; /* of the first of them */
};

/* RC_LIMIT, in words, when a frame of width x height is over a limit. */
MUST_CHECK enum rc picture_check_size(uint32_t width, uint32_t height,
                                      const struct decode_limits *limits, struct err *err);

/* The same, and counts the pixels that are about to be decoded or composed. */
MUST_CHECK enum rc picture_count(struct picture_run *run, uint32_t width, uint32_t height);

/* Ends the frame whose every row was given and hands it to the sink; RC_LIMIT over max_frames. */
MUST_CHECK enum rc picture_deliver(struct picture_run *run, const struct frame_place *place);

/* The same for a picture that has no time: the one of its file, or its n-th. */
MUST_CHECK enum rc picture_deliver_still(struct picture_run *run, uint32_t track);

/* What a whole decode tells of its medium. */
struct medium_info picture_info(const struct picture_run *run, const char *type);

#endif
