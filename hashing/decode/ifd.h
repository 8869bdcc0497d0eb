/*
 * TIFF's directory of fields, as Exif and the Multi-Picture Format use it inside other files.
 *
 * A cursor with a byte order: like every cursor it reads past no end, and `c.bad` tells afterwards
 * whether it was asked to.
 */
#ifndef HASHING_DECODE_IFD_H
#define HASHING_DECODE_IFD_H

#include "hashing/base/bytes.h"

enum { IFD_SHORT = 3 };

struct ifd {
    struct bytes all; /* from the TIFF header on: offsets count from here */
    struct cursor c;
    bool little;
};

struct ifd_field {
    uint16_t tag, type;
    uint32_t count;
    struct ifd value; /* at the field's four bytes: the value, or the offset of a longer one */
};

static inline uint16_t ifd_u16(struct ifd *d)
{
    uint16_t v = cursor_u16be(&d->c);
    return d->little ? __builtin_bswap16(v) : v;
}

static inline uint32_t ifd_u32(struct ifd *d)
{
    uint32_t v = cursor_u32be(&d->c);
    return d->little ? __builtin_bswap32(v) : v;
}

static inline void ifd_seek(struct ifd *d, uint32_t at)
{
    d->c = cursor_over(d->all);
    (void)cursor_take(&d->c, at);
}

/* Goes to the first field of the first directory; false when there is no TIFF header. */
static inline bool ifd_open(struct bytes tiff, struct ifd *ret, uint32_t *ret_fields)
{
    *ret = (struct ifd){.all = tiff, .little = bytes_start_with(tiff, "II*", 4)};
    if (!ret->little && !bytes_start_with(tiff, "MM\0*", 4))
        return false;
    ifd_seek(ret, 4);
    ifd_seek(ret, ifd_u32(ret));
    *ret_fields = ifd_u16(ret);
    return true;
}

static inline struct ifd_field ifd_next(struct ifd *d)
{
    struct ifd_field f;
    f.tag = ifd_u16(d);
    f.type = ifd_u16(d);
    f.count = ifd_u32(d);
    f.value = *d;
    (void)cursor_take(&d->c, 4);
    return f;
}

#endif
