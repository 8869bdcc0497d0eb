/* What is read of Exif, of the index of further pictures, and of a clip behind a picture. */
#include "hashing/decode/exif.h"
#include "hashing/decode/motion_photo.h"
#include "hashing/decode/mpf.h"
#include "tests/fuzz/fuzz.h"

static void read_index(struct bytes in)
{
    struct mpf mpf;
    uint32_t offset, i;
    if (!mpf_is_index(in) || !mpf_open(in, &mpf))
        return;
    for (i = 0; mpf_offset(&mpf, i, &offset); i++)
        continue;
    MUST(i <= mpf.entries && i <= in.n); /* the list lies within the bytes */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    MUST((unsigned)exif_upright(in) < ORIENTATIONS);
    read_index(in);
    struct bytes clip = motion_photo_clip(in);
    MUST(clip.n == 0 || (clip.p >= in.p && clip.n <= in.n - (size_t)(clip.p - in.p)));
    return 0;
}
