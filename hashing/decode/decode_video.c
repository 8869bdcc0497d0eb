/* The containers of videos: told by their first bytes, read by video_run.c. */
#include "hashing/decode/video_decoders.h"

#include "hashing/decode/sniff_video.h"
#include "hashing/decode/video_run.h"
#include "hashing/decode/video_shape.h"

static bool has_at(struct bytes in, size_t at, const char *text)
{
    size_t n = strlen(text);
    return in.n >= at + n && memcmp(in.p + at, text, n) == 0;
}

static const char *isobmff_type(struct bytes in)
{
    if (!has_at(in, 4, "ftyp") || has_at(in, 8, "qt  "))
        return "video/quicktime";
    if (has_at(in, 8, "3gp"))
        return "video/3gpp";
    if (has_at(in, 8, "3g2"))
        return "video/3gpp2";
    return "video/mp4";
}

static enum rc decode_isobmff(struct bytes in, const struct decode_limits *limits,
                              const struct frame_sink *sink, struct medium_info *ret,
                              struct err *err)
{
    static const struct video_container mov = {
        .demuxer = "mov", .check_shape = video_shape_mp4, .indexed = true};
    TRY(video_run(&mov, in, limits, sink, ret, err));
    ret->type = isobmff_type(in);
    return RC_OK;
}

/* The name of the kind stands in the first few elements. */
static const char *matroska_type(struct bytes in)
{
    enum { NEAR = 64 };
    return memmem(in.p, in.n < NEAR ? in.n : NEAR, "\x42\x82\x84webm", 7) != NULL
               ? "video/webm"
               : "video/x-matroska";
}

static enum rc decode_matroska(struct bytes in, const struct decode_limits *limits,
                               const struct frame_sink *sink, struct medium_info *ret,
                               struct err *err)
{
    static const struct video_container matroska = {
        .demuxer = "matroska", .check_shape = video_shape_matroska, .steps_over = true};
    TRY(video_run(&matroska, in, limits, sink, ret, err));
    ret->type = matroska_type(in);
    return RC_OK;
}

const struct decoder decoder_isobmff = {
    .type = "video/mp4", .sniff = sniff_isobmff_video, .decode = decode_isobmff};
const struct decoder decoder_matroska = {
    .type = "video/x-matroska", .sniff = sniff_matroska, .decode = decode_matroska};
