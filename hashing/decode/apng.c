#include "hashing/decode/apng.h"

#include <stdlib.h>

#include <zlib.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/exif.h"

enum {
    SIGNATURE = 8,
    TYPE = 4,
    CRC = 4,
    SEQUENCE = 4, /* at the start of fcTL and fdAT */
    HEAD = 13,    /* IHDR's data */
    DEFAULT_DENOMINATOR = 100
};

struct chunk {
    struct bytes all; /* from its length to its checksum */
    struct bytes type, data;
    uint32_t crc;
    bool bad; /* the file ends within it */
};

static struct chunk next_chunk(struct cursor *c)
{
    struct chunk k;
    const uint8_t *start = c->left.p;
    uint32_t length = cursor_u32be(c);
    k.type = cursor_take(c, TYPE);
    k.data = cursor_take(c, length);
    k.crc = cursor_u32be(c);
    k.bad = c->bad;
    k.all = bytes_of(start, (size_t)(c->left.p - start));
    return k;
}

static bool is_type(const struct chunk *k, const char *type)
{
    return bytes_start_with(k->type, type, TYPE);
}

static struct cursor behind_signature(struct bytes png)
{
    struct cursor c = cursor_over(png);
    (void)cursor_take(&c, SIGNATURE);
    return c;
}

static int64_t milliseconds(uint32_t numerator, uint32_t denominator)
{
    return (int64_t)numerator * 1000 / (denominator == 0 ? DEFAULT_DENOMINATOR : denominator);
}

/* One that is too short says nothing. */
static void read_control(struct apng *a, struct bytes data)
{
    static const enum animation_after afters[] = {AFTER_KEEP, AFTER_CLEAR, AFTER_RESTORE};
    struct cursor c = cursor_over(data);
    struct animation_frame f;
    (void)cursor_take(&c, SEQUENCE);
    f.width = cursor_u32be(&c);
    f.height = cursor_u32be(&c);
    f.x = cursor_u32be(&c);
    f.y = cursor_u32be(&c);
    uint16_t numerator = cursor_u16be(&c);
    f.shown_ms = milliseconds(numerator, cursor_u16be(&c));
    uint8_t after = cursor_u8(&c);
    f.after = afters[after < 3 ? after : 0];
    f.blend = cursor_u8(&c) == 1 ? BLEND_OVER : BLEND_REPLACE;
    if (c.bad)
        return;
    a->control = f;
    a->controlled = true;
}

static bool is_whole_canvas(const struct apng *a)
{
    struct cursor c = cursor_over(a->head);
    return a->control.width == cursor_u32be(&c) && a->control.height == cursor_u32be(&c) &&
           a->control.x == 0 && a->control.y == 0;
}

static bool has_frame_data(struct cursor c)
{
    for (;;) {
        struct chunk k = next_chunk(&c);
        if (k.bad || is_type(&k, "IEND"))
            return false;
        if (is_type(&k, "fdAT"))
            return true;
    }
}

void apng_open(struct bytes png, struct apng *ret)
{
    struct apng a = {.next = behind_signature(png)};
    bool promised = false;
    for (;;) {
        struct chunk k = next_chunk(&a.next);
        if (k.bad || is_type(&k, "IEND"))
            break;
        if (is_type(&k, "IDAT")) {
            a.animated = promised && a.head.n == HEAD && has_frame_data(a.next);
            a.in_animation = a.controlled && is_whole_canvas(&a);
            break;
        }
        promised |= is_type(&k, "acTL");
        if (is_type(&k, "IHDR"))
            a.head = k.data;
        else if (is_type(&k, "fcTL"))
            read_control(&a, k.data);
        else if (is_type(&k, "PLTE"))
            a.palette = k.all;
        else if (is_type(&k, "tRNS"))
            a.transparency = k.all;
    }
    a.controlled = false; /* of what comes next */
    *ret = a;
}

/* Where the data of a frame are: from its first fdAT chunk on, n bytes in all. */
struct frame_data {
    struct cursor from;
    uint64_t n;
};

static enum rc check_data(const struct chunk *k, struct err *err)
{
    uint32_t crc = (uint32_t)crc32(0, k->type.p, (uInt)(k->type.n + k->data.n));
    if (crc != k->crc)
        FAIL(err, RC_UNDECODABLE, "PNG: fdAT: CRC error");
    if (k->data.n < SEQUENCE)
        FAIL(err, RC_UNDECODABLE, "PNG: fdAT: too short");
    return RC_OK;
}

/* Goes to the chunk behind the next frame. */
static enum rc find_frame(struct apng *a, struct frame_data *ret, struct err *err)
{
    struct frame_data data = {.n = 0};
    bool found = false;
    a->disordered = false;
    for (;;) {
        struct cursor here = a->next;
        struct chunk k = next_chunk(&a->next);
        if (k.bad || is_type(&k, "IEND") || (found && is_type(&k, "fcTL"))) {
            a->next = here;
            break;
        }
        if (is_type(&k, "fcTL"))
            read_control(a, k.data);
        if (!is_type(&k, "fdAT") || !a->controlled)
            continue;
        TRY(check_data(&k, err));
        if (!found)
            data.from = here;
        found = true;
        data.n += k.data.n - SEQUENCE;
        uint32_t sequence = cursor_u32be(&(struct cursor){.left = k.data});
        a->disordered |= sequence <= a->sequence && a->sequence != 0;
        a->sequence = sequence;
    }
    *ret = data;
    return RC_OK;
}

static enum rc check_place(const struct apng *a, struct err *err)
{
    const struct animation_frame *f = &a->control;
    struct cursor head = cursor_over(a->head);
    uint32_t width = cursor_u32be(&head);
    uint32_t height = cursor_u32be(&head);
    if (f->width == 0 || f->height == 0 || (uint64_t)f->x + f->width > width ||
        (uint64_t)f->y + f->height > height)
        FAIL(err, RC_UNDECODABLE, "PNG: a frame of its animation lies outside of it");
    return RC_OK;
}

/* A file that is put together; room is made before. */
struct maker {
    uint8_t *p;
    size_t n;
};

static void put(struct maker *m, struct bytes b)
{
    if (b.n > 0)
        memcpy(m->p + m->n, b.p, b.n);
    m->n += b.n;
}

static void put_u32(struct maker *m, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        m->p[m->n++] = (uint8_t)(v >> shift);
}

/* Ends the chunk whose type was put at `start`. */
static void put_crc(struct maker *m, size_t start)
{
    put_u32(m, (uint32_t)crc32(0, m->p + start, (uInt)(m->n - start)));
}

/* IHDR as in the file, but for the size. */
static void put_head(struct maker *m, const struct apng *a)
{
    put(m, bytes_str("\x89PNG\r\n\x1a\n"));
    put_u32(m, HEAD);
    size_t start = m->n;
    put(m, bytes_str("IHDR"));
    put_u32(m, a->control.width);
    put_u32(m, a->control.height);
    put(m, bytes_of(a->head.p + 8, HEAD - 8));
    put_crc(m, start);
    put(m, a->palette);
    put(m, a->transparency);
}

static void put_data(struct maker *m, struct frame_data data)
{
    put_u32(m, (uint32_t)data.n);
    size_t start = m->n;
    put(m, bytes_str("IDAT"));
    for (size_t end = start + TYPE + data.n; m->n < end;) {
        struct chunk k = next_chunk(&data.from);
        if (is_type(&k, "fdAT"))
            put(m, bytes_of(k.data.p + SEQUENCE, k.data.n - SEQUENCE));
    }
    put_crc(m, start);
    put_u32(m, 0);
    put(m, bytes_str("IEND\xae\x42\x60\x82"));
}

enum rc apng_next(struct apng *a, struct animation_frame *ret_frame, struct bytes *ret_png,
                  struct err *err)
{
    enum { AROUND = 128 }; /* more than the chunks that are made here */
    struct frame_data data;
    TRY(find_frame(a, &data, err));
    if (data.n == 0) {
        *ret_png = (struct bytes){0};
        return RC_OK;
    }
    TRY(check_place(a, err));
    struct maker m = {.p = malloc(AROUND + a->palette.n + a->transparency.n + data.n)};
    if (m.p == NULL)
        FAIL(err, RC_NOMEM, "PNG: no memory for a frame of its animation");
    put_head(&m, a);
    put_data(&m, data);
    *ret_frame = a->control;
    *ret_png = bytes_of(m.p, m.n);
    a->controlled = false;
    return RC_OK;
}

enum orientation apng_upright(struct bytes png)
{
    struct cursor c = behind_signature(png);
    for (;;) {
        struct chunk k = next_chunk(&c);
        if (k.bad || is_type(&k, "IEND"))
            return ORIENT_AS_IS;
        if (is_type(&k, "eXIf"))
            return exif_upright(k.data);
    }
}
