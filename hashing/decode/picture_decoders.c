#include "hashing/decode/picture_decoders.h"

const struct decoder *const picture_decoders[] = {&decoder_jpeg, &decoder_png, NULL};
