/*
 * The Multi-Picture Format's index (CIPA DC-007): where a JPEG file says that its further pictures
 * are.
 *
 * Stereo cameras and phones append further JPEGs behind the first and list them in an APP2
 * segment.  Viewers that know the index show them; JPEGs that no index lists are shown by none.
 */
#ifndef HASHING_DECODE_MPF_H
#define HASHING_DECODE_MPF_H

#include "hashing/base/bytes.h"

/* Whether an APP2 segment's bytes (behind its length) are an MPF index. */
bool mpf_is_index(struct bytes app2);

/* A list of pictures; all zeros is an empty one. */
struct mpf {
    struct bytes tiff; /* what offsets count from */
    uint32_t entries;
    uint32_t list_at; /* the place of the list */
};

/* Reads the index's directory; false when it cannot be read.  A number of pictures without a list
 * of them leads nobody to any. */
bool mpf_open(struct bytes app2, struct mpf *ret);

/*
 * Where entry i says that its picture begins, counted from mpf.tiff; 0 stands for the picture that
 * holds the index.  False when the list ends before it.
 */
bool mpf_offset(const struct mpf *mpf, uint32_t i, uint32_t *ret);

#endif
