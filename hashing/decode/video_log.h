/*
 * What FFmpeg says while it works: never printed, but kept as the reason of a refusal.
 *
 * FFmpeg has one log for the whole process, and so have we: for one thread only.
 */
#ifndef HASHING_DECODE_VIDEO_LOG_H
#define HASHING_DECODE_VIDEO_LOG_H

#include <stdbool.h>

struct video_log {
    char text[120];  /* the first error, "" when there was none */
    unsigned errors; /* lines of the level "error" and worse */
    bool too_large;  /* a picture was over max_pixels */
    bool too_many;   /* streams */
};

/* Forgets what was said, and listens from now on. */
void video_log_reset(void);
const struct video_log *video_log(void);

#endif
