#include "hashing/decode/video_source.h"

#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>

#include "hashing/decode/video_log.h"

enum { BUFFER = 1 << 15 };

static int on_read(void *opaque, uint8_t *out, int size)
{
    struct video_source *s = opaque;
    int64_t left = (int64_t)s->in.n - s->at;
    if (size <= 0 || left <= 0)
        return AVERROR_EOF;
    int n = left < size ? (int)left : size;
    memcpy(out, s->in.p + s->at, (size_t)n);
    s->at += n;
    return n;
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
    struct video_source *s = opaque;
    int64_t end = (int64_t)s->in.n;
    if ((whence & AVSEEK_SIZE) != 0)
        return end;
    whence &= ~AVSEEK_FORCE;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : end;
    int64_t to;
    if (__builtin_add_overflow(from, offset, &to) || to < 0)
        return AVERROR(EINVAL);
    return s->at = to;
}

/* A playlist or an external track would come through here. */
static int on_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                   AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

enum rc video_error(int code, const char *what, struct err *err)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    const struct video_log *log = video_log();
    if (code == AVERROR(ENOMEM) && log->errors == 0)
        FAIL(err, RC_NOMEM, "video: no memory for %s", what);
    if (log->too_large)
        FAIL(err, RC_LIMIT, "video: a picture is larger than the limit (max_pixels)");
    if (log->too_many)
        FAIL(err, RC_LIMIT, "video: more than the limit of %d streams (streams)",
             VIDEO_STREAMS_MAX);
    if (log->errors > 0)
        FAIL(err, RC_UNDECODABLE, "video: %s: %s", what, log->text);
    FAIL(err, RC_UNDECODABLE, "video: %s: %s", what, av_make_error_string(text, sizeof text, code));
}

/*
 * Edit lists are ignored, so that samples which one viewer hides and another shows are examined,
 * and so that no list can repeat them without end.
 */
static void set_options(AVDictionary **options, const char *demuxer)
{
    av_dict_set(options, "format_whitelist", demuxer, 0);
    av_dict_set(options, "protocol_whitelist", "none", 0);
    av_dict_set(options, "enable_drefs", "0", 0);
    av_dict_set(options, "use_absolute_path", "0", 0);
    av_dict_set(options, "ignore_editlist", "1", 0);
    av_dict_set(options, "ignore_chapters", "1", 0);
}

static enum rc make_format(struct video_source *s, struct err *err)
{
    uint8_t *buffer = av_malloc(BUFFER);
    if (buffer != NULL)
        s->io = avio_alloc_context(buffer, BUFFER, 0, s, on_read, NULL, on_seek);
    if (s->io == NULL) {
        av_free(buffer);
        FAIL(err, RC_NOMEM, "video: no memory for the reader");
    }
    s->format = avformat_alloc_context();
    if (s->format == NULL)
        FAIL(err, RC_NOMEM, "video: no memory for the container");
    s->format->pb = s->io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    s->format->io_open = on_open;
    s->format->max_streams = VIDEO_STREAMS_MAX;
    s->format->error_recognition = AV_EF_CRCCHECK;
    return RC_OK;
}

enum rc video_source_open(struct video_source *s, struct bytes in, const char *demuxer,
                          struct err *err)
{
    AVDictionary *options = NULL;
    *s = (struct video_source){.in = in};
    video_log_reset();
    TRY(make_format(s, err));
    set_options(&options, demuxer);
    int code = avformat_open_input(&s->format, "", av_find_input_format(demuxer), &options);
    av_dict_free(&options);
    if (code < 0)
        return video_error(code, "container", err);
    for (unsigned i = 0; i < s->format->nb_streams; i++)
        if (s->format->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
            s->format->streams[i]->discard = AVDISCARD_ALL;
    return RC_OK;
}

void video_source_close(struct video_source *s)
{
    avformat_close_input(&s->format);
    if (s->io != NULL)
        av_freep(&s->io->buffer);
    avio_context_free(&s->io);
}

static enum rc check_packet(const AVPacket *packet, struct err *err)
{
    if ((packet->flags & AV_PKT_FLAG_CORRUPT) != 0)
        FAIL(err, RC_UNDECODABLE, "video: the file ends too early, within a sample");
    if (av_packet_get_side_data(packet, AV_PKT_DATA_ENCRYPTION_INFO, NULL) != NULL)
        FAIL(err, RC_UNDECODABLE, "video: a protected (encrypted) track cannot be decoded");
    return RC_OK;
}

enum rc video_source_read(struct video_source *s, AVPacket *ret, bool *ret_end, struct err *err)
{
    for (;;) {
        av_packet_unref(ret);
        int code = av_read_frame(s->format, ret);
        *ret_end = code == AVERROR_EOF;
        if (*ret_end)
            return RC_OK;
        if (code < 0)
            return video_error(code, "container", err);
        const AVStream *stream = s->format->streams[ret->stream_index];
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
            continue;
        TRY(check_packet(ret, err));
        /* Without a byte the picture before stands on, and to a decoder it would mean the end. */
        if (ret->size > 0)
            return RC_OK;
    }
}
