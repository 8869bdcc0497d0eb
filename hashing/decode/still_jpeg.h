/*
 * One JPEG picture by libjpeg-turbo, a few rows at a time, into the hasher.
 *
 * What libjpeg only warns of (corrupt data, a premature end) refuses the picture here, but for
 * warnings that cost no pixel: libjpeg would paint grey what it cannot read, and what was not read
 * was not examined.
 */
#ifndef HASHING_DECODE_STILL_JPEG_H
#define HASHING_DECODE_STILL_JPEG_H

#include "hashing/decode/mpf.h"
#include "hashing/decode/picture.h"

/* What else such a picture's bytes tell. */
struct still_jpeg {
    struct mpf index; /* of further pictures; points into the bytes */
    enum orientation upright;
    size_t length; /* bytes to the end of its EOI marker */
};

/* Gives every row to run->sink->hasher; the caller delivers the frame. */
MUST_CHECK enum rc still_jpeg_read(struct bytes in, struct picture_run *run,
                                   struct still_jpeg *ret);

#endif
