#include "hashing/decode/decode_heif_tiny.h"
#include "hashing/decode/video_decoders.h"

#include <time.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/video_track.h"

/* Hashing makes its table of cosines with the first frame. */
static void warm_up_hashing(void)
{
    enum { SIDE = 8 };
    static const uint8_t row[SIDE] = {0};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct frame_hashes hashes;
    if (frame_hasher_new(true, &hasher, NULL) != RC_OK ||
        frame_begin(hasher, SIDE, SIDE, PIXEL_GRAY8, NULL) != RC_OK)
        return;
    for (uint32_t y = 0; y < SIDE; y++)
        frame_row(hasher, y, row);
    frame_end(hasher, &hashes);
}

/*
 * Measured over every clip of tests/golden/video: with these three done, libavformat, libavcodec
 * and libdav1d call the system for nothing but memory (tests/sandbox).
 */
void decode_warm_up_video(void)
{
    /* Containers tell when they were made, and the first conversion of a time reads the time
     * zone's file. */
    tzset();
    warm_up_hashing();
    video_track_warm_up();
    decode_warm_up(video_decoders, heif_tiny, HEIF_TINY);
}
