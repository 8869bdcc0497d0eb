/*
 * One upload for a decoder, or for the one that its bytes ask for: whatever they are, they are
 * hashed whole or refused with a reason, and every frame keeps the promises of decode.h.
 */
#ifndef TESTS_FUZZ_FUZZ_PICTURE_H
#define TESTS_FUZZ_FUZZ_PICTURE_H

#include "hashing/decode/picture_decoders.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    unsigned frames;
    uint32_t width, height; /* of the first */
    struct frame_place last;
};

static const struct decode_limits fuzz_limits = {.max_pixels = 100000,
                                                 .max_work = 1000000,
                                                 .max_frames = 200,
                                                 .max_duration_ms = 3600000,
                                                 .max_jpeg_scans = 100};

static inline enum rc fuzz_on_frame(void *ctx, const struct frame_hashes *hashes,
                                    const struct frame_place *place, struct err *err)
{
    struct seen *seen = ctx;
    (void)err;
    MUST(place->ms >= 0);
    MUST(hashes->width > 0 && hashes->height > 0);
    MUST((uint64_t)hashes->width * hashes->height <= fuzz_limits.max_pixels);
    MUST(hashes->looks == 1 || hashes->looks == LOOKS);
    for (unsigned i = 0; i < hashes->looks; i++)
        MUST(hashes->look[i].quality <= 100);
    if (seen->frames++ == 0) {
        seen->width = hashes->width;
        seen->height = hashes->height;
    } else {
        MUST(place->track > seen->last.track ||
             (place->track == seen->last.track && place->ms > seen->last.ms));
    }
    seen->last = *place;
    return RC_OK;
}

static inline void fuzz_check_info(const struct medium_info *info, const struct seen *seen,
                                   size_t size)
{
    MUST(info->type != NULL && info->frames == seen->frames);
    MUST(seen->frames <= fuzz_limits.max_frames);
    MUST(info->width == seen->width && info->height == seen->height);
    MUST(info->duration_ms >= seen->last.ms && info->duration_ms <= fuzz_limits.max_duration_ms);
    MUST((unsigned)info->upright < ORIENTATIONS);
    MUST(info->elsewhere_offset <= size && info->elsewhere_length <= size - info->elsewhere_offset);
    MUST(seen->frames > 0 || (info->elsewhere_length == size && size > 0));
}

/* decoder: NULL leaves the choice to the bytes. */
static inline int fuzz_picture(const struct decoder *decoder, const uint8_t *data, size_t size)
{
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {.type = NULL};
    struct seen seen = {0};
    struct err err;

    /* Orientations cost time and touch no byte of the input. */
    MUST(frame_hasher_new(size % 64 == 0, &hasher, &err) == RC_OK);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = fuzz_on_frame, .ctx = &seen};
    struct bytes in = bytes_of(data, size);
    const struct decoder *const only[] = {decoder, NULL};
    enum rc rc = decode_medium(decoder != NULL ? only : picture_decoders, in, &fuzz_limits, &sink,
                               &info, &err);
    if (rc == RC_OK) {
        fuzz_check_info(&info, &seen, size);
    } else {
        MUST(rc == RC_NOT_MEDIA || rc == RC_UNDECODABLE || rc == RC_LIMIT);
        must_refuse(rc, rc, &err);
    }
    return 0;
}

#endif
