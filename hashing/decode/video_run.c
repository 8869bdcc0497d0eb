#include "hashing/decode/video_run.h"

#include <inttypes.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/video_log.h"
#include "hashing/decode/video_luma.h"
#include "hashing/decode/video_shape.h"
#include "hashing/decode/video_source.h"
#include "hashing/decode/video_track.h"

enum {
    TRACKS_MAX = 16,    /* videos and covers of one file */
    PREVIEW_SPARSE = 5, /* pictures for each key frame from which on a preview is worth it */
    MS = 1000
};

struct run {
    struct bytes in;
    const struct video_container *container;
    const struct decode_limits *limits;
    const struct frame_sink *sink;
    struct err *err;

    struct video_source source;
    struct video_track tracks[VIDEO_STREAMS_MAX]; /* by stream */
    AVPacket *packet;
    AVFrame *frame;

    uint64_t pixels; /* hashed until now */
    bool preview, sized;
    struct medium_info info;
};

static void close_pass(struct run *r)
{
    for (size_t i = 0; i < VIDEO_STREAMS_MAX; i++)
        video_track_close(&r->tracks[i]);
    video_source_close(&r->source);
}

static void run_close_scoped(struct run *r)
{
    close_pass(r);
    av_packet_free(&r->packet);
    av_frame_free(&r->frame);
}

static const AVStream *stream_of(const struct run *r, size_t i)
{
    return r->source.format->streams[i];
}

static size_t n_streams(const struct run *r)
{
    size_t n = r->source.format->nb_streams;
    return n < VIDEO_STREAMS_MAX ? n : VIDEO_STREAMS_MAX;
}

static enum rc open_pass(struct run *r, bool decoders)
{
    close_pass(r);
    TRY(video_source_open(&r->source, r->in, r->container->demuxer, r->err));
    for (size_t i = 0; decoders && i < n_streams(r); i++) {
        if (!r->tracks[i].present)
            continue;
        r->tracks[i].ms = 0;
        TRY(video_track_open(&r->tracks[i], stream_of(r, i), r->limits, r->err));
    }
    return RC_OK;
}

/* The track of the packet just read.  FFmpeg makes streams late only in formats that we leave out,
 * or where a file lies. */
/* Reads the next packet; *ret: the track that it is of, NULL behind the last one. */
static enum rc next_packet(struct run *r, struct video_track **ret)
{
    bool end = false;
    *ret = NULL;
    TRY(video_source_read(&r->source, r->packet, &end, r->err));
    if (end)
        return RC_OK;
    struct video_track *t = &r->tracks[r->packet->stream_index];
    if (!t->present)
        FAIL(r->err, RC_UNDECODABLE, "video: a track that the header does not tell of");
    *ret = t;
    return RC_OK;
}

/* Music, and what FFmpeg makes of its chapters.  Any other kind of track may hold what is seen. */
static bool only_sound(const struct run *r)
{
    size_t sounds = 0;
    for (size_t i = 0; i < n_streams(r); i++) {
        const AVCodecParameters *codec = stream_of(r, i)->codecpar;
        bool sound = codec->codec_type == AVMEDIA_TYPE_AUDIO;
        if (!sound && codec->codec_id != AV_CODEC_ID_BIN_DATA)
            return false;
        sounds += sound;
    }
    return sounds > 0;
}

static enum rc look_at_tracks(struct run *r)
{
    uint32_t n = 0, clips = 0;
    for (size_t i = 0; i < n_streams(r); i++) {
        if (stream_of(r, i)->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
            continue;
        if (n == TRACKS_MAX)
            FAIL(r->err, RC_LIMIT, "video: more than the limit of %d video tracks (tracks)",
                 TRACKS_MAX);
        struct video_track *t = &r->tracks[i];
        TRY(video_track_look(t, stream_of(r, i), r->limits, r->err));
        t->number = n++;
        if (!t->cover && clips++ == 0)
            r->info.upright = t->upright;
    }
    if (n == 0 && only_sound(r))
        return decode_no_picture(r->err, RC_UNDECODABLE, HERE,
                                 "video: there is no video track (audio only?)");
    if (n == 0)
        FAIL(r->err, RC_UNDECODABLE, "video: there is no video track (audio only?)");
    return RC_OK;
}

static enum rc check_duration(struct run *r, int64_t ms)
{
    if (ms > r->limits->max_duration_ms)
        FAIL(r->err, RC_LIMIT,
             "video: lasts %" PRId64 " ms, over the limit of %" PRId64 " ms (max_duration)", ms,
             r->limits->max_duration_ms);
    return RC_OK;
}

/* Every sample that the header lists must have been there. */
static enum rc check_samples(struct run *r)
{
    uint64_t packets = 0;
    for (size_t i = 0; i < n_streams(r); i++) {
        const struct video_track *t = &r->tracks[i];
        if (!t->present || t->cover)
            continue;
        int64_t listed = avformat_index_get_entries_count(stream_of(r, i));
        if (listed < stream_of(r, i)->nb_frames)
            listed = stream_of(r, i)->nb_frames;
        if (r->container->indexed && t->packets < (uint64_t)listed)
            FAIL(r->err, RC_UNDECODABLE, "video: the file holds %" PRIu64 " of %" PRId64 " samples",
                 t->packets, listed);
        packets += t->one_each ? t->packets : 0;
    }
    if (packets > 2 * (uint64_t)r->limits->max_frames) /* two fields may be one frame */
        FAIL(r->err, RC_LIMIT, "video: more than the limit of %" PRIu32 " frames (max_frames)",
             r->limits->max_frames);
    return RC_OK;
}

static int64_t rescaled(const struct run *r, int64_t time, int64_t per_second)
{
    AVRational base = stream_of(r, (size_t)r->packet->stream_index)->time_base;
    return av_rescale_q(time, base, (AVRational){1, (int)per_second});
}

/* Keeps the first and the last moment that a track's packets cover. */
static void note_times(const struct run *r, struct video_track *t)
{
    int64_t time = r->packet->pts != AV_NOPTS_VALUE ? r->packet->pts : r->packet->dts;
    if (time == AV_NOPTS_VALUE)
        return;
    int64_t from = rescaled(r, time, MS);
    int64_t length = r->packet->duration > 0 ? rescaled(r, r->packet->duration, MS) : 0;
    int64_t to;
    if (__builtin_add_overflow(from, length, &to))
        to = INT64_MAX;
    t->first_ms = t->packets == 1 || from < t->first_ms ? from : t->first_ms;
    t->last_ms = t->packets == 1 || to > t->last_ms ? to : t->last_ms;
}

static int64_t lasts(const struct video_track *t)
{
    int64_t ms;
    return __builtin_sub_overflow(t->last_ms, t->first_ms, &ms) ? INT64_MAX : ms;
}

static enum rc survey_packets(struct run *r)
{
    for (;;) {
        struct video_track *t;
        TRY(next_packet(r, &t));
        if (t == NULL)
            return RC_OK;
        t->packets++;
        t->keys += (r->packet->flags & AV_PKT_FLAG_KEY) != 0;
        if (!t->cover)
            note_times(r, t);
    }
}

/* Reads every packet and decodes none. */
static enum rc survey(struct run *r)
{
    TRY(open_pass(r, false));
    TRY(look_at_tracks(r));
    if (r->source.format->duration > 0)
        TRY(check_duration(r, r->source.format->duration / (AV_TIME_BASE / MS)));
    TRY(survey_packets(r));
    if (r->container->steps_over && video_log()->errors > 0)
        return video_error(AVERROR_INVALIDDATA, "container", r->err);
    TRY(check_samples(r));
    for (size_t i = 0; i < VIDEO_STREAMS_MAX; i++)
        if (lasts(&r->tracks[i]) > r->info.duration_ms)
            r->info.duration_ms = lasts(&r->tracks[i]);
    return check_duration(r, r->info.duration_ms);
}

/*
 * Since the track's first picture; never back, whatever the file says.  Without edit lists the
 * tracks' own times have no common start.
 */
static int64_t place_in_time(const struct run *r, struct video_track *t)
{
    int64_t time = r->frame->best_effort_timestamp;
    if (t->cover || time == AV_NOPTS_VALUE)
        return t->ms;
    int64_t us = av_rescale_q(time, t->decoder->pkt_timebase, AV_TIME_BASE_Q);
    if (!t->has_origin) {
        t->has_origin = true;
        t->origin = us;
    }
    int64_t since;
    if (__builtin_sub_overflow(us, t->origin, &since))
        return t->ms;
    int64_t ms = (since + AV_TIME_BASE / MS / 2) / (AV_TIME_BASE / MS);
    return ms > t->ms ? ms : t->ms;
}

static enum rc check_frame(struct run *r)
{
    uint64_t pixels = (uint64_t)r->frame->width * (uint64_t)r->frame->height;
    if (pixels > r->limits->max_pixels)
        FAIL(r->err, RC_LIMIT, "video: %dx%d pixels are over the limit (max_pixels)",
             r->frame->width, r->frame->height);
    if (!r->preview && r->info.frames == r->limits->max_frames)
        FAIL(r->err, RC_LIMIT, "video: more than the limit of %" PRIu32 " frames (max_frames)",
             r->limits->max_frames);
    r->pixels += pixels;
    if (r->pixels > r->limits->max_work)
        FAIL(r->err, RC_LIMIT,
             "video: all frames have more than the limit of %" PRIu64 " pixels (max_work)",
             r->limits->max_work);
    return RC_OK;
}

static enum rc hand_on(struct run *r, struct video_track *t)
{
    struct frame_hashes hashes;
    TRY(check_frame(r));
    TRY(video_luma_hash(r->sink->hasher, r->frame, &hashes, r->err));
    t->ms = place_in_time(r, t);
    const struct frame_place place = {
        .ms = t->ms, .track = t->number, .key = r->frame->key_frame != 0, .preview = r->preview};
    r->info.frames += !r->preview;
    /* A cover comes first but is not what the medium looks like, unless it is all there is. */
    if (!r->sized || (r->info.width == 0 && !t->cover)) {
        r->info.width = hashes.width;
        r->info.height = hashes.height;
        r->sized = !t->cover;
    }
    return r->sink->on_frame(r->sink->ctx, &hashes, &place, r->err);
}

static enum rc drain(struct run *r, struct video_track *t)
{
    for (;;) {
        bool none = false;
        TRY(video_track_receive(t, r->frame, &none, r->err));
        if (none)
            return RC_OK;
        TRY(hand_on(r, t));
        av_frame_unref(r->frame);
    }
}

static enum rc decode_all(struct run *r)
{
    TRY(open_pass(r, true));
    for (;;) {
        struct video_track *t;
        TRY(next_packet(r, &t));
        if (t == NULL)
            break;
        TRY(video_track_send(t, r->packet, r->err));
        TRY(drain(r, t));
    }
    for (size_t i = 0; i < VIDEO_STREAMS_MAX; i++) {
        struct video_track *t = &r->tracks[i];
        if (!t->present)
            continue;
        TRY(video_track_send(t, NULL, r->err));
        TRY(drain(r, t));
        TRY(video_track_check_all(t, r->err));
    }
    return RC_OK;
}

/* One key frame by itself: drained at once, so that the next one is no successor of it. */
static enum rc preview_packet(struct run *r, struct video_track *t)
{
    TRY(video_track_send(t, r->packet, r->err));
    TRY(video_track_send(t, NULL, r->err));
    TRY(drain(r, t));
    avcodec_flush_buffers(t->decoder);
    return RC_OK;
}

static enum rc decode_keys(struct run *r)
{
    TRY(open_pass(r, true));
    for (;;) {
        struct video_track *t;
        TRY(next_packet(r, &t));
        if (t == NULL)
            return RC_OK;
        if ((r->packet->flags & AV_PKT_FLAG_KEY) != 0 && !t->cover)
            TRY(preview_packet(r, t));
    }
}

static bool wants_preview(const struct run *r)
{
    uint64_t packets = 0, keys = 0;
    for (size_t i = 0; i < VIDEO_STREAMS_MAX; i++) {
        packets += r->tracks[i].packets;
        keys += r->tracks[i].keys;
    }
    return r->limits->preview_after_ms > 0 && r->info.duration_ms > r->limits->preview_after_ms &&
           packets >= PREVIEW_SPARSE * keys;
}

/* Only the pass over everything judges whether the medium can be decoded. */
static enum rc preview(struct run *r)
{
    if (!wants_preview(r))
        return RC_OK;
    r->preview = true;
    enum rc rc = decode_keys(r);
    r->preview = false;
    return rc == RC_UNDECODABLE ? RC_OK : rc;
}

enum rc video_run(const struct video_container *container, struct bytes in,
                  const struct decode_limits *limits, const struct frame_sink *sink,
                  struct medium_info *ret, struct err *err)
{
    TRY(container->check_shape(in, err));
    SCOPED(run_close)
    struct run r = {.in = in, .container = container, .limits = limits, .sink = sink, .err = err};
    r.packet = av_packet_alloc();
    r.frame = av_frame_alloc();
    if (r.packet == NULL || r.frame == NULL)
        FAIL(err, RC_NOMEM, "video: no memory for a packet");
    TRY(survey(&r));
    TRY(preview(&r));
    TRY(decode_all(&r));
    if (r.info.frames == 0)
        FAIL(err, RC_UNDECODABLE, "video: not one picture");
    *ret = r.info;
    return RC_OK;
}
