/*
 * Which bytes are a video, or a picture that is coded like one: told by content, for both worker
 * programs.  A sniffer only has to know whose decoder must look; that decoder then says what is
 * wrong with it.
 */
#ifndef HASHING_DECODE_SNIFF_VIDEO_H
#define HASHING_DECODE_SNIFF_VIDEO_H

#include "hashing/base/bytes.h"

/* MP4, MOV, 3GP, …: an ftyp box of another brand than sniff_heif()'s, or QuickTime from before
 * there was one, which begins with another box. */
bool sniff_isobmff_video(struct bytes in);
/* HEIC, AVIF and their sequences, by major brand. */
bool sniff_heif(struct bytes in);
/* Matroska and WebM. */
bool sniff_matroska(struct bytes in);

/* Whether a plausible ftyp box begins here: its size, and a brand of printable characters. */
bool sniff_ftyp_box(struct bytes in);

#endif
