#include "hashing/decode/mpf.h"

enum { MPF_SIGNATURE = 4, TAG_PICTURES = 0xB001, TAG_ENTRIES = 0xB002, ENTRY_SIZE = 16 };
enum { TYPE_SHORT = 3 };

/* The index is a TIFF directory in the byte order that its header names. */
struct tiff {
    struct cursor c;
    bool little;
};

static uint32_t u16(struct tiff *t)
{
    uint16_t v = cursor_u16be(&t->c);
    return t->little ? __builtin_bswap16(v) : v;
}

static uint32_t u32(struct tiff *t)
{
    uint32_t v = cursor_u32be(&t->c);
    return t->little ? __builtin_bswap32(v) : v;
}

/* Reads one directory entry; returns how many pictures it tells of, 0 when it tells nothing. */
static uint32_t entry_pictures(struct tiff *t)
{
    uint32_t tag = u16(t);
    uint32_t type = u16(t);
    uint32_t count = u32(t);
    struct tiff value = *t;
    (void)cursor_take(&t->c, 4);
    if (tag == TAG_PICTURES)
        return type == TYPE_SHORT ? u16(&value) : u32(&value);
    return tag == TAG_ENTRIES ? count / ENTRY_SIZE : 0;
}

bool mpf_is_index(struct bytes app2)
{
    return bytes_start_with(app2, "MPF", MPF_SIGNATURE);
}

uint32_t mpf_pictures(struct bytes app2)
{
    struct cursor c = cursor_over(app2);
    (void)cursor_take(&c, MPF_SIGNATURE);

    struct tiff t = {.c = c, .little = bytes_start_with(c.left, "II*", 4)};
    if (!t.little && !bytes_start_with(c.left, "MM\0*", 4))
        return 0;
    (void)cursor_take(&t.c, 4);
    uint32_t directory = u32(&t);
    t.c = c;
    (void)cursor_take(&t.c, directory);

    uint32_t entries = u16(&t);
    uint32_t pictures = 1;
    for (uint32_t i = 0; i < entries && !t.c.bad; i++) {
        uint32_t n = entry_pictures(&t);
        if (n > pictures)
            pictures = n;
    }
    return t.c.bad ? 0 : pictures;
}
