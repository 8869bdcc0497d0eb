/*
 * Whether a PNG file is an animation: libpng knows nothing of it and shows the first picture only.
 */
#ifndef HASHING_DECODE_APNG_H
#define HASHING_DECODE_APNG_H

#include "hashing/base/bytes.h"

/*
 * Whether viewers may show other pictures than IDAT's.  An acTL chunk behind IDAT counts for
 * nothing, as in every viewer.  One that claims a single frame does count when there is fdAT
 * data: where IDAT's picture is not part of the animation, that one frame is what is shown.
 */
bool apng_holds_more(struct bytes png);

#endif
