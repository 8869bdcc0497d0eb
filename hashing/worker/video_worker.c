/* hashgate-worker-video: videos, and pictures that are coded like them. */
#include "hashing/decode/video_decoders.h"
#include "hashing/worker/worker.h"

int main(int argc, char **argv)
{
    const struct worker_kind kind = {
        .decoders = video_decoders, .warm_up = decode_warm_up_video, .nice = 5};
    return worker_main(argc, argv, &kind);
}
