/* hashgate-worker: pictures. */
#include "hashing/worker/worker.h"

int main(int argc, char **argv)
{
    const struct worker_kind kind = {.decoders = picture_decoders,
                                     .warm_up = decode_warm_up_pictures};
    return worker_main(argc, argv, &kind);
}
