/*
 * Videos by FFmpeg: every picture of every video track, in the order in which they are shown.
 *
 * The file is read up to three times, each time anew from its start: a survey counts packets, so
 * that limits and a missing end are known before anything is decoded; long clips then have their
 * key frames hashed ahead; at last everything is decoded in order.
 */
#ifndef HASHING_DECODE_VIDEO_RUN_H
#define HASHING_DECODE_VIDEO_RUN_H

#include "hashing/decode/decode.h"

/* How one container is read. */
struct video_container {
    const char *demuxer; /* libavformat's name */
    enum rc (*check_shape)(struct bytes in, struct err *err);
    bool indexed;    /* lists every sample ahead of reading it */
    bool steps_over; /* libavformat looks for the next good place after a fault, and only logs it */
};

/* As struct decoder's decode(); ret->type is the caller's to set. */
MUST_CHECK enum rc video_run(const struct video_container *container, struct bytes in,
                             const struct decode_limits *limits, const struct frame_sink *sink,
                             struct medium_info *ret, struct err *err);

#endif
