#include "hashing/decode/known_formats.h"

/* Bytes at a place, and perhaps more bytes at a second place. */
struct magic {
    const char *name;
    const char *bytes;
    const char *also;
    uint8_t n, also_n;
    uint8_t at, also_at;
};

#define AT(place, text)     .at = (place), .n = sizeof(text) - 1, .bytes = (text)
#define AND_AT(place, text) .also_at = (place), .also_n = sizeof(text) - 1, .also = (text)

/* The first row that fits names the format. */
static const struct magic magics[] = {
    {"BMP", AT(0, "BM"), AND_AT(6, "\0\0\0\0")},
    {"JPEG 2000", AT(0, "\0\0\0\x0cjP  \r\n\x87\n")},
    {"JPEG 2000", AT(0, "\xff\x4f\xff\x51")},
    {"JPEG XL", AT(0, "\0\0\0\x0cJXL \r\n\x87\n")},
    {"JPEG XL", AT(0, "\xff\x0a")},
    {"PDF", AT(0, "%PDF-")},
    {"SVG", AT(0, "<svg")},
    {"ICO", AT(0, "\0\0\1\0")},
    {"PSD", AT(0, "8BPS")},
    {"MPEG", AT(0, "\0\0\1\xba")},
    {"MPEG", AT(0, "\0\0\1\xb3")},
    {"MPEG-TS", AT(0, "\x47"), AND_AT(188, "\x47")},
    {"AVI", AT(0, "RIFF"), AND_AT(8, "AVI ")},
    {"FLV", AT(0, "FLV\1")},
};

static bool has_at(struct bytes in, size_t at, const char *bytes, size_t n)
{
    return n == 0 || (in.n >= at + n && memcmp(in.p + at, bytes, n) == 0);
}

/* An XML file is a drawing when its element begins near the top. */
static bool is_svg_document(struct bytes in)
{
    enum { NEAR = 1024 };
    return bytes_start_with(in, "<?xml", 5) && memmem(in.p, in.n < NEAR ? in.n : NEAR, "<svg", 4);
}

const char *known_format(struct bytes in)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        if (has_at(in, m->at, m->bytes, m->n) && has_at(in, m->also_at, m->also, m->also_n))
            return m->name;
    }
    return is_svg_document(in) ? "SVG" : NULL;
}
