#include "hashing/decode/decode_heif_items.h"

#include <inttypes.h>
#include <stdlib.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/picture.h"

enum {
    /* libheif's work grows with the square; a photograph of 200 Mpx in tiles of 512 has 800. */
    ITEMS_MAX = 4096,
    DEPTH_MAX = 8, /* a picture derived from one that is derived …: real files have 2 */
    EXTENTS_COPIES = 8,
    DERIVED_PICTURES = 16 /* canvases of the largest size, in all pictures of a file together */
};

struct item {
    uint32_t id, type;
    bool hidden, picture_mime, located;
    struct bytes refs;        /* of `dimg`: 2 or 4 bytes each */
    uint8_t head[20], head_n; /* the first bytes of its data: a canvas' description fits */
    uint8_t depth;            /* of what it is derived from, when `work` is known */
    bool being_weighed, weighed;
    uint64_t work; /* pixels of canvases that decoding it makes */
};

struct items {
    const struct heif_layout *layout;
    const struct decode_limits *limits;
    struct item *item;
    size_t n;
    struct bytes iinf, iloc, iref, idat;
    bool wide_refs;
    uint64_t extents; /* bytes that all items' data have together */
    struct err *err;
};

static void items_free(struct items *s)
{
    free(s->item);
}

static void items_free_scoped(struct items *s)
{
    items_free(s);
}

static const char *name_of(uint32_t type, char text[static 5])
{
    for (int i = 0; i < 4; i++)
        text[i] = (char)(type >> (24 - 8 * i));
    text[4] = '\0';
    return text;
}

static int by_id(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static struct item *find(const struct items *s, uint32_t id)
{
    const struct item key = {.id = id};
    return bsearch(&key, s->item, s->n, sizeof key, by_id);
}

/* Each of these boxes once: one reader takes the first of two, another the last. */
static enum rc find_boxes(struct items *s)
{
    struct bytes pitm = {0}, iprp = {0}, hdlr = {0};
    const struct {
        uint32_t type;
        struct bytes *ret;
    } wanted[] = {
        {FOURCC('i', 'i', 'n', 'f'), &s->iinf}, {FOURCC('i', 'l', 'o', 'c'), &s->iloc},
        {FOURCC('i', 'r', 'e', 'f'), &s->iref}, {FOURCC('i', 'd', 'a', 't'), &s->idat},
        {FOURCC('p', 'i', 't', 'm'), &pitm},    {FOURCC('i', 'p', 'r', 'p'), &iprp},
        {FOURCC('h', 'd', 'l', 'r'), &hdlr},
    };
    struct cursor c = cursor_over(s->layout->meta);
    struct heif_box box;
    char text[5];
    cursor_u32be(&c); /* version and flags */
    while (heif_box_next(&c, &box))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            if (box.type != wanted[i].type)
                continue;
            if (wanted[i].ret->p != NULL)
                FAIL(s->err, RC_UNDECODABLE, "%s: it has two %s boxes", s->layout->name,
                     name_of(box.type, text));
            *wanted[i].ret = box.content;
        }
    return RC_OK;
}

/* "mime", a name, and the content type, each ended by a NUL. */
static bool is_picture_mime(struct bytes rest)
{
    const uint8_t *nul = rest.n == 0 ? NULL : memchr(rest.p, '\0', rest.n);
    if (nul == NULL)
        return false;
    size_t skip = (size_t)(nul - rest.p) + 1;
    struct bytes type = bytes_of(rest.p + skip, rest.n - skip);
    return type.n >= 6 && (strncasecmp((const char *)type.p, "image/", 6) == 0 ||
                           strncasecmp((const char *)type.p, "video/", 6) == 0);
}

static struct item read_infe(struct bytes infe)
{
    struct cursor c = cursor_over(infe);
    uint32_t version_flags = cursor_u32be(&c);
    struct item item = {.hidden = version_flags & 1};
    uint32_t version = version_flags >> 24;
    item.id = version >= 3 ? cursor_u32be(&c) : cursor_u16be(&c);
    cursor_u16be(&c); /* protection */
    if (version >= 2)
        item.type = cursor_u32be(&c);
    else
        item.type = FOURCC('m', 'i', 'm', 'e');
    if (item.type == FOURCC('m', 'i', 'm', 'e'))
        item.picture_mime = is_picture_mime(c.left);
    return item;
}

static enum rc read_items(struct items *s)
{
    struct cursor c = cursor_over(s->iinf);
    struct heif_box box;
    if (cursor_u32be(&c) >> 24 == 0)
        cursor_u16be(&c);
    else
        cursor_u32be(&c);
    size_t n = 0;
    for (struct cursor count = c; heif_box_next(&count, &box);)
        n++;
    if (n > ITEMS_MAX)
        FAIL(s->err, RC_LIMIT, "%s: %zu items are over the limit of %d", s->layout->name, n,
             ITEMS_MAX);
    s->item = calloc(n + 1, sizeof *s->item);
    if (s->item == NULL)
        FAIL(s->err, RC_NOMEM, "%s: no memory for %zu items", s->layout->name, n);
    while (heif_box_next(&c, &box))
        if (box.type == FOURCC('i', 'n', 'f', 'e'))
            s->item[s->n++] = read_infe(box.content);
    qsort(s->item, s->n, sizeof *s->item, by_id);
    for (size_t i = 1; i < s->n; i++)
        if (s->item[i].id == s->item[i - 1].id)
            FAIL(s->err, RC_UNDECODABLE, "%s: it has two items %" PRIu32, s->layout->name,
                 s->item[i].id);
    return RC_OK;
}

static uint64_t read_sized(struct cursor *c, unsigned size)
{
    uint64_t high = size == 8 ? cursor_u32be(c) : 0;
    return size == 4 || size == 8 ? high << 32 | cursor_u32be(c) : 0;
}

/* Keeps the first bytes of an item's data. */
static void add_extent(const struct items *s, struct item *item, unsigned method, uint64_t at,
                       uint64_t n)
{
    struct bytes in = method == 1 ? s->idat : s->layout->stills;
    if (item == NULL || item->located || at > in.n)
        return;
    size_t take = sizeof item->head - item->head_n;
    if (take > n)
        take = (size_t)n;
    if (take > in.n - at)
        take = (size_t)(in.n - at);
    if (take > 0)
        memcpy(item->head + item->head_n, in.p + at, take);
    item->head_n = (uint8_t)(item->head_n + take);
}

static void read_location(struct items *s, struct cursor *c, unsigned version, unsigned sizes)
{
    struct item *item = find(s, version < 2 ? cursor_u16be(c) : cursor_u32be(c));
    unsigned method = version >= 1 ? cursor_u16be(c) & 15 : 0;
    cursor_u16be(c); /* data reference */
    uint64_t base = read_sized(c, sizes >> 4 & 15);
    for (unsigned n = cursor_u16be(c); n > 0 && !c->bad; n--) {
        if (version > 1)
            read_sized(c, sizes & 15);
        uint64_t at = read_sized(c, sizes >> 12 & 15);
        uint64_t length = read_sized(c, sizes >> 8 & 15);
        add_extent(s, item, method, base + at, length);
        s->extents = length > UINT64_MAX - s->extents ? UINT64_MAX : s->extents + length;
    }
    if (item != NULL)
        item->located = true; /* a second entry is passed over, as by libheif */
}

/* Items may share bytes, but libheif copies each item's: a small file could ask for terabytes. */
static enum rc read_locations(struct items *s)
{
    struct cursor c = cursor_over(s->iloc);
    unsigned version = cursor_u32be(&c) >> 24;
    unsigned sizes = cursor_u16be(&c);
    /* The index is there in version 1 too, where libheif does not expect it. */
    if (version == 1 && (sizes & 15) != 0)
        FAIL(s->err, RC_UNDECODABLE, "%s: its iloc box has indices", s->layout->name);
    uint32_t n = version < 2 ? cursor_u16be(&c) : cursor_u32be(&c);
    for (; n > 0 && !c.bad; n--)
        read_location(s, &c, version, sizes);
    if (s->extents / EXTENTS_COPIES > s->layout->stills.n)
        FAIL(s->err, RC_UNDECODABLE, "%s: its items claim %" PRIu64 " bytes of a file of %zu",
             s->layout->name, s->extents, s->layout->stills.n);
    return RC_OK;
}

static void read_derivations(struct items *s)
{
    struct cursor c = cursor_over(s->iref);
    struct heif_box box;
    s->wide_refs = cursor_u32be(&c) >> 24 != 0;
    while (heif_box_next(&c, &box)) {
        struct cursor ref = cursor_over(box.content);
        uint32_t from = s->wide_refs ? cursor_u32be(&ref) : cursor_u16be(&ref);
        size_t n = cursor_u16be(&ref) * (s->wide_refs ? 4u : 2u);
        struct item *item = box.type == FOURCC('d', 'i', 'm', 'g') ? find(s, from) : NULL;
        if (item != NULL && item->refs.n == 0) /* the first, as libheif */
            item->refs = cursor_take(&ref, n < ref.left.n ? n : ref.left.n);
    }
}

/* Grids and overlays bring the size of their canvas in their data. */
static enum rc check_canvas(struct items *s, struct item *item)
{
    struct cursor c = cursor_over(bytes_of(item->head, item->head_n));
    cursor_take(&c, 1); /* version */
    bool wide = cursor_u8(&c) & 1;
    cursor_take(&c, item->type == FOURCC('g', 'r', 'i', 'd') ? 2 : 8); /* rows, columns; colour */
    uint32_t width = wide ? cursor_u32be(&c) : cursor_u16be(&c);
    uint32_t height = wide ? cursor_u32be(&c) : cursor_u16be(&c);
    if (c.bad || width == 0 || height == 0)
        FAIL(s->err, RC_UNDECODABLE, "%s: a derived picture without a size", s->layout->name);
    TRY(picture_check_size(width, height, s->limits, s->err));
    item->work = (uint64_t)width * height;
    return RC_OK;
}

enum kind { KIND_DECODED, KIND_NO_PICTURE, KIND_UNKNOWN };

static enum kind kind_of(const struct item *item)
{
    switch (item->type) {
    case FOURCC('h', 'v', 'c', '1'):
    case FOURCC('a', 'v', '0', '1'):
    case FOURCC('g', 'r', 'i', 'd'):
    case FOURCC('i', 'd', 'e', 'n'):
    case FOURCC('i', 'o', 'v', 'l'):
        return KIND_DECODED;
    case FOURCC('m', 'i', 'm', 'e'):
        return item->picture_mime ? KIND_UNKNOWN : KIND_NO_PICTURE;
    case FOURCC('t', 'm', 'a', 'p'): /* two pictures of this file, toned for bright screens */
    case FOURCC('E', 'x', 'i', 'f'):
    case FOURCC('u', 'r', 'i', ' '):
    case FOURCC('r', 'g', 'a', 'n'):
    case FOURCC('i', 'p', 't', 'c'):
        return KIND_NO_PICTURE;
    default:
        return KIND_UNKNOWN;
    }
}

static enum rc weigh(struct items *s, struct item *item);

static enum rc weigh_refs(struct items *s, struct item *item)
{
    for (struct cursor c = cursor_over(item->refs); c.left.n >= (s->wide_refs ? 4 : 2);) {
        struct item *ref = find(s, s->wide_refs ? cursor_u32be(&c) : cursor_u16be(&c));
        /* libheif aborts for some of these. */
        if (ref == NULL || kind_of(ref) != KIND_DECODED)
            FAIL(s->err, RC_UNDECODABLE, "%s: a derived picture lacks a part", s->layout->name);
        TRY(weigh(s, ref));
        if (ref->depth >= item->depth)
            item->depth = (uint8_t)(ref->depth + 1);
        item->work = ref->work > UINT64_MAX - item->work ? UINT64_MAX : item->work + ref->work;
    }
    return RC_OK;
}

/* What decoding an item costs in canvases: a derived picture is made anew at each use. */
static enum rc weigh(struct items *s, struct item *item)
{
    if (item->weighed || kind_of(item) != KIND_DECODED)
        return RC_OK;
    if (item->being_weighed)
        FAIL(s->err, RC_UNDECODABLE, "%s: a picture is derived from itself", s->layout->name);
    item->being_weighed = true;
    if (item->type == FOURCC('g', 'r', 'i', 'd') || item->type == FOURCC('i', 'o', 'v', 'l'))
        TRY(check_canvas(s, item));
    TRY(weigh_refs(s, item));
    if (item->depth > DEPTH_MAX)
        FAIL(s->err, RC_UNDECODABLE, "%s: pictures are derived from pictures over %d times",
             s->layout->name, DEPTH_MAX);
    item->weighed = true;
    return RC_OK;
}

static enum rc check_all(struct items *s)
{
    uint64_t work = 0;
    char text[5];
    for (size_t i = 0; i < s->n; i++) {
        struct item *item = &s->item[i];
        if (!item->hidden && kind_of(item) == KIND_UNKNOWN)
            FAIL(s->err, RC_UNDECODABLE, "%s: an item of kind '%s' is not decoded", s->layout->name,
                 name_of(item->type, text));
        TRY(weigh(s, item));
        work = item->work > UINT64_MAX - work ? UINT64_MAX : work + (item->hidden ? 0 : item->work);
    }
    if (work > s->limits->max_work || work / DERIVED_PICTURES > s->limits->max_pixels)
        FAIL(s->err, RC_LIMIT, "%s: its derived pictures are %" PRIu64 " pixels, over max_work",
             s->layout->name, work);
    return RC_OK;
}

enum rc heif_items_check(const struct heif_layout *layout, const struct decode_limits *limits,
                         struct err *err)
{
    SCOPED(items_free) struct items s = {.layout = layout, .limits = limits, .err = err};
    TRY(find_boxes(&s));
    TRY(read_items(&s));
    TRY(read_locations(&s));
    read_derivations(&s);
    return check_all(&s);
}
