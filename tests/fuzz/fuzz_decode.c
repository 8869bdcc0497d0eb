/* Uploads: whatever the bytes are, they are hashed whole or refused with a reason. */
#include "hashing/decode/decode.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    unsigned frames;
    uint32_t width, height;
};

static enum rc on_frame(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err)
{
    struct seen *seen = ctx;
    (void)err;
    MUST(place->ms >= 0);
    MUST(hashes->width > 0 && hashes->height > 0);
    MUST(hashes->looks == 1 || hashes->looks == LOOKS);
    for (unsigned i = 0; i < hashes->looks; i++)
        MUST(hashes->look[i].quality <= 100);
    if (seen->frames++ == 0) {
        seen->width = hashes->width;
        seen->height = hashes->height;
    }
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct decode_limits limits = {.max_pixels = 4000000,
                                                .max_work = 40000000,
                                                .max_frames = 1000,
                                                .max_duration_ms = 3600000,
                                                .max_jpeg_scans = 100};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {.type = NULL};
    struct seen seen = {0};
    struct err err;

    MUST(frame_hasher_new(size % 2 == 0, &hasher, &err) == RC_OK);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame, .ctx = &seen};
    enum rc rc = decode_medium(picture_decoders, bytes_of(data, size), &limits, &sink, &info, &err);
    if (rc == RC_OK) {
        MUST(info.type != NULL && seen.frames > 0 && info.frames == seen.frames);
        MUST(info.width == seen.width && info.height == seen.height);
        MUST((uint64_t)info.width * info.height <= limits.max_pixels);
    } else {
        MUST(rc == RC_NOT_MEDIA || rc == RC_UNDECODABLE || rc == RC_LIMIT);
        must_refuse(rc, rc, &err);
        MUST(seen.frames == 0);
    }
    return 0;
}
