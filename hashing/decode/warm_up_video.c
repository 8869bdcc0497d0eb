#include "hashing/decode/decode_heif_tiny.h"
#include "hashing/decode/video_decoders.h"

void decode_warm_up_video(void)
{
    decode_warm_up(video_decoders, heif_tiny, HEIF_TINY);
}
