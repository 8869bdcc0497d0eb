/*
 * Which frames of a clip are listed and told: one an interval, and what stands out.
 *
 * Uploads are looked up frame by frame, so what is listed may be sparse; but it must hold each
 * scene.  Kept of every track: its first frame; the first one that comes an interval or more after
 * the last that was kept for its time; the first of a new scene; and key frames, which encoders
 * like to put there, too.  (Where every frame is one, as in animations and in camera codecs, being
 * one marks nothing.)
 */
#ifndef HASHING_CLIP_SAMPLER_H
#define HASHING_CLIP_SAMPLER_H

#include "hashing/frame_hasher.h"

enum {
    CLIP_TRACKS = 16,      /* followed at a time */
    CLIP_CUT_DISTANCE = 64 /* bits between neighbours: within a scene they are below 20 or so */
};

struct clip_sampler {
    int64_t interval_ms; /* 0: keep every frame */
    struct clip_track {
        bool begun, was_key, was_usable;
        uint32_t track;
        int64_t kept_ms;
        struct pdq_hash before;
    } track[CLIP_TRACKS];
};

static inline struct clip_sampler clip_sampler_of(int64_t interval_ms)
{
    return (struct clip_sampler){.interval_ms = interval_ms};
}

/* Frames of one track in their order. */
bool clip_sampler_keeps(struct clip_sampler *sampler, int64_t ms, uint32_t track, bool key,
                        const struct frame_hashes *hashes);

#endif
