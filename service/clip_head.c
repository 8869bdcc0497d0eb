#include "service/clip_head.h"

struct sign {
    uint8_t at, n;
    const char *bytes;
};

#define AT(place, text)                                                                            \
    {                                                                                              \
        (place), sizeof(text) - 1, (text)                                                          \
    }

/* MP4 and its kin, Matroska, AVI, FLV, MPEG. */
static const struct sign signs[] = {
    AT(4, "ftyp"),       AT(4, "moov"),       AT(4, "mdat"),
    AT(4, "wide"),       AT(4, "free"),       AT(4, "skip"),
    AT(8, "AVI "),       AT(0, "FLV\1"),      AT(0, "\x1a\x45\xdf\xa3"),
    AT(0, "\0\0\1\xba"), AT(0, "\0\0\1\xb3"), AT(0, "\x47"),
};

bool clip_begins(struct bytes head)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        const struct sign *s = &signs[i];
        if (head.n >= (size_t)s->at + s->n && memcmp(head.p + s->at, s->bytes, s->n) == 0)
            return true;
    }
    return false;
}
