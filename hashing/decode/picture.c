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

enum rc picture_deliver(const struct frame_sink *sink, struct err *err)
{
    const struct frame_place place = {.key = true};
    struct frame_hashes hashes;
    frame_end(sink->hasher, &hashes);
    return sink->on_frame(sink->ctx, &hashes, &place, err);
}
