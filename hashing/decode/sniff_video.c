#include "hashing/decode/sniff_video.h"

enum { BOX_HEADER = 8, BRAND = 4, FTYP_MAX = 4096 };

static bool has_at(struct bytes in, size_t at, const char *text, size_t n)
{
    return in.n >= at + n && memcmp(in.p + at, text, n) == 0;
}

static bool is_one_of(struct bytes in, size_t at, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (has_at(in, at, names[i], BRAND))
            return true;
    return false;
}

bool sniff_heif(struct bytes in)
{
    static const char *const brands[] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm",
                                         "hevs", "mif1", "mif2", "msf1", "miaf", "avif", "avis",
                                         "avio", "jpeg", "jpgs", "vvic", "evbi"};
    return has_at(in, 4, "ftyp", BRAND) &&
           is_one_of(in, BOX_HEADER, brands, sizeof brands / sizeof *brands);
}

bool sniff_isobmff_video(struct bytes in)
{
    static const char *const first_boxes[] = {"ftyp", "moov", "mdat", "wide",
                                              "free", "skip", "pnot"};
    return is_one_of(in, 4, first_boxes, sizeof first_boxes / sizeof *first_boxes) &&
           !sniff_heif(in);
}

bool sniff_matroska(struct bytes in)
{
    return bytes_start_with(in, "\x1a\x45\xdf\xa3", 4);
}

bool sniff_ftyp_box(struct bytes in)
{
    struct cursor c = cursor_over(in);
    uint32_t size = cursor_u32be(&c);
    struct bytes type = cursor_take(&c, 4);
    struct bytes brand = cursor_take(&c, BRAND);
    for (size_t i = 0; i < brand.n; i++)
        if (brand.p[i] < 0x20 || brand.p[i] > 0x7e)
            return false;
    return !c.bad && bytes_start_with(type, "ftyp", 4) && size >= BOX_HEADER + BRAND &&
           size <= FTYP_MAX && size <= in.n;
}
