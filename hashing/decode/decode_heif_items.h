/*
 * What a HEIF file's `meta` box says of its items, looked at before libheif acts on it.
 *
 * libheif believes the file where we may not: it allocates the canvas that a derived picture asks
 * for, follows derivations as deep and as often as they go, copies all data of all items, and
 * passes over pictures of kinds that it does not know.
 */
#ifndef HASHING_DECODE_DECODE_HEIF_ITEMS_H
#define HASHING_DECODE_DECODE_HEIF_ITEMS_H

#include "hashing/decode/decode.h"
#include "hashing/decode/decode_heif_boxes.h"

/*
 * RC_LIMIT: a canvas over max_pixels, canvases over max_work, too many items.
 * RC_UNDECODABLE: visible items of a kind that is not decoded, derivations without an end, boxes
 * that two readers would read in two ways.
 */
MUST_CHECK enum rc heif_items_check(const struct heif_layout *layout,
                                    const struct decode_limits *limits, struct err *err);

#endif
