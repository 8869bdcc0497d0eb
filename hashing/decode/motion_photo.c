#include "hashing/decode/motion_photo.h"

#include "hashing/decode/sniff_video.h"

enum { TYPE = 4, SIZE = 4, LONG_SIZE = 8 };

static bool is_clip_box(struct bytes type)
{
    static const char *const types[] = {"ftyp", "moov", "mdat", "moof", "mfra", "sidx",
                                        "styp", "free", "skip", "wide", "uuid", "udta",
                                        "meta", "emsg", "prft", "pdin", "pnot"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (bytes_start_with(type, types[i], TYPE))
            return true;
    return false;
}

/* Takes a box.  One that is cut short goes to the end: the decoder of clips judges that. */
static bool take_box(struct cursor *c)
{
    struct cursor box = *c;
    uint64_t header = SIZE + TYPE;
    uint64_t size = cursor_u32be(&box);
    struct bytes type = cursor_take(&box, TYPE);
    if (size == 1) {
        size = (uint64_t)cursor_u32be(&box) << 32;
        size |= cursor_u32be(&box);
        header += LONG_SIZE;
    }
    if (size == 0 || size > c->left.n)
        size = c->left.n;
    if (box.bad || !is_clip_box(type) || size < header)
        return false;
    (void)cursor_take(c, (size_t)size);
    return true;
}

struct bytes motion_photo_clip(struct bytes behind)
{
    for (struct bytes left = behind; left.n > SIZE + TYPE;) {
        const uint8_t *found = memmem(left.p + SIZE, left.n - SIZE, "ftyp", TYPE);
        if (found == NULL)
            break;
        const uint8_t *start = found - SIZE;
        struct bytes from = bytes_of(start, behind.n - (size_t)(start - behind.p));
        struct cursor c = cursor_over(from);
        unsigned boxes = 0;
        while (sniff_ftyp_box(from) && !sniff_heif(from) && c.left.n > 0 && take_box(&c))
            boxes++;
        if (boxes > 1)
            return bytes_of(start, (size_t)(c.left.p - start));
        left = bytes_of(start + 1, from.n - 1);
    }
    return (struct bytes){0};
}
