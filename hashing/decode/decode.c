#include "hashing/decode/decode.h"

#include "hashing/decode/known_formats.h"

static const struct decoder *const decoders[] = {&decoder_jpeg, &decoder_png};

enum rc decode_medium(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (decoders[i]->sniff(in))
            return decoders[i]->decode(in, limits, sink, ret, err);

    const char *known = known_format(in);
    if (known != NULL)
        FAIL(err, RC_NOT_MEDIA, "%s is not decoded by this version", known);
    FAIL(err, RC_NOT_MEDIA, "neither JPEG nor PNG");
}
