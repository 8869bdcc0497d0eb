/*
 * From the bytes of a medium to the rows of its frames.
 *
 * A medium is a sequence of timed frames; a picture is a sequence of one.  Each format is one
 * file (decode_jpeg.c, decode_png.c, …) behind one table: sniff by content, then push frames into
 * a sink.  Adding a format touches its own file and its table.
 *
 * There are two tables, one for each worker program: picture_decoders (small libraries, most of
 * what is uploaded) and video_decoders (FFmpeg and libheif, large).  A decoder without `decode`
 * only says that the other program knows the format.
 *
 * Linked into the sandboxed workers, the tests and the fuzzers only.  Limits are checked before
 * anything is allocated.  No I/O but memory, one thread.
 */
#ifndef HASHING_DECODE_DECODE_H
#define HASHING_DECODE_DECODE_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/frame_hasher.h"

/* Over one of these is RC_LIMIT, and the message names the limit by its name here. */
struct decode_limits {
    uint64_t max_pixels;      /* of one frame, width*height */
    uint64_t max_work;        /* pixels of all frames that are composed or decoded, together */
    uint32_t max_frames;      /* frames of one medium */
    int64_t max_duration_ms;  /* of one medium */
    uint32_t max_jpeg_scans;  /* progressive scans: 100 as libjpeg-turbo's own fuzzers */
    int64_t preview_after_ms; /* clips that are longer have their key frames hashed first */
};

/* Which frame of its medium this is. */
struct frame_place {
    int64_t ms;     /* since the medium's first frame; 0 for a picture */
    uint32_t track; /* of several video tracks, or pictures of one file, from 0 */
    bool key;       /* decodable by itself: every frame of a format without prediction */
    bool preview;   /* a key frame that comes ahead of its time, and comes again in its turn */
};

/* Where frames go.  The decoder calls frame_begin/row/end on `hasher`, then on_frame. */
struct frame_sink {
    struct frame_hasher *hasher;
    /* After each frame_end.  A failure stops the decode, which then returns it. */
    enum rc (*on_frame)(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err);
    void *ctx;
};

struct medium_info {
    const char *type;       /* static: "image/jpeg", "video/mp4" */
    uint32_t width, height; /* of the first frame, as it was hashed */
    uint32_t frames;        /* that were handed on, previews not counted */
    int64_t duration_ms;    /* 0 for a still */
    enum orientation
        upright; /* how the hashed picture must be turned to stand as viewers show it */

    /* A part of the medium that the other worker program must decode (a clip behind a photograph,
     * or all of it, and then frames is 0); length 0: none. */
    uint64_t elsewhere_offset, elsewhere_length;
};

struct decoder {
    const char *type;
    bool (*sniff)(struct bytes in);
    /* Pushes every frame.  RC_UNDECODABLE, RC_LIMIT (names the limit), RC_NOMEM.  NULL: the other
     * program's. */
    enum rc (*decode)(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err);
};

/* One program's formats, NULL-terminated; the first that claims the bytes has them. */
extern const struct decoder *const picture_decoders[];
extern const struct decoder *const video_decoders[];

/*
 * Finds the decoder by content and runs it.  RC_NOT_MEDIA when none claims the bytes; the message
 * names the format when it is one that is known but not decoded.  err->no_picture when it is not
 * known either, so that there is nothing that could have been looked at.  A file with more pictures
 * than are decoded is RC_UNDECODABLE and says so: what was not examined is never allowed.
 */
MUST_CHECK enum rc decode_medium(const struct decoder *const *decoders, struct bytes in,
                                 const struct decode_limits *limits, const struct frame_sink *sink,
                                 struct medium_info *ret, struct err *err);

/* For decoders: err_set() of what holds no picture, as music in a video's container. */
enum rc decode_no_picture(struct err *err, enum rc rc, const char *at, const char *why);

/* Decodes one of these small media of known formats to their end, whatever comes of it: runs what
 * the libraries set up lazily, before the sandbox closes. */
void decode_warm_up(const struct decoder *const *decoders, const struct bytes *media, size_t n);
/* The same for the pictures' libraries. */
void decode_warm_up_pictures(void);

#endif
