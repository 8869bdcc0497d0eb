#include "hashing/decode/video_track.h"

#include <libavutil/avutil.h>
#include <libavutil/crc.h>
#include <libavutil/display.h>

#include "hashing/decode/video_log.h"
#include "hashing/decode/video_source.h"

/*
 * What people upload, by libavcodec's own decoders in software.  AV1 is libdav1d's: libavcodec's
 * own is for hardware only.  Cover art is JPEG, PNG or BMP.
 */
static const struct codec {
    enum AVCodecID id;
    const char *decoder;
    bool one_each, log_tells;
} codecs[] = {
    {AV_CODEC_ID_H264, "h264", true, false},
    {AV_CODEC_ID_HEVC, "hevc", true, true},
    {AV_CODEC_ID_AV1, "libdav1d", false, false},
    {AV_CODEC_ID_VP8, "vp8", false, false},
    {AV_CODEC_ID_VP9, "vp9", false, false},
    {AV_CODEC_ID_MPEG4, "mpeg4", false, false},
    {AV_CODEC_ID_H263, "h263", false, false},
    {AV_CODEC_ID_MPEG1VIDEO, "mpeg1video", false, false},
    {AV_CODEC_ID_MPEG2VIDEO, "mpeg2video", false, false},
    {AV_CODEC_ID_MJPEG, "mjpeg", true, false},
    {AV_CODEC_ID_PRORES, "prores", true, false},
    {AV_CODEC_ID_PNG, "png", true, false},
    {AV_CODEC_ID_BMP, "bmp", true, false},
};

static const struct codec *find_codec(enum AVCodecID id)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (codecs[i].id == id)
            return &codecs[i];
    return NULL;
}

/*
 * A display matrix sends the picture's right to (m[0], m[1]) and its down to (m[3], m[4]).  Any
 * angle that is no quarter turn counts as the nearest one.
 */
static enum orientation upright_of(const int32_t *m)
{
    int64_t straight = (int64_t)m[0] * m[0] + (int64_t)m[4] * m[4];
    int64_t crossed = (int64_t)m[1] * m[1] + (int64_t)m[3] * m[3];
    if (straight >= crossed) {
        static const enum orientation turns[2][2] = {{ORIENT_AS_IS, ORIENT_FLIPX},
                                                     {ORIENT_FLIPY, ORIENT_ROT180}};
        return turns[m[0] < 0][m[4] < 0];
    }
    static const enum orientation turns[2][2] = {{ORIENT_FLIPPLUS1, ORIENT_ROT270},
                                                 {ORIENT_ROT90, ORIENT_FLIPMINUS1}};
    return turns[m[1] < 0][m[3] < 0];
}

static bool is_protected(const AVStream *stream)
{
    uint32_t tag = stream->codecpar->codec_tag;
    return tag == MKTAG('e', 'n', 'c', 'v') || tag == MKTAG('d', 'r', 'm', 'i') ||
           av_dict_get(stream->metadata, "enc_key_id", NULL, 0) != NULL ||
           av_stream_get_side_data(stream, AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL) != NULL;
}

enum rc video_track_look(struct video_track *t, const AVStream *stream,
                         const struct decode_limits *limits, struct err *err)
{
    const AVCodecParameters *p = stream->codecpar;
    if (is_protected(stream))
        FAIL(err, RC_UNDECODABLE, "video: a protected (encrypted) track cannot be decoded");
    const struct codec *codec = find_codec(p->codec_id);
    if (codec == NULL)
        FAIL(err, RC_UNDECODABLE, "video: the codec %s is not decoded by this version",
             p->codec_id == AV_CODEC_ID_NONE ? "of a track" : avcodec_get_name(p->codec_id));
    if (p->width > 0 && p->height > 0 &&
        (uint64_t)p->width * (uint64_t)p->height > limits->max_pixels)
        FAIL(err, RC_LIMIT, "video: %dx%d pixels are over the limit (max_pixels)", p->width,
             p->height);
    t->present = true;
    t->codec = codec->decoder;
    t->one_each = codec->one_each;
    t->log_tells = codec->log_tells;
    t->cover = (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    size_t size = 0;
    const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    int32_t m[9];
    if (matrix != NULL && size >= sizeof m) {
        memcpy(m, matrix, sizeof m);
        t->upright = upright_of(m);
    }
    return RC_OK;
}

/*
 * Errors end the decode where the decoder sees them; where it goes on by guessing, it marks the
 * picture.  So guessing stays switched on: without it nobody counts what is missing.
 */
static void set_up(AVCodecContext *d, const struct decode_limits *limits)
{
    d->thread_count = 1;
    d->thread_type = 0;
    d->max_pixels = limits->max_pixels < INT64_MAX ? (int64_t)limits->max_pixels : INT64_MAX;
    d->err_recognition =
        AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE | AV_EF_CAREFUL;
    d->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT | AV_CODEC_FLAG_UNALIGNED;
    /* H.264 keeps as many pictures back as the stream may reorder: by default it guesses, and
     * drops those that come later than it guessed. */
    if (d->codec_id == AV_CODEC_ID_H264)
        d->strict_std_compliance = FF_COMPLIANCE_STRICT;
}

enum rc video_track_open(struct video_track *t, const AVStream *stream,
                         const struct decode_limits *limits, struct err *err)
{
    const AVCodec *codec = avcodec_find_decoder_by_name(t->codec);
    video_track_close(t);
    if (codec == NULL)
        FAIL(err, RC_UNDECODABLE, "video: libavcodec lacks the decoder %s", t->codec);
    t->decoder = avcodec_alloc_context3(codec);
    if (t->decoder == NULL)
        FAIL(err, RC_NOMEM, "video: no memory for a decoder");
    int code = avcodec_parameters_to_context(t->decoder, stream->codecpar);
    t->decoder->pkt_timebase = stream->time_base;
    set_up(t->decoder, limits);
    video_log_reset();
    if (code >= 0)
        code = avcodec_open2(t->decoder, codec, NULL);
    if (code < 0)
        return video_error(code, t->codec, err);
    t->sent = t->pictures = 0;
    return RC_OK;
}

void video_track_close(struct video_track *t)
{
    avcodec_free_context(&t->decoder);
}

enum rc video_track_send(struct video_track *t, const AVPacket *packet, struct err *err)
{
    video_log_reset();
    int code = avcodec_send_packet(t->decoder, packet);
    if (code < 0 && code != AVERROR_EOF)
        return video_error(code, t->codec, err);
    t->sent += packet != NULL;
    return RC_OK;
}

enum rc video_track_receive(struct video_track *t, AVFrame *ret, bool *ret_none, struct err *err)
{
    int code = avcodec_receive_frame(t->decoder, ret);
    bool fault = t->log_tells && video_log()->errors > 0;
    *ret_none = !fault && (code == AVERROR(EAGAIN) || code == AVERROR_EOF);
    if (*ret_none)
        return RC_OK;
    if (code < 0 || fault)
        return video_error(code < 0 ? code : AVERROR_INVALIDDATA, t->codec, err);
    t->pictures++;
    t->interlaced |= ret->interlaced_frame != 0;
    if ((ret->flags & AV_FRAME_FLAG_CORRUPT) != 0 || ret->decode_error_flags != 0)
        FAIL(err, RC_UNDECODABLE, "video: %s: a picture could not be decoded whole%s%s", t->codec,
             video_log()->errors > 0 ? ": " : "", video_log()->text);
    return RC_OK;
}

enum rc video_track_check_all(const struct video_track *t, struct err *err)
{
    uint64_t least = !t->one_each ? 1 : t->interlaced ? (t->sent + 1) / 2 : t->sent;
    if (t->pictures < least)
        FAIL(err, RC_UNDECODABLE, "video: %s: %llu pictures of %llu could be decoded", t->codec,
             (unsigned long long)t->pictures, (unsigned long long)t->sent);
    return RC_OK;
}

void video_track_warm_up(void)
{
    video_log_reset();
    for (int i = 0; i < AV_CRC_MAX; i++)
        (void)av_crc_get_table((AVCRCId)i);
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        const AVCodec *codec = avcodec_find_decoder_by_name(codecs[i].decoder);
        AVCodecContext *d = codec == NULL ? NULL : avcodec_alloc_context3(codec);
        if (d == NULL)
            continue;
        d->thread_count = 1;
        (void)!avcodec_open2(d, codec, NULL);
        avcodec_free_context(&d);
    }
}
