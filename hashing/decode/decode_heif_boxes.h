/*
 * How a HEIF file is laid out: which of its parts hold pictures that somebody may be shown.
 *
 * libheif reads the still items of one `meta` box and passes over everything else.  A file may
 * hold more: a sequence of pictures (`moov`), or a whole clip behind the photograph ("motion
 * photo").  What is found here must be decoded or refused, never passed over.
 */
#ifndef HASHING_DECODE_DECODE_HEIF_BOXES_H
#define HASHING_DECODE_DECODE_HEIF_BOXES_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct heif_box {
    uint32_t type;
    struct bytes content; /* as much of it as there is */
    bool cut;             /* it says that it is longer than what holds it */
};

/* Takes the next box; false at the end, and where the bytes are no box. */
bool heif_box_next(struct cursor *c, struct heif_box *ret);

/* Whether a file's first box names one of the picture brands, as its own or as a compatible one. */
bool heif_has_brand(struct bytes in);

struct heif_layout {
    const char *type;    /* static: "image/heic", "image/avif", "image/heif" */
    const char *name;    /* static: "HEIC", …, how messages call it */
    struct bytes stills; /* what libheif may see: all that is ahead of the clip */
    struct bytes meta;   /* content of the box that lists the stills; empty: there are none */
    bool sequence;       /* there is a `moov` box beside it */
    struct bytes clip;   /* the file that was appended, to the end; empty: none */
};

/* Of a file for which heif_has_brand().  RC_UNDECODABLE when readers would not agree on it. */
MUST_CHECK enum rc heif_layout_read(struct bytes in, struct heif_layout *ret, struct err *err);

#endif
