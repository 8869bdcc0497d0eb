/*
 * Measures: a clip whose every picture is hashed, as the worker does it: decode_medium() into a
 * frame_hasher, the survey of its packets included, as it is and with all eight orientations.
 * Against: FFmpeg's decode of the same clip alone, in the same process, on one thread as well.
 *
 *     bench_video ROUNDS NAME=FILE…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/video_decoders.h"
#include "tests/bench/bench.h"

struct work {
    const char *path;
    struct bytes clip;
    bool all_orientations;
    uint32_t frames; /* that the last decode had */
};

static enum rc on_frame(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err)
{
    (void)ctx, (void)hashes, (void)place, (void)err;
    return RC_OK;
}

static void hash_clip(void *ctx)
{
    struct work *w = ctx;
    const struct decode_limits limits = {.max_pixels = UINT32_MAX,
                                         .max_work = UINT64_MAX,
                                         .max_frames = UINT32_MAX,
                                         .max_duration_ms = INT64_MAX};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info;
    struct err err;
    bench_must(frame_hasher_new(w->all_orientations, &hasher, &err), &err);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame};
    bench_must(decode_medium(video_decoders, w->clip, &limits, &sink, &info, &err), &err);
    w->frames = info.frames;
}

static void must(int code, const char *what)
{
    if (code < 0)
        bench_die(what, av_err2str(code));
}

static uint32_t receive_all(AVCodecContext *decoder, AVFrame *frame)
{
    uint32_t n = 0;
    while (avcodec_receive_frame(decoder, frame) >= 0)
        n++;
    return n;
}

static AVCodecContext *open_decoder(AVFormatContext *format, int *ret_stream)
{
    const AVCodec *codec = NULL;
    must(*ret_stream = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0),
         "stream");
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    must(avcodec_parameters_to_context(decoder, format->streams[*ret_stream]->codecpar), "codec");
    decoder->thread_count = 1;
    must(avcodec_open2(decoder, codec, NULL), "codec");
    return decoder;
}

static void decode_clip(void *ctx)
{
    struct work *w = ctx;
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int stream;
    must(avformat_open_input(&format, w->path, NULL, NULL), w->path);
    AVCodecContext *decoder = open_decoder(format, &stream);
    w->frames = 0;
    while (av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == stream) {
            must(avcodec_send_packet(decoder, packet), "decode");
            w->frames += receive_all(decoder, frame);
        }
        av_packet_unref(packet);
    }
    must(avcodec_send_packet(decoder, NULL), "decode");
    w->frames += receive_all(decoder, frame);
    avcodec_free_context(&decoder);
    avformat_close_input(&format);
    av_packet_free(&packet);
    av_frame_free(&frame);
}

static void compare(char *argument, unsigned rounds)
{
    char row[64];
    char *path = strchr(argument, '=');
    if (path == NULL)
        bench_die(argument, "is no NAME=FILE");
    *path++ = '\0';
    struct work work = {.path = path, .clip = bench_read_file(path)};
    hash_clip(&work);
    uint32_t hashed = work.frames;
    decode_clip(&work);
    if (hashed != work.frames)
        bench_die(path, "hashed and decoded frames differ in number");
    for (int all = 1; all >= 0; all--) {
        work.all_orientations = all;
        snprintf(row, sizeof row, "%s, %u frames, %s", argument, hashed,
                 all ? "8 orientations" : "as-is");
        const struct bench_pair pair = {.row = row,
                                        .peer_is = "FFmpeg decode, one thread",
                                        .aim = "<= 1.11",
                                        .ours = hash_clip,
                                        .peer = decode_clip,
                                        .ctx = &work,
                                        .repeat = 1};
        bench_pair(&pair, rounds);
    }
    free((void *)(uintptr_t)work.clip.p);
}

int main(int argc, char **argv)
{
    const char *disagreed;
    if (argc < 3)
        bench_die("usage", "bench_video ROUNDS NAME=FILE...");
    (void)frame_hasher_self_test(&disagreed);
    decode_warm_up_video();
    for (int i = 2; i < argc; i++)
        compare(argv[i], bench_number(argv[1], BENCH_ROUNDS_MAX));
    return 0;
}
