#include "hashing/clip_sampler.h"

/* A flat frame's hash is noise: it is far from everything and tells of no scene. */
static bool is_cut(const struct clip_track *t, const struct look_hash *look, bool usable)
{
    if (!usable)
        return false;
    return !t->was_usable ||
           pdq_distance(&t->before, &look->hash[ORIENT_AS_IS]) >= CLIP_CUT_DISTANCE;
}

static bool keeps(struct clip_track *t, int64_t interval_ms, int64_t ms, bool key, bool cut)
{
    if (!t->begun || ms - t->kept_ms >= interval_ms) {
        t->kept_ms = ms;
        return true;
    }
    return cut || (key && !t->was_key);
}

bool clip_sampler_keeps(struct clip_sampler *sampler, int64_t ms, uint32_t track, bool key,
                        const struct frame_hashes *hashes)
{
    struct clip_track *t = &sampler->track[track % CLIP_TRACKS];
    const struct look_hash *look = &hashes->look[LOOK_PLAIN];
    bool usable = look->quality >= PDQ_MIN_QUALITY;

    if (t->begun && t->track != track)
        *t = (struct clip_track){0};
    bool kept = keeps(t, sampler->interval_ms, ms, key, is_cut(t, look, usable));
    *t = (struct clip_track){.begun = true,
                             .was_key = key,
                             .was_usable = usable,
                             .track = track,
                             .kept_ms = t->kept_ms,
                             .before = look->hash[ORIENT_AS_IS]};
    return kept;
}
