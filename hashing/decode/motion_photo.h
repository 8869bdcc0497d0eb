/*
 * The clip of a motion photograph: an MP4 file behind the end of a JPEG.
 *
 * Phones put it there directly or behind a few bytes of their own, with more of those behind it,
 * and tell of it in metadata that gets lost; the clip is known by its own first boxes.
 */
#ifndef HASHING_DECODE_MOTION_PHOTO_H
#define HASHING_DECODE_MOTION_PHOTO_H

#include "hashing/base/bytes.h"

/* The clip within what lies behind the picture; empty when there is none. */
struct bytes motion_photo_clip(struct bytes behind);

#endif
