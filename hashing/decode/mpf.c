#include "hashing/decode/mpf.h"

#include "hashing/decode/ifd.h"

enum { SIGNATURE = 4, TAG_ENTRIES = 0xB002, ENTRY_SIZE = 16 };

bool mpf_is_index(struct bytes app2)
{
    return bytes_start_with(app2, "MPF", SIGNATURE);
}

bool mpf_open(struct bytes app2, struct mpf *ret)
{
    struct mpf mpf = {.tiff = bytes_of(app2.p + SIGNATURE, app2.n - SIGNATURE)};
    struct ifd d;
    uint32_t fields;
    if (!ifd_open(mpf.tiff, &d, &fields))
        return false;
    for (uint32_t i = 0; i < fields && !d.c.bad; i++) {
        struct ifd_field f = ifd_next(&d);
        if (f.tag != TAG_ENTRIES)
            continue;
        mpf.entries = f.count / ENTRY_SIZE;
        mpf.list_at = ifd_u32(&f.value);
    }
    if (d.c.bad)
        return false;
    *ret = mpf;
    return true;
}

bool mpf_offset(const struct mpf *mpf, uint32_t i, uint32_t *ret)
{
    enum { BEFORE_OFFSET = 8 }; /* attribute and size */
    struct ifd d = {.all = mpf->tiff, .little = bytes_start_with(mpf->tiff, "II", 2)};
    uint64_t at = mpf->list_at + (uint64_t)i * ENTRY_SIZE + BEFORE_OFFSET;
    if (i >= mpf->entries || at > UINT32_MAX)
        return false;
    ifd_seek(&d, (uint32_t)at);
    *ret = ifd_u32(&d);
    return !d.c.bad;
}
