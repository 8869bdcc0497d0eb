/*
 * The frames of a medium that are kept beyond their moment: those that are told or listed.
 */
#ifndef HASHING_FRAME_LIST_H
#define HASHING_FRAME_LIST_H

#include "hashing/frame_hasher.h"

struct kept_frame {
    int64_t ms;
    uint32_t track;
    uint32_t looks; /* how many */
    size_t first;   /* its looks are list->look[first…] */
};

/* Zeroed it is empty. */
struct frame_list {
    size_t n, room;
    struct kept_frame *frame; /* owned */
    size_t n_looks, looks_room;
    struct look_hash *look; /* owned */
};

MUST_CHECK enum rc frame_list_add(struct frame_list *list, int64_t ms, uint32_t track,
                                  const struct frame_hashes *hashes, struct err *err);

static inline const struct look_hash *frame_list_look(const struct frame_list *list, size_t frame,
                                                      enum look look)
{
    return &list->look[list->frame[frame].first + (size_t)look];
}

/* Forgets the frames from number n on. */
void frame_list_trim(struct frame_list *list, size_t n);
void frame_list_clear(struct frame_list *list);

#endif
