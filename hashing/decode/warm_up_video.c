#include "hashing/decode/decode_heif_tiny.h"
#include "hashing/decode/video_decoders.h"

#include <time.h>

#include "hashing/decode/video_track.h"

void decode_warm_up_video(void)
{
    /* The first conversion of a time, and containers tell when they were made, reads the time
     * zone's file. */
    tzset();
    video_track_warm_up();
    decode_warm_up(video_decoders, heif_tiny, HEIF_TINY);
}
