/*
 * From a decoded picture to its hashes: the luma plane as it is, colours by PDQ's formula.
 */
#ifndef HASHING_DECODE_VIDEO_LUMA_H
#define HASHING_DECODE_VIDEO_LUMA_H

#include <libavutil/frame.h>

#include "hashing/frame_hasher.h"

/*
 * Luma of any depth, limited or full range; alpha is ignored.  RC_UNDECODABLE when the pixels are
 * of a kind that has no luma here (floating point, Bayer).
 */
MUST_CHECK enum rc video_luma_hash(struct frame_hasher *hasher, const AVFrame *frame,
                                   struct frame_hashes *ret, struct err *err);

#endif
