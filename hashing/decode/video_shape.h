/*
 * Is a container whole by its own lengths?  libavformat takes what is there and stops in silence.
 */
#ifndef HASHING_DECODE_VIDEO_SHAPE_H
#define HASHING_DECODE_VIDEO_SHAPE_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

/* Top-level boxes.  What lies behind the last known box, and is none, belongs to somebody else. */
MUST_CHECK enum rc video_shape_mp4(struct bytes in, struct err *err);

/* The segment, and the clusters of one whose length its writer did not know. */
MUST_CHECK enum rc video_shape_matroska(struct bytes in, struct err *err);

#endif
