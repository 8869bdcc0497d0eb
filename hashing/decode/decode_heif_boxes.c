#include "hashing/decode/decode_heif_boxes.h"

bool heif_box_next(struct cursor *c, struct heif_box *ret)
{
    size_t all = c->left.n, header = 8;
    uint64_t size = cursor_u32be(c);
    uint32_t type = cursor_u32be(c);
    if (size == 1) {
        size = (uint64_t)cursor_u32be(c) << 32;
        size |= cursor_u32be(c);
        header = 16;
    } else if (size == 0) {
        size = all;
    }
    if (c->bad || size < header)
        return false;
    *ret = (struct heif_box){.type = type, .cut = size > all};
    ret->content = cursor_take(c, ret->cut ? c->left.n : (size_t)size - header);
    return true;
}

enum brand { BRAND_NONE, BRAND_HEIF, BRAND_HEIC, BRAND_AVIF };

static enum brand brand_of(uint32_t fourcc)
{
    switch (fourcc) {
    case FOURCC('a', 'v', 'i', 'f'):
    case FOURCC('a', 'v', 'i', 's'):
    case FOURCC('a', 'v', 'i', 'o'):
        return BRAND_AVIF;
    case FOURCC('h', 'e', 'i', 'c'):
    case FOURCC('h', 'e', 'i', 'x'):
    case FOURCC('h', 'e', 'i', 'm'):
    case FOURCC('h', 'e', 'i', 's'):
    case FOURCC('h', 'e', 'v', 'c'):
    case FOURCC('h', 'e', 'v', 'x'):
    case FOURCC('h', 'e', 'v', 'm'):
    case FOURCC('h', 'e', 'v', 's'):
        return BRAND_HEIC;
    case FOURCC('m', 'i', 'f', '1'):
    case FOURCC('m', 'i', 'f', '2'):
    case FOURCC('m', 'i', 'f', '3'):
    case FOURCC('m', 's', 'f', '1'):
    case FOURCC('m', 'i', 'a', 'f'):
        return BRAND_HEIF;
    default:
        return BRAND_NONE;
    }
}

/* The most telling of the brands: the codec's before the container's, the major one first. */
static enum brand file_brand(struct bytes in)
{
    struct cursor c = cursor_over(in);
    struct heif_box ftyp;
    if (!heif_box_next(&c, &ftyp) || ftyp.type != FOURCC('f', 't', 'y', 'p') || ftyp.cut)
        return BRAND_NONE;
    c = cursor_over(ftyp.content);
    enum brand best = brand_of(cursor_u32be(&c));
    cursor_u32be(&c); /* minor version */
    while (!c.bad && c.left.n >= 4) {
        enum brand brand = brand_of(cursor_u32be(&c));
        if (best <= BRAND_HEIF && brand > best)
            best = brand;
    }
    return best;
}

bool heif_has_brand(struct bytes in)
{
    return file_brand(in) != BRAND_NONE;
}

static bool printable(const uint8_t *p)
{
    return p[0] >= ' ' && p[0] < 0x7f && p[1] >= ' ' && p[1] < 0x7f && p[2] >= ' ' && p[2] < 0x7f &&
           p[3] >= ' ' && p[3] < 0x7f;
}

/*
 * Where a file begins within another, wherever that is: behind the last box, within an `mpvd` box
 * (motion photos of several makers), or in a trailer that is no box at all (Samsung's).  By chance
 * such bytes stand in one of some 10^13 places.
 */
static struct bytes appended_file(struct bytes in, size_t from)
{
    enum { HEADER = 16, LARGEST = 512 };
    for (size_t at = from; at + HEADER <= in.n; at++) {
        const uint8_t *type = memmem(in.p + at + 4, in.n - at - 4, "ftyp", 4);
        if (type == NULL)
            break;
        at = (size_t)(type - in.p) - 4;
        struct cursor c = cursor_over(bytes_of(in.p + at, in.n - at));
        uint32_t size = cursor_u32be(&c);
        if (size >= HEADER && size <= LARGEST && size % 4 == 0 && c.left.n >= 8 &&
            printable(type + 4))
            return bytes_of(in.p + at, in.n - at);
    }
    return (struct bytes){.p = in.p, .n = 0};
}

static enum rc take_box(const struct heif_box *box, struct heif_layout *layout, struct err *err)
{
    switch (box->type) {
    case FOURCC('m', 'e', 't', 'a'):
        /* One reader takes the first of two, another the last. */
        if (layout->meta.n > 0)
            FAIL(err, RC_UNDECODABLE, "%s: it has two meta boxes", layout->name);
        if (box->cut)
            FAIL(err, RC_UNDECODABLE, "%s: the file ends within its meta box", layout->name);
        layout->meta = box->content;
        break;
    case FOURCC('m', 'o', 'o', 'v'):
    case FOURCC('m', 'o', 'o', 'f'):
        layout->sequence = true;
        break;
    case FOURCC('m', 'p', 'v', 'd'):
        if (layout->clip.n == 0)
            layout->clip = box->content;
        break;
    default:
        break;
    }
    return RC_OK;
}

enum rc heif_layout_read(struct bytes in, struct heif_layout *ret, struct err *err)
{
    static const char *const types[] = {"image/heif", "image/heif", "image/heic", "image/avif"};
    static const char *const names[] = {"HEIF", "HEIF", "HEIC", "AVIF"};
    enum { FTYP = 8 }; /* behind the file's own */
    enum brand brand = file_brand(in);
    struct heif_layout layout = {.type = types[brand], .name = names[brand], .stills = in};
    struct heif_box box;

    layout.clip = appended_file(in, FTYP);
    if (layout.clip.n > 0) {
        layout.stills.n = (size_t)(layout.clip.p - in.p);
        if (appended_file(layout.clip, FTYP).n > 0)
            FAIL(err, RC_UNDECODABLE, "%s: more than one file is appended to it", layout.name);
    }
    for (struct cursor c = cursor_over(layout.stills); heif_box_next(&c, &box);)
        TRY(take_box(&box, &layout, err));
    *ret = layout;
    return RC_OK;
}
