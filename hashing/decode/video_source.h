/*
 * A container that is read from memory by libavformat, and from nowhere else.
 *
 * The format is told, never guessed by libavformat; no protocol, no further file, no external
 * track is opened.  Nothing is probed: codecs are known from the container's own headers.
 */
#ifndef HASHING_DECODE_VIDEO_SOURCE_H
#define HASHING_DECODE_VIDEO_SOURCE_H

#include <libavformat/avformat.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

enum { VIDEO_STREAMS_MAX = 128 }; /* of all kinds: subtitles in many languages, fonts, covers */

struct video_source {
    struct bytes in;
    int64_t at;
    AVIOContext *io;
    AVFormatContext *format;
};

/*
 * demuxer: libavformat's name of it.  Streams that are not video are left unread.  *s must stay
 * where it is until video_source_close(), which is right after a failure too.
 */
MUST_CHECK enum rc video_source_open(struct video_source *s, struct bytes in, const char *demuxer,
                                     struct err *err);
void video_source_close(struct video_source *s);
static inline void video_source_close_scoped(struct video_source *s)
{
    video_source_close(s);
}

/*
 * The next packet of a video stream that holds anything; none is left when *ret_end.  A packet
 * that is cut short or encrypted is RC_UNDECODABLE.
 */
MUST_CHECK enum rc video_source_read(struct video_source *s, AVPacket *ret, bool *ret_end,
                                     struct err *err);

/* An error of libavformat or libavcodec as one of ours; what says where it happened. */
MUST_CHECK enum rc video_error(int code, const char *what, struct err *err);

#endif
