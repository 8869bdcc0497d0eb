/*
 * One video stream of a container and its decoder.
 */
#ifndef HASHING_DECODE_VIDEO_TRACK_H
#define HASHING_DECODE_VIDEO_TRACK_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "hashing/decode/decode.h"

struct video_track {
    AVCodecContext *decoder;
    const char *codec; /* static name */
    bool present;      /* the stream is a video */
    bool cover;        /* a picture beside the clip: an attached one */
    bool one_each;     /* every packet holds exactly one picture, and none may be lost */
    bool log_tells;    /* the decoder reports some faults nowhere but in its log */
    uint32_t number;
    enum orientation upright;

    uint64_t packets, keys;    /* of the stream; by the survey */
    int64_t first_ms, last_ms; /* that its packets cover, in its own time; by the survey */
    int64_t ms;                /* of the last picture handed on */
    int64_t origin;            /* of its time, in microseconds */
    bool has_origin;
    uint64_t sent, pictures;
    bool interlaced; /* then a packet may be half a picture */
};

/*
 * What a stream is, without a decoder yet.  RC_UNDECODABLE when its codec is not among those that
 * are decoded, or it is protected.
 */
MUST_CHECK enum rc video_track_look(struct video_track *t, const AVStream *stream,
                                    const struct decode_limits *limits, struct err *err);

/* Opens a new decoder in the place of an older one. */
MUST_CHECK enum rc video_track_open(struct video_track *t, const AVStream *stream,
                                    const struct decode_limits *limits, struct err *err);
void video_track_close(struct video_track *t);

/* Gives a packet, or NULL for the end. */
MUST_CHECK enum rc video_track_send(struct video_track *t, const AVPacket *packet, struct err *err);

/* The next picture; *ret_none when the decoder wants more.  A picture of which anything was
 * guessed is RC_UNDECODABLE. */
MUST_CHECK enum rc video_track_receive(struct video_track *t, AVFrame *ret, bool *ret_none,
                                       struct err *err);

/* RC_UNDECODABLE when fewer pictures came out than went in. */
MUST_CHECK enum rc video_track_check_all(const struct video_track *t, struct err *err);

/* Opens and closes every decoder once, and asks for the checksums of cover art: all of them fill
 * their tables the first time, under a lock that wakes others by a system call. */
void video_track_warm_up(void);

#endif
