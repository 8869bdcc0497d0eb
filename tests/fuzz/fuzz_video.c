/* Videos: whatever the bytes are, every picture is handed on in its place, or they are refused. */
#include "hashing/decode/video_decoders.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_PIXELS = 1 << 20, MAX_FRAMES = 64 };

struct seen {
    uint32_t frames, previews;
    int64_t ms[256]; /* of the last picture of each track */
};

static enum rc on_frame(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err)
{
    struct seen *seen = ctx;
    (void)err;
    MUST(place->ms >= 0 && place->track < 256);
    MUST(hashes->width > 0 && hashes->height > 0);
    MUST((uint64_t)hashes->width * hashes->height <= MAX_PIXELS);
    MUST(hashes->looks == 1 && hashes->look[LOOK_PLAIN].quality <= 100);
    MUST(!place->preview || seen->frames == 0);
    if (!place->preview) {
        MUST(place->ms >= seen->ms[place->track]);
        seen->ms[place->track] = place->ms;
    }
    seen->frames += !place->preview;
    seen->previews += place->preview;
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct decode_limits limits = {.max_pixels = MAX_PIXELS,
                                         .max_work = 1 << 24,
                                         .max_frames = MAX_FRAMES,
                                         .max_duration_ms = 3600000,
                                         .preview_after_ms = size % 2};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info = {.type = NULL};
    struct seen seen = {0};
    struct err err;

    MUST(frame_hasher_new(false, &hasher, &err) == RC_OK);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame, .ctx = &seen};
    enum rc rc = decode_medium(video_decoders, bytes_of(data, size), &limits, &sink, &info, &err);
    MUST(seen.frames <= MAX_FRAMES);
    if (rc == RC_OK) {
        MUST(info.type != NULL && info.frames == seen.frames && seen.frames > 0);
        MUST(info.width > 0 && info.height > 0);
        MUST(info.duration_ms >= 0 && info.duration_ms <= limits.max_duration_ms);
    } else {
        MUST(rc == RC_NOT_MEDIA || rc == RC_UNDECODABLE || rc == RC_LIMIT || rc == RC_NOMEM);
        must_refuse(rc, rc, &err);
    }
    return 0;
}
