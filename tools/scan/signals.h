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
    uint32_t track, looks; /* of the frame in hand: struct look_hash look[0…looks-1] */
    struct look_hash look[LOOKS];
};

/* Takes the next frame in hand; false at the end and when it is bad. */
bool signals_next(struct signals_cursor *c);

#endif
