/*
 * WebP by libwebp: a still, or an animation that is composed here (libwebp's own composer checks
 * no limit, and keeps two canvases).
 *
 * libwebp wants all of a picture's pixels at once; a still's are RGB where it has no alpha.
 */
#include "hashing/decode/picture_decoders.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/animation.h"
#include "hashing/decode/exif.h"

struct reader {
    WebPDemuxer *demuxer;
    struct picture_run run;
    struct animation animation;
    uint8_t *pixels; /* of the frame that is being decoded */
};

static void reader_close_scoped(struct reader *r)
{
    WebPDemuxDelete(r->demuxer);
    animation_close(&r->animation);
    free(r->pixels);
}

static void iterator_release_scoped(WebPIterator *it)
{
    WebPDemuxReleaseIterator(it);
}

static void chunk_release_scoped(WebPChunkIterator *it)
{
    WebPDemuxReleaseChunkIterator(it);
}

static enum rc refuse(struct reader *r, VP8StatusCode status)
{
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        FAIL(r->run.err, RC_LIMIT, "WebP: needs more memory than one medium may have (memory)");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        FAIL(r->run.err, RC_UNDECODABLE, "WebP: the picture's data end too early");
    default:
        FAIL(r->run.err, RC_UNDECODABLE, "WebP: corrupt data");
    }
}

/* Decodes a frame into r->pixels.  Its own header counts, whatever the container says. */
static enum rc decode_pixels(struct reader *r, const WebPIterator *it, int channels)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        FAIL(r->run.err, RC_SYS, "WebP: the library is of another version");
    VP8StatusCode status = WebPGetFeatures(it->fragment.bytes, it->fragment.size, &config.input);
    if (status != VP8_STATUS_OK)
        return refuse(r, status);
    if (config.input.width != it->width || config.input.height != it->height)
        FAIL(r->run.err, RC_UNDECODABLE, "WebP: a frame of another size than its container says");

    size_t stride = (size_t)it->width * (size_t)channels;
    size_t size = stride * (size_t)it->height;
    free(r->pixels);
    r->pixels = malloc(size);
    if (r->pixels == NULL)
        FAIL(r->run.err, RC_NOMEM, "WebP: no memory for %dx%d pixels", it->width, it->height);
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = r->pixels;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = size;
    status = WebPDecode(it->fragment.bytes, it->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    return status == VP8_STATUS_OK ? RC_OK : refuse(r, status);
}

static enum rc first_frame(struct reader *r, WebPIterator *it)
{
    if (!WebPDemuxGetFrame(r->demuxer, 1, it))
        FAIL(r->run.err, RC_UNDECODABLE, "WebP: it holds no picture");
    return RC_OK;
}

static enum rc read_still(struct reader *r)
{
    SCOPED(iterator_release) WebPIterator it = {0};
    TRY(first_frame(r, &it));
    int channels = it.has_alpha ? 4 : 3;
    uint32_t width = (uint32_t)it.width;
    TRY(picture_count(&r->run, width, (uint32_t)it.height));
    TRY(decode_pixels(r, &it, channels));
    TRY(frame_begin(r->run.sink->hasher, width, (uint32_t)it.height,
                    channels == 4 ? PIXEL_RGBA8 : PIXEL_RGB8, r->run.err));
    for (uint32_t y = 0; y < (uint32_t)it.height; y++)
        frame_row(r->run.sink->hasher, y, r->pixels + (size_t)y * width * (size_t)channels);
    return picture_deliver_still(&r->run, 0);
}

static enum rc compose(struct reader *r, const WebPIterator *it)
{
    const struct animation_frame frame = {
        .x = (uint32_t)it->x_offset,
        .y = (uint32_t)it->y_offset,
        .width = (uint32_t)it->width,
        .height = (uint32_t)it->height,
        .shown_ms = it->duration > 0 ? it->duration : 0,
        .after = it->dispose_method == WEBP_MUX_DISPOSE_BACKGROUND ? AFTER_CLEAR : AFTER_KEEP,
        .blend = it->blend_method == WEBP_MUX_BLEND ? BLEND_OVER : BLEND_REPLACE,
    };
    TRY(animation_begin(&r->animation, &frame));
    TRY(decode_pixels(r, it, 4));
    for (uint32_t y = 0; y < frame.height; y++)
        animation_row(&r->animation, y, 0, 1, r->pixels + (size_t)y * frame.width * 4, frame.width);
    return animation_end(&r->animation);
}

static enum rc read_animation(struct reader *r, uint32_t width, uint32_t height,
                              int64_t *ret_duration_ms)
{
    static const uint8_t nothing[3] = {0}; /* viewers do not show the container's background */
    SCOPED(iterator_release) WebPIterator it = {0};
    TRY(animation_open(&r->animation, &r->run, 0, width, height, nothing));
    TRY(first_frame(r, &it));
    do {
        TRY(compose(r, &it));
    } while (WebPDemuxNextFrame(&it));
    return animation_finish(&r->animation, ret_duration_ms);
}

static enum orientation upright_of(const WebPDemuxer *demuxer)
{
    SCOPED(chunk_release) WebPChunkIterator it = {0};
    if (!WebPDemuxGetChunk(demuxer, "EXIF", 1, &it))
        return ORIENT_AS_IS;
    return exif_upright(bytes_of(it.chunk.bytes, it.chunk.size));
}

static enum rc open_container(struct reader *r, struct bytes in)
{
    const WebPData data = {.bytes = in.p, .size = in.n};
    WebPDemuxState state;
    r->demuxer = WebPDemuxPartial(&data, &state);
    if (state == WEBP_DEMUX_PARSE_ERROR)
        FAIL(r->run.err, RC_UNDECODABLE, "WebP: its container is corrupt");
    if (r->demuxer == NULL || state != WEBP_DEMUX_DONE)
        FAIL(r->run.err, RC_UNDECODABLE, "WebP: the file ends too early");
    return RC_OK;
}

static bool sniff(struct bytes in)
{
    return bytes_start_with(in, "RIFF", 4) && in.n >= 12 && memcmp(in.p + 8, "WEBP", 4) == 0;
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    SCOPED(reader_close)
    struct reader r = {.run = {.limits = limits, .sink = sink, .err = err}};
    int64_t duration_ms = 0;
    TRY(open_container(&r, in));
    if (WebPDemuxGetI(r.demuxer, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG)
        TRY(read_animation(&r, WebPDemuxGetI(r.demuxer, WEBP_FF_CANVAS_WIDTH),
                           WebPDemuxGetI(r.demuxer, WEBP_FF_CANVAS_HEIGHT), &duration_ms));
    else
        TRY(read_still(&r));
    *ret = picture_info(&r.run, decoder_webp.type);
    ret->duration_ms = duration_ms;
    ret->upright = upright_of(r.demuxer);
    return RC_OK;
}

const struct decoder decoder_webp = {.type = "image/webp", .sniff = sniff, .decode = decode};
