#include "hashing/decode/decode.h"

#include "hashing/decode/known_formats.h"

enum rc decode_no_picture(struct err *err, enum rc rc, const char *at, const char *why)
{
    err_set(err, rc, at, "%s", why);
    if (err != NULL)
        err->no_picture = true;
    return rc;
}

enum rc decode_medium(const struct decoder *const *decoders, struct bytes in,
                      const struct decode_limits *limits, const struct frame_sink *sink,
                      struct medium_info *ret, struct err *err)
{
    for (; *decoders != NULL; decoders++) {
        if (!(*decoders)->sniff(in))
            continue;
        if ((*decoders)->decode != NULL)
            return (*decoders)->decode(in, limits, sink, ret, err);
        *ret = (struct medium_info){.type = (*decoders)->type, .elsewhere_length = in.n};
        return RC_OK;
    }

    const char *known = known_format(in);
    if (known != NULL)
        FAIL(err, RC_NOT_MEDIA, "%s is not decoded by this version", known);
    return decode_no_picture(err, RC_NOT_MEDIA, HERE,
                             "neither a picture nor a video of a known format");
}
