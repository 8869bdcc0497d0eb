#include "hashing/decode/picture_decoders.h"

#include "hashing/decode/sniff_video.h"

/* The other program's: it tells the exact type, and what is wrong with a file that only looks so.
 */
static const struct decoder isobmff = {.type = "video/mp4", .sniff = sniff_isobmff_video};
static const struct decoder heif = {.type = "image/heif", .sniff = sniff_heif};
static const struct decoder matroska = {.type = "video/x-matroska", .sniff = sniff_matroska};

const struct decoder *const picture_decoders[] = {
    &decoder_jpeg, &decoder_png, &decoder_gif, &decoder_webp, &decoder_tiff,
    &decoder_bmp,  &isobmff,     &heif,        &matroska,     NULL};
