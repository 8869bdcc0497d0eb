#include "db/upload_frames.h"

enum { ROOM_MIN = 64 };

void upload_frames_begin(struct upload_frames *frames, struct clip_memory *memory,
                         bool count_pictures)
{
    *frames = (struct upload_frames){.memory = memory, .count_pictures = count_pictures};
}

void upload_frames_end(struct upload_frames *frames)
{
    clip_memory_free(frames->memory, frames->ms, frames->room * sizeof(frames->ms[0]));
    clip_memory_free(frames->memory, frames->picture,
                     frames->picture_room * sizeof(frames->picture[0]));
    clip_memory_free(frames->memory, frames->slot, frames->slots * sizeof(frames->slot[0]));
}

/* --- moments --- */

static bool add_moment(struct upload_frames *f, int64_t ms)
{
    if (f->moments == f->room) {
        uint32_t room = f->room != 0 ? f->room * 2 : ROOM_MIN;
        int64_t *grown =
            clip_memory_grow(f->memory, f->ms, f->room * sizeof(f->ms[0]), room * sizeof(f->ms[0]));
        if (grown == NULL)
            return false;
        f->ms = grown;
        f->room = room;
    }
    if (f->moments > 0 && ms <= f->ms[f->moments - 1])
        f->unordered = true;
    f->ms[f->moments++] = ms;
    return true;
}

/* --- pictures --- */

/* The slot that holds the picture, or the empty one where it belongs. */
static uint32_t *slot_of(const struct upload_frames *f, const struct pdq_hash *hash)
{
    /* Bits of a hash are far from even, so all of them are mixed. */
    uint64_t z = hash->w[0];
    for (int i = 1; i < 4; i++)
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 + hash->w[i];
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    size_t mask = f->slots - 1, i = (size_t)(z ^ z >> 31) & mask;
    while (f->slot[i] != 0 && !pdq_equal(&f->picture[f->slot[i] - 1], hash))
        i = (i + 1) & mask;
    return &f->slot[i];
}

/* Room for one picture more, and at least half of the slots empty. */
static bool reserve_picture(struct upload_frames *f)
{
    if (f->pictures < f->picture_room)
        return true;
    uint32_t room = f->picture_room != 0 ? f->picture_room * 2 : ROOM_MIN;
    struct pdq_hash *grown =
        clip_memory_grow(f->memory, f->picture, f->picture_room * sizeof(f->picture[0]),
                         room * sizeof(f->picture[0]));
    if (grown == NULL)
        return false;
    f->picture = grown;
    uint32_t *slot = clip_memory_grow(f->memory, NULL, 0, (size_t)room * 2 * sizeof(slot[0]));
    f->picture_room = room;
    if (slot == NULL)
        return false;
    clip_memory_free(f->memory, f->slot, f->slots * sizeof(f->slot[0]));
    f->slot = slot;
    f->slots = (size_t)room * 2;
    for (uint32_t i = 0; i < f->pictures; i++)
        *slot_of(f, &f->picture[i]) = i + 1;
    return true;
}

static bool find_picture(struct upload_frames *f, const struct pdq_hash *hash)
{
    if (!reserve_picture(f))
        return false;
    uint32_t *slot = slot_of(f, hash);
    if (*slot == 0) {
        f->picture[f->pictures++] = *hash;
        *slot = f->pictures;
    }
    f->at = *slot - 1;
    return true;
}

/* --- both --- */

static bool begins_frame(const struct upload_frames *f, const struct lookup_signal *signal)
{
    if (!f->begun)
        return true;
    if (signal->orientation != ORIENT_AS_IS)
        return false;
    return signal->ms != f->last_ms || signal->look <= f->last_look;
}

bool upload_frames_next(struct upload_frames *frames, const struct lookup_signal *signal,
                        uint32_t *ret_moment, uint32_t *ret_picture)
{
    bool timed = signal->ms >= 0;
    bool another = frames->moments == 0 || frames->ms[frames->moments - 1] != signal->ms;
    if (timed && another && !add_moment(frames, signal->ms))
        return false;
    if (frames->count_pictures && begins_frame(frames, signal) &&
        !find_picture(frames, &signal->pdq))
        return false;
    frames->begun = true;
    frames->last_ms = signal->ms;
    frames->last_look = signal->look;
    *ret_moment = timed ? frames->moments - 1 : MOMENT_NONE;
    *ret_picture = frames->at;
    return true;
}
