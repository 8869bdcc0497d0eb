#include "hashing/decode/exif.h"

#include "hashing/decode/ifd.h"

enum { TAG_ORIENTATION = 0x0112, PREFIX = 6 };

enum orientation exif_turn(unsigned orientation)
{
    static const enum orientation turns[] = {
        [1] = ORIENT_AS_IS,     [2] = ORIENT_FLIPY,  [3] = ORIENT_ROT180,     [4] = ORIENT_FLIPX,
        [5] = ORIENT_FLIPPLUS1, [6] = ORIENT_ROT270, [7] = ORIENT_FLIPMINUS1, [8] = ORIENT_ROT90};
    return orientation < sizeof turns / sizeof *turns ? turns[orientation] : ORIENT_AS_IS;
}

enum orientation exif_upright(struct bytes exif)
{
    if (bytes_start_with(exif, "Exif\0", PREFIX))
        exif = bytes_of(exif.p + PREFIX, exif.n - PREFIX);
    struct ifd d;
    uint32_t fields;
    if (!ifd_open(exif, &d, &fields))
        return ORIENT_AS_IS;
    for (uint32_t i = 0; i < fields && !d.c.bad; i++) {
        struct ifd_field f = ifd_next(&d);
        if (f.tag == TAG_ORIENTATION && !d.c.bad)
            return f.type == IFD_SHORT && f.count == 1 ? exif_turn(ifd_u16(&f.value))
                                                       : ORIENT_AS_IS;
    }
    return ORIENT_AS_IS;
}
