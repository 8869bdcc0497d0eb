/*
 * Which way up a picture is to be shown, by the orientation that Exif tells.
 *
 * Its eight values say where the stored picture's first row and column belong; what is needed here
 * is the name of the hash of the picture turned upright.
 */
#ifndef HASHING_DECODE_EXIF_H
#define HASHING_DECODE_EXIF_H

#include "hashing/base/bytes.h"
#include "hashing/pdq.h"

/* How a picture of this Exif (or TIFF) orientation is turned upright; other than 1..8: as it is. */
enum orientation exif_turn(unsigned orientation);

/*
 * The same for an Exif block, from its TIFF header on ("Exif\0\0" before it is stepped over).
 * Anything odd in there is no orientation, which is ORIENT_AS_IS: browsers show it so.
 */
enum orientation exif_upright(struct bytes exif);

#endif
