/*
 * JPEG: the picture, those that its index (MPF) lists, and the clip of a motion photograph.
 *
 * Every picture that some viewer leads to is hashed: an entry whose place holds no JPEG is none, as
 * many editors leave the index behind when they drop the pictures.  A JPEG that only lies behind
 * the first, listed nowhere, is shown by no viewer and is ignored like any bytes there.
 */
#include "hashing/decode/motion_photo.h"
#include "hashing/decode/picture_decoders.h"
#include "hashing/decode/still_jpeg.h"

static bool sniff(struct bytes in)
{
    return bytes_start_with(in, "\xff\xd8\xff", 3);
}

static enum rc read_listed(struct bytes in, const struct mpf *index, struct picture_run *run)
{
    size_t base = index->entries > 0 ? (size_t)(index->tiff.p - in.p) : 0;
    uint32_t offset;
    for (uint32_t i = 0; mpf_offset(index, i, &offset); i++) {
        struct still_jpeg picture;
        struct cursor c = cursor_over(in);
        (void)cursor_take(&c, base + offset);
        if (offset == 0 || c.bad || !sniff(c.left))
            continue;
        TRY(still_jpeg_read(c.left, run, &picture));
        TRY(picture_deliver_still(run, i));
    }
    return RC_OK;
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    struct picture_run run = {.limits = limits, .sink = sink, .err = err};
    struct still_jpeg first;
    TRY(still_jpeg_read(in, &run, &first));
    TRY(picture_deliver_still(&run, 0));
    TRY(read_listed(in, &first.index, &run));

    *ret = picture_info(&run, decoder_jpeg.type);
    ret->upright = first.upright;
    struct bytes clip = motion_photo_clip(bytes_of(in.p + first.length, in.n - first.length));
    if (clip.n > 0) {
        ret->elsewhere_offset = (uint64_t)(clip.p - in.p);
        ret->elsewhere_length = clip.n;
    }
    return RC_OK;
}

const struct decoder decoder_jpeg = {.type = "image/jpeg", .sniff = sniff, .decode = decode};
