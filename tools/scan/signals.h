/*
 * The signals of one medium as bytes that a state can keep: frame after frame, with time, track,
 * and for each look its quality and all eight orientations.  Pure functions, any thread.
 */
#ifndef TOOLS_SCAN_SIGNALS_H
#define TOOLS_SCAN_SIGNALS_H

#include "hashing/base/bytes.h"
#include "hashing/frame_list.h"

/* *ret is owned (free its p); empty for no frames.  RC_NOMEM. */
MUST_CHECK enum rc signals_pack(const struct frame_list *list, struct bytes *ret, struct err *err);

/* Reads what signals_pack() wrote, frame by frame.  Zeroed but for `left` it is at the start. */
struct signals_cursor {
    struct bytes left;
    bool bad; /* it is no such thing, or cut short */
    int64_t ms;
    uint32_t track, looks;      /* of the frame in hand */
    const uint8_t *look[LOOKS]; /* its looks, within the signals: see below */
};

/* Takes the next frame in hand; false at the end and when it is bad. */
bool signals_next(struct signals_cursor *c);

static inline uint8_t signals_quality(const uint8_t *look)
{
    return look[0];
}

/* PDQ_BYTES, in the order of the hash's text. */
static inline const uint8_t *signals_hash(const uint8_t *look, enum orientation orientation)
{
    return look + 1 + (size_t)orientation * PDQ_BYTES;
}

#endif
