#include "hashing/decode/video_shape.h"

#include <inttypes.h>

static bool is_known_box(const uint8_t type[4])
{
    static const char known[][5] = {"ftyp", "moov", "mdat", "moof", "mfra", "sidx", "ssix",
                                    "styp", "free", "skip", "wide", "uuid", "meta", "pdin",
                                    "prft", "emsg", "udta", "pnot", "PICT"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (memcmp(type, known[i], 4) == 0)
            return true;
    return false;
}

enum rc video_shape_mp4(struct bytes in, struct err *err)
{
    struct cursor c = cursor_over(in);
    while (c.left.n >= 8) {
        struct cursor head = c;
        uint64_t size = cursor_u32be(&head);
        const uint8_t *type = cursor_take(&head, 4).p;
        if (!is_known_box(type))
            return RC_OK;
        if (size == 0) /* to the end of the file */
            return RC_OK;
        if (size == 1) {
            size = (uint64_t)cursor_u32be(&head) << 32;
            size |= cursor_u32be(&head);
        }
        if (size < 8 || size > c.left.n)
            FAIL(err, RC_UNDECODABLE, "video: the file ends too early, or a '%.4s' box lies",
                 (const char *)type);
        cursor_take(&c, (size_t)size);
    }
    return RC_OK;
}

enum { EBML_SEGMENT = 0x18538067, EBML_CLUSTER = 0x1f43b675, UNKNOWN_LENGTH_BITS = 7 };

/* An element's number, with its marker bit. */
static uint64_t read_id(struct cursor *c)
{
    uint64_t id = cursor_u8(c);
    int more = id == 0 ? 8 : __builtin_clz((unsigned)id) - 24;
    if (more > 3)
        c->bad = true;
    for (int i = 0; i < more && !c->bad; i++)
        id = id << 8 | cursor_u8(c);
    return id;
}

/* UINT64_MAX: not known to the writer. */
static uint64_t read_length(struct cursor *c)
{
    uint64_t first = cursor_u8(c);
    int more = first == 0 ? 8 : __builtin_clz((unsigned)first) - 24;
    if (more > 7) {
        c->bad = true;
        return 0;
    }
    uint64_t length = first & (0x7fu >> more);
    for (int i = 0; i < more; i++)
        length = length << 8 | cursor_u8(c);
    bool unknown = length == (UINT64_C(1) << (UNKNOWN_LENGTH_BITS * (more + 1))) - 1;
    return unknown ? UINT64_MAX : length;
}

enum rc video_shape_matroska(struct bytes in, struct err *err)
{
    struct cursor c = cursor_over(in);
    bool open_segment = false;
    while (c.left.n > 0) {
        uint64_t id = read_id(&c);
        uint64_t length = read_length(&c);
        if (c.bad)
            FAIL(err, RC_UNDECODABLE, "video: the file ends within an element's head, or lies");
        if (length == UINT64_MAX) {
            if (id != EBML_SEGMENT && id != EBML_CLUSTER)
                FAIL(err, RC_UNDECODABLE, "video: an element %" PRIx64 " without a length", id);
            open_segment = true;
            continue;
        }
        if (length > c.left.n)
            FAIL(err, RC_UNDECODABLE, "video: the file ends too early, within element %" PRIx64,
                 id);
        cursor_take(&c, (size_t)length);
        /* What follows a segment of known length is not read by anyone. */
        if (id == EBML_SEGMENT && !open_segment)
            return RC_OK;
    }
    return RC_OK;
}
