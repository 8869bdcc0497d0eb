#include "hashing/decode/bmp_header.h"

enum {
    FILE_HEADER = 14,
    CORE = 12,   /* OS/2's first */
    INFO = 40,   /* Windows' first … */
    MASKS = 52,  /* … with masks … */
    ALPHA = 56,  /* … and one of alpha, and so on */
    OS2_V2 = 64, /* numbers its codings in another way */
    COLOURS = 256
};
enum { CODE_PLAIN, CODE_RLE8, CODE_RLE4, CODE_MASKS, CODE_JPEG, CODE_PNG, CODE_ALPHA_MASKS };

static uint16_t u16(struct cursor *c)
{
    return __builtin_bswap16(cursor_u16be(c));
}

static uint32_t u32(struct cursor *c)
{
    return __builtin_bswap32(cursor_u32be(c));
}

bool bmp_header_sniff(struct bytes in)
{
    static const uint32_t sizes[] = {CORE, 16, INFO, MASKS, ALPHA, OS2_V2, 108, 124};
    struct cursor c = cursor_over(in);
    (void)cursor_take(&c, FILE_HEADER);
    uint32_t size = u32(&c);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (size == sizes[i])
            return !c.bad && bytes_start_with(in, "BM", 2);
    return false;
}

struct fields {
    uint32_t header; /* its size */
    uint32_t code, colours;
};

static enum rc read_size(struct cursor *c, const struct fields *f, struct bmp_header *h,
                         struct err *err)
{
    uint32_t width = f->header == CORE ? u16(c) : u32(c);
    uint32_t height = f->header == CORE ? u16(c) : u32(c);
    uint16_t planes = u16(c);
    h->bits = u16(c);
    h->top_down = f->header != CORE && height > INT32_MAX;
    h->width = width;
    h->height = h->top_down ? 0 - height : height;
    if (c->bad)
        FAIL(err, RC_UNDECODABLE, "BMP: the file ends too early");
    if (planes != 1)
        FAIL(err, RC_UNDECODABLE, "BMP: %u planes instead of one", planes);
    if (h->width == 0 || h->width > INT32_MAX || h->height == 0)
        FAIL(err, RC_UNDECODABLE, "BMP: it has no pixels");
    return RC_OK;
}

static enum rc check_coding(const struct fields *f, struct bmp_header *h, struct err *err)
{
    bool masks = f->code == CODE_MASKS || f->code == CODE_ALPHA_MASKS;
    bool os2 = f->header == 16 || f->header == OS2_V2;
    bool known_bits = h->bits == 1 || h->bits == 2 || h->bits == 4 || h->bits == 8 ||
                      h->bits == 16 || h->bits == 24 || h->bits == 32;
    if (f->code == CODE_JPEG && !os2)
        FAIL(err, RC_UNDECODABLE, "BMP: a JPEG inside is not decoded by this version");
    if (f->code == CODE_PNG)
        FAIL(err, RC_UNDECODABLE, "BMP: a PNG inside is not decoded by this version");
    if (f->code > CODE_ALPHA_MASKS || (os2 && f->code > CODE_RLE4))
        FAIL(err, RC_UNDECODABLE, "BMP: coding %u is not decoded by this version", f->code);
    h->runs = f->code == CODE_RLE8 || f->code == CODE_RLE4;
    if (!known_bits || (f->code == CODE_RLE8 && h->bits != 8) ||
        (f->code == CODE_RLE4 && h->bits != 4) || (masks && h->bits != 16 && h->bits != 32))
        FAIL(err, RC_UNDECODABLE, "BMP: %u bits a pixel do not go with coding %u", h->bits,
             f->code);
    if (h->runs && h->top_down)
        FAIL(err, RC_UNDECODABLE, "BMP: runs from the top down");
    return RC_OK;
}

/* Without any of its own, the usual places of the colours; the rest of 32 bits is not alpha. */
static void read_masks(struct cursor *c, const struct fields *f, struct bmp_header *h)
{
    static const uint32_t usual[2][4] = {{0x7c00, 0x03e0, 0x001f, 0},
                                         {0xff0000, 0x00ff00, 0x0000ff, 0}};
    bool alpha = f->code == CODE_ALPHA_MASKS || f->header >= ALPHA;
    if (f->code != CODE_MASKS && f->code != CODE_ALPHA_MASKS) {
        memcpy(h->mask, usual[h->bits == 32], sizeof h->mask);
        return;
    }
    for (size_t i = 0; i < (alpha ? 4u : 3u); i++)
        h->mask[i] = u32(c);
}

static void read_palette(struct cursor c, const struct fields *f, struct bmp_header *h)
{
    uint32_t most = h->bits <= 8 ? 1u << h->bits : 0;
    uint32_t n = f->colours == 0 || f->colours > most ? most : f->colours;
    for (uint32_t i = 0; i < n; i++) {
        struct bytes bgr = cursor_take(&c, f->header == CORE ? 3 : 4);
        for (size_t k = 0; k < 3 && bgr.n > 0; k++)
            h->palette[i][k] = bgr.p[2 - k];
    }
}

enum rc bmp_header_read(struct bytes in, struct bmp_header *ret, struct err *err)
{
    enum { BEFORE_DATA_AT = 10, BETWEEN = 12 /* size of the data, and pixels a metre */ };
    struct bmp_header h = {0};
    struct cursor c = cursor_over(in);
    (void)cursor_take(&c, BEFORE_DATA_AT);
    h.data_at = u32(&c);
    struct cursor behind = c;
    struct fields f = {.header = u32(&c)};
    TRY(read_size(&c, &f, &h, err));
    (void)cursor_take(&behind, f.header);
    if (f.header >= INFO) {
        f.code = u32(&c);
        (void)cursor_take(&c, BETWEEN);
        f.colours = u32(&c);
        (void)cursor_take(&c, 4); /* important colours */
    }
    TRY(check_coding(&f, &h, err));
    read_masks(&c, &f, &h);
    if (c.bad || behind.bad)
        FAIL(err, RC_UNDECODABLE, "BMP: the file ends too early");
    read_palette(f.header == INFO ? c : behind, &f, &h);
    *ret = h;
    return RC_OK;
}
