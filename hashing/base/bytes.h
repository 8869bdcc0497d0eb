/*
 * Borrowed bytes, and a cursor that reads past no end.
 *
 * Every byte format that we parse ourselves (container sniffing, multipart) goes through the
 * cursor: a read beyond the end sets `bad` and yields zero, so a parser may check once at the end.
 */
#ifndef HASHING_BASE_BYTES_H
#define HASHING_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p;
    size_t n;
};

struct cursor {
    struct bytes left;
    bool bad; /* a read went past the end */
};

static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){.p = p, .n = n};
}

static inline struct bytes bytes_str(const char *s)
{
    return bytes_of(s, strlen(s));
}

static inline bool bytes_start_with(struct bytes b, const void *prefix, size_t n)
{
    return b.n >= n && memcmp(b.p, prefix, n) == 0;
}

static inline struct cursor cursor_over(struct bytes b)
{
    return (struct cursor){.left = b};
}

/* Takes n bytes, or sets bad and yields an empty span. */
static inline struct bytes cursor_take(struct cursor *c, size_t n)
{
    if (c->bad || n > c->left.n) {
        c->bad = true;
        return (struct bytes){.p = c->left.p, .n = 0};
    }
    struct bytes taken = {.p = c->left.p, .n = n};
    c->left.p += n;
    c->left.n -= n;
    return taken;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_take(c, 1);
    return b.n == 1 ? b.p[0] : 0;
}

static inline uint16_t cursor_u16be(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    unsigned v = b.n == 2 ? (unsigned)b.p[0] << 8 | b.p[1] : 0;
    return (uint16_t)v;
}

static inline uint32_t cursor_u32be(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    return b.n == 4 ? (uint32_t)b.p[0] << 24 | (uint32_t)b.p[1] << 16 | (uint32_t)b.p[2] << 8 |
                          (uint32_t)b.p[3]
                    : 0;
}

#endif
