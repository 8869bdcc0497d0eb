/*
 * The Multi-Picture Format's index (CIPA DC-007): how many pictures a JPEG file claims to hold.
 *
 * Stereo cameras and phones append further JPEGs behind the first and list them in an APP2
 * segment.  Viewers that know the index show them.
 */
#ifndef HASHING_DECODE_MPF_H
#define HASHING_DECODE_MPF_H

#include "hashing/base/bytes.h"

/* Whether an APP2 segment's bytes (behind its length) are an MPF index. */
bool mpf_is_index(struct bytes app2);

/*
 * The number of pictures that the index speaks of: 1 when it only describes its own picture.
 * 0 when it cannot be read.
 */
uint32_t mpf_pictures(struct bytes app2);

#endif
