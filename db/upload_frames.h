/*
 * The upload's side of matching clips: when its frames come, and which of them are one picture.
 *
 * Signals come frame by frame, as they are asked.  A *moment* is a time at which some came, in the
 * order of their coming: the next signal of another time begins the next moment.  A *picture* is a
 * frame told by its as-is hash: a frame begins with an as-is signal, unless that is a further look
 * (look greater, same ms) at the frame of the signal before; frames that begin with equal hashes
 * are one picture.
 */
#ifndef DB_UPLOAD_FRAMES_H
#define DB_UPLOAD_FRAMES_H

#include "db/clip_memory.h"
#include "db/policy.h"

#define MOMENT_NONE UINT32_MAX

struct upload_frames {
    struct clip_memory *memory; /* borrowed */

    int64_t *ms; /* of each moment */
    uint32_t moments, room;
    bool unordered; /* some moment is not later than the one before it */

    bool count_pictures; /* else all are number 0 */
    struct pdq_hash *picture;
    uint32_t pictures, picture_room;
    uint32_t *slot; /* picture plus one, 0 is empty; open addressing */
    size_t slots;

    /* The signal before. */
    bool begun;
    int64_t last_ms;
    enum look last_look;
    uint32_t at; /* the picture that its frame is */
};

void upload_frames_begin(struct upload_frames *frames, struct clip_memory *memory,
                         bool count_pictures);
void upload_frames_end(struct upload_frames *frames);

/* Where the next pdq signal belongs; an untimed one has moment MOMENT_NONE.  false: no memory. */
MUST_CHECK bool upload_frames_next(struct upload_frames *frames, const struct lookup_signal *signal,
                                   uint32_t *ret_moment, uint32_t *ret_picture);

#endif
