#include "hashing/decode/apng.h"

enum { PNG_SIGNATURE = 8, CHUNK_TYPE = 4, CHUNK_CRC = 4 };

bool apng_holds_more(struct bytes png)
{
    struct cursor c = cursor_over(png);
    (void)cursor_take(&c, PNG_SIGNATURE);
    bool in_header = true;
    bool animated = false;

    for (;;) {
        uint32_t length = cursor_u32be(&c);
        struct bytes type = cursor_take(&c, CHUNK_TYPE);
        struct cursor data = cursor_over(cursor_take(&c, length));
        (void)cursor_take(&c, CHUNK_CRC);
        if (c.bad || bytes_start_with(type, "IEND", CHUNK_TYPE))
            return false;

        if (bytes_start_with(type, "IDAT", CHUNK_TYPE))
            in_header = false;
        if (in_header && bytes_start_with(type, "acTL", CHUNK_TYPE)) {
            animated = true;
            if (cursor_u32be(&data) > 1)
                return true;
        }
        if (animated && bytes_start_with(type, "fdAT", CHUNK_TYPE))
            return true;
    }
}
