#include "hashing/decode/decode.h"

#include "hashing/base/scoped.h"

static enum rc forget(void *ctx, const struct frame_hashes *hashes, const struct frame_place *place,
                      struct err *err)
{
    (void)ctx, (void)hashes, (void)place, (void)err;
    return RC_OK;
}

/* Whole, then cut short: refusals have code of their own (formatting, longjmp). */
static void decode_both_ways(const struct decoder *const *decoders, struct bytes in,
                             const struct frame_sink *sink)
{
    const struct decode_limits limits = {.max_pixels = 1 << 20,
                                         .max_work = 1 << 24,
                                         .max_frames = 64,
                                         .max_duration_ms = 60000,
                                         .max_jpeg_scans = 1};
    struct medium_info info;
    struct err err;
    (void)!decode_medium(decoders, in, &limits, sink, &info, &err);
    in.n -= in.n < 16 ? in.n : 16;
    (void)!decode_medium(decoders, in, &limits, sink, &info, &err);
}

void decode_warm_up(const struct decoder *const *decoders, const struct bytes *media, size_t n)
{
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    if (frame_hasher_new(true, &hasher, NULL) != RC_OK)
        return;
    const struct frame_sink sink = {.hasher = hasher, .on_frame = forget};
    for (size_t i = 0; i < n; i++)
        decode_both_ways(decoders, media[i], &sink);
}
