#include "hashing/decode/decode_heif_codec.h"

#include <inttypes.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavutil/common.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libheif/heif.h>
#include <libheif/heif_plugin.h>

#include "hashing/base/scoped.h"

static _Thread_local struct heif_codec_job *current;

struct codec {
    AVCodecContext *av;
    AVPacket *packet;
    AVFrame *frame;
};

static void codec_free(void *decoder)
{
    struct codec *c = decoder;
    if (c == NULL)
        return;
    avcodec_free_context(&c->av);
    av_packet_free(&c->packet);
    av_frame_free(&c->frame);
    free(c);
}
SCOPED_DEFINE(codec_free, struct codec *)

static struct heif_error ok(void)
{
    return (struct heif_error){.code = heif_error_Ok, .message = "ok"};
}

/* What was noted in the job is what the caller reports; libheif only has to stop. */
static struct heif_error failed(enum rc rc)
{
    current->rc = rc;
    return (struct heif_error){.code = heif_error_Decoder_plugin_error, .message = "codec"};
}

#define FAILED(kind, ...) return failed(err_set(current->err, (kind), HERE, __VA_ARGS__))

static struct heif_error no_memory(void)
{
    FAILED(RC_LIMIT, "%s: needs more memory than one medium may have (memory)", current->name);
}

/* Room for what a codec pads the picture by; the exact size is checked when it is known. */
static int64_t max_coded_pixels(void)
{
    uint64_t max = current->limits->max_pixels;
    return max > INT64_MAX / 2 ? INT64_MAX : (int64_t)(max + max / 8 + (1 << 16));
}

/* An hvcC without parameter sets (libheif gives them ahead of the data): lengths of 4 bytes. */
static bool set_hevc_framing(AVCodecContext *av)
{
    enum { SIZE = 23, LENGTHS = 21 };
    av->extradata = av_mallocz(SIZE + AV_INPUT_BUFFER_PADDING_SIZE);
    if (av->extradata == NULL)
        return false;
    av->extradata[0] = 1;
    av->extradata[LENGTHS] = 0xff;
    av->extradata_size = SIZE;
    return true;
}

static struct heif_error codec_open(const char *name, void **ret)
{
    const AVCodec *codec = avcodec_find_decoder_by_name(name);
    if (codec == NULL)
        FAILED(RC_UNDECODABLE, "%s: this machine's libavcodec has no %s", current->name, name);
    SCOPED(codec_free) struct codec *c = calloc(1, sizeof *c);
    if (c == NULL)
        return no_memory();
    c->av = avcodec_alloc_context3(codec);
    c->packet = av_packet_alloc();
    c->frame = av_frame_alloc();
    if (c->av == NULL || c->packet == NULL || c->frame == NULL)
        return no_memory();
    c->av->thread_count = 1;
    c->av->max_pixels = max_coded_pixels();
    /* Nothing is made up: what a viewer's decoder would conceal is not what we would hash. */
    c->av->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
    c->av->error_concealment = 0;
    if (codec->id == AV_CODEC_ID_HEVC && !set_hevc_framing(c->av))
        return no_memory();
    if (avcodec_open2(c->av, codec, NULL) < 0)
        return no_memory();
    *ret = TAKE(c);
    return ok();
}

static struct heif_error hevc_open(void **ret)
{
    return codec_open("hevc", ret);
}

static struct heif_error av1_open(void **ret)
{
    return codec_open("libdav1d", ret);
}

static struct heif_error codec_push(void *decoder, const void *data, size_t n)
{
    struct codec *c = decoder;
    int old = c->packet->size;
    if (n > (size_t)(INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE - old))
        return no_memory();
    if (n == 0)
        return ok();
    if (av_grow_packet(c->packet, (int)n) < 0)
        return no_memory();
    memcpy(c->packet->data + old, data, n);
    return ok();
}

static struct heif_error refuse(const struct codec *c, int rc)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    const AVCodecContext *av = c->av;
    if (rc == AVERROR(ENOMEM))
        return no_memory();
    if (rc == AVERROR(ERANGE) || (av->coded_width > 0 && av->coded_height > 0 &&
                                  (int64_t)av->coded_width * av->coded_height > av->max_pixels))
        FAILED(RC_LIMIT, "%s: a coded picture is over max_pixels %" PRIu64, current->name,
               current->limits->max_pixels);
    if (rc == AVERROR_EOF || rc == AVERROR(EAGAIN))
        FAILED(RC_UNDECODABLE, "%s: an item without a picture in it", current->name);
    av_strerror(rc, text, sizeof text);
    FAILED(RC_UNDECODABLE, "%s: %s: %s", current->name, av->codec->name, text);
}

static struct heif_error check_frame(const struct codec *c)
{
    uint64_t pixels = (uint64_t)c->frame->width * (uint64_t)c->frame->height;
    if (c->frame->decode_error_flags != 0 || (c->frame->flags & AV_FRAME_FLAG_CORRUPT) != 0)
        FAILED(RC_UNDECODABLE, "%s: %s: a damaged picture", current->name, c->av->codec->name);
    if (pixels > current->limits->max_pixels)
        FAILED(RC_LIMIT, "%s: %dx%d is %" PRIu64 " pixels, over max_pixels %" PRIu64, current->name,
               c->frame->width, c->frame->height, pixels, current->limits->max_pixels);
    current->work += pixels;
    if (current->work > current->limits->max_work)
        FAILED(RC_LIMIT, "%s: its pictures are %" PRIu64 " pixels, over max_work %" PRIu64,
               current->name, current->work, current->limits->max_work);
    return ok();
}

/* The one picture of an item.  A second would be shown by some viewers and not by others. */
static struct heif_error decode_one(struct codec *c)
{
    int rc = avcodec_send_packet(c->av, c->packet);
    if (rc >= 0)
        rc = avcodec_send_packet(c->av, NULL);
    if (rc >= 0)
        rc = avcodec_receive_frame(c->av, c->frame);
    if (rc < 0)
        return refuse(c, rc);
    AVFrame *second = av_frame_alloc();
    if (second == NULL)
        return no_memory();
    rc = avcodec_receive_frame(c->av, second);
    av_frame_free(&second);
    if (rc >= 0)
        FAILED(RC_UNDECODABLE, "%s: an item with more than one picture in it", current->name);
    if (rc != AVERROR_EOF)
        return refuse(c, rc);
    return check_frame(c);
}

static void copy_plane(struct heif_image *image, enum heif_channel channel, const AVFrame *frame,
                       int plane, size_t row_bytes, int rows)
{
    int stride;
    uint8_t *out = heif_image_get_plane(image, channel, &stride);
    for (int y = 0; y < rows; y++)
        memcpy(out + (ptrdiff_t)y * stride,
               frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane], row_bytes);
}

/* GBR too: libheif knows it as "YCbCr" of the identity matrix. */
static struct heif_error copy_planes(struct heif_image *image, const AVFrame *frame,
                                     const AVPixFmtDescriptor *format)
{
    int depth = format->comp[0].depth;
    for (int i = 0; i < format->nb_components; i++) {
        int width = i == 0 ? frame->width : AV_CEIL_RSHIFT(frame->width, format->log2_chroma_w);
        int height = i == 0 ? frame->height : AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h);
        enum heif_channel channel = (enum heif_channel)(heif_channel_Y + i);
        if (heif_image_add_plane(image, channel, width, height, depth).code != heif_error_Ok)
            return no_memory();
        copy_plane(image, channel, frame, i, (size_t)width * (depth > 8 ? 2 : 1), height);
    }
    return ok();
}

/* For the conversion to RGB, where the file's own boxes do not say it. */
static void tell_colours(struct heif_image *image, const AVFrame *frame)
{
    struct heif_color_profile_nclx *nclx = heif_nclx_color_profile_alloc();
    (void)heif_nclx_color_profile_set_color_primaries(nclx, (uint16_t)frame->color_primaries);
    (void)heif_nclx_color_profile_set_transfer_characteristics(nclx, (uint16_t)frame->color_trc);
    (void)heif_nclx_color_profile_set_matrix_coefficients(nclx, (uint16_t)frame->colorspace);
    nclx->full_range_flag = frame->color_range == AVCOL_RANGE_JPEG;
    (void)heif_image_set_nclx_color_profile(image, nclx);
    heif_nclx_color_profile_free(nclx);
}

static enum heif_chroma chroma_of(const AVPixFmtDescriptor *format)
{
    if (format->nb_components == 1)
        return heif_chroma_monochrome;
    if (format->log2_chroma_w == 0 && format->log2_chroma_h == 0)
        return heif_chroma_444;
    if (format->log2_chroma_w == 1 && format->log2_chroma_h <= 1)
        return format->log2_chroma_h == 1 ? heif_chroma_420 : heif_chroma_422;
    return heif_chroma_undefined;
}

static struct heif_error codec_decode(void *decoder, struct heif_image **ret)
{
    struct codec *c = decoder;
    struct heif_image *image = NULL;
    struct heif_error failure = decode_one(c);
    if (failure.code != heif_error_Ok)
        return failure;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(c->frame->format);
    enum heif_chroma chroma = format == NULL ? heif_chroma_undefined : chroma_of(format);
    if (chroma == heif_chroma_undefined || (format->flags & AV_PIX_FMT_FLAG_BE) != 0 ||
        (format->nb_components != 1 && format->nb_components != 3))
        FAILED(RC_UNDECODABLE, "%s: pixels of format %s are not decoded", current->name,
               format == NULL ? "none" : format->name);
    bool grey = chroma == heif_chroma_monochrome;
    failure = heif_image_create(c->frame->width, c->frame->height,
                                grey ? heif_colorspace_monochrome : heif_colorspace_YCbCr, chroma,
                                &image);
    if (failure.code != heif_error_Ok)
        return failure;
    failure = copy_planes(image, c->frame, format);
    if (failure.code != heif_error_Ok) {
        heif_image_release(image);
        return failure;
    }
    tell_colours(image, c->frame);
    *ret = image;
    return ok();
}

static const char *codec_name(void)
{
    return "libavcodec, one thread";
}

/* Over any of libheif's own. */
enum { PRIORITY = 10000 };

static int hevc_priority(enum heif_compression_format format)
{
    return format == heif_compression_HEVC ? PRIORITY : 0;
}

static int av1_priority(enum heif_compression_format format)
{
    return format == heif_compression_AV1 ? PRIORITY : 0;
}

/* Always strict. */
static void set_strict(void *decoder, int strict)
{
    (void)decoder, (void)strict;
}

static const struct heif_decoder_plugin plugin_hevc = {.plugin_api_version = 3,
                                                       .get_plugin_name = codec_name,
                                                       .does_support_format = hevc_priority,
                                                       .new_decoder = hevc_open,
                                                       .free_decoder = codec_free,
                                                       .push_data = codec_push,
                                                       .decode_image = codec_decode,
                                                       .set_strict_decoding = set_strict,
                                                       .id_name = "hashgate-hevc"};

static const struct heif_decoder_plugin plugin_av1 = {.plugin_api_version = 3,
                                                      .get_plugin_name = codec_name,
                                                      .does_support_format = av1_priority,
                                                      .new_decoder = av1_open,
                                                      .free_decoder = codec_free,
                                                      .push_data = codec_push,
                                                      .decode_image = codec_decode,
                                                      .set_strict_decoding = set_strict,
                                                      .id_name = "hashgate-av1"};

/* Once for a process, and before its only thread reads media. */
static void register_once(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    av_log_set_level(AV_LOG_QUIET); /* what it says of hostile files is no log line of ours */
    (void)heif_register_decoder_plugin(&plugin_hevc);
    (void)heif_register_decoder_plugin(&plugin_av1);
}

void heif_codec_work_for(struct heif_codec_job *job)
{
    register_once();
    current = job;
}
