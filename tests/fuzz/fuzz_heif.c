/*
 * HEIC, HEIF and AVIF: whatever the bytes are, every picture is hashed or the file is refused with
 * a reason.  Items are decoded by libheif, which is C++ and not ours: what it aborts for ends a
 * worker, and is looked for here too.
 */
#include "hashing/decode/video_decoders.h"
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
    MUST(place->ms >= 0 && !place->preview);
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
    static const struct decode_limits limits = {.max_pixels = 1000000,
                                                .max_work = 4000000,
                                                .max_frames = 16,
                                                .max_duration_ms = 3600000,
                                                .max_jpeg_scans = 100};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {.type = NULL};
    struct seen seen = {0};
    struct err err;

    MUST(frame_hasher_new(size % 2 == 0, &hasher, &err) == RC_OK);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame, .ctx = &seen};
    if (!decoder_heif.sniff(bytes_of(data, size)))
        return 0;
    enum rc rc = decoder_heif.decode(bytes_of(data, size), &limits, &sink, &info, &err);
    if (rc == RC_OK) {
        MUST(info.type != NULL && seen.frames > 0 && info.frames == seen.frames);
        MUST(info.width == seen.width && info.height == seen.height);
        MUST((uint64_t)info.width * info.height <= limits.max_pixels);
    } else {
        MUST(rc == RC_UNDECODABLE || rc == RC_LIMIT);
        must_refuse(rc, rc, &err);
    }
    return 0;
}
