#include "hashing/decode/video_decoders.h"

const struct decoder *const video_decoders[] = {&decoder_heif, &decoder_isobmff, &decoder_matroska,
                                                NULL};
