#include "hashing/decode/picture.h"

#include <inttypes.h>

enum rc picture_check_size(uint32_t width, uint32_t height, const struct decode_limits *limits,
                           struct err *err)
{
    uint64_t pixels = (uint64_t)width * height;
    if (pixels > limits->max_pixels)
        FAIL(err, RC_LIMIT,
             "%" PRIu32 "x%" PRIu32 " is %" PRIu64 " pixels, over max_pixels %" PRIu64, width,
             height, pixels, limits->max_pixels);
    if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE)
        FAIL(err, RC_LIMIT, "%" PRIu32 "x%" PRIu32 " has a side over %d pixels", width, height,
             PICTURE_MAX_SIDE);
    return RC_OK;
}

enum rc picture_count(struct picture_run *run, uint32_t width, uint32_t height)
{
    TRY(picture_check_size(width, height, run->limits, run->err));
    if (__builtin_add_overflow(run->work, (uint64_t)width * height, &run->work) ||
        run->work > run->limits->max_work)
        FAIL(run->err, RC_LIMIT, "its pictures have more pixels together, over max_work %" PRIu64,
             run->limits->max_work);
    return RC_OK;
}

enum rc picture_deliver(struct picture_run *run, const struct frame_place *place)
{
    struct frame_hashes hashes;
    if (run->frames >= run->limits->max_frames)
        FAIL(run->err, RC_LIMIT, "it has more pictures to hash, over max_frames %" PRIu32,
             run->limits->max_frames);
    frame_end(run->sink->hasher, &hashes);
    if (run->frames++ == 0) {
        run->width = hashes.width;
        run->height = hashes.height;
    }
    return run->sink->on_frame(run->sink->ctx, &hashes, place, run->err);
}

enum rc picture_deliver_still(struct picture_run *run, uint32_t track)
{
    const struct frame_place place = {.track = track, .key = true};
    return picture_deliver(run, &place);
}

struct medium_info picture_info(const struct picture_run *run, const char *type)
{
    return (struct medium_info){
        .type = type, .width = run->width, .height = run->height, .frames = run->frames};
}
