#include "hashing/decode/video_decoders.h"

void decode_warm_up_video(void)
{
    decode_warm_up(video_decoders, NULL, 0);
}
