/*
 * One PNG picture by libpng, a row at a time, interlaced or not: no picture is ever held.
 *
 * Of a file with more (an animation), it is the picture that programs show which know nothing of
 * that.  Metadata is skipped unread: it changes no pixel and hides bombs.
 */
#ifndef HASHING_DECODE_STILL_PNG_H
#define HASHING_DECODE_STILL_PNG_H

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/frame_hasher.h"

/* Where the pixels go. */
struct still_png_sink {
    /* Once, before anything of the picture's size is allocated. */
    enum rc (*begin)(void *ctx, uint32_t width, uint32_t height);
    /* Then, of what begin() let pass: the format; then rows, or parts of interlaced ones. */
    enum rc (*format)(void *ctx, enum pixel_format format);
    void (*row)(void *ctx, uint32_t y, uint32_t x0, uint32_t step, const uint8_t *pixels,
                uint32_t n);
    void *ctx;
    bool rgba; /* wants PIXEL_RGBA8, whatever is stored */
};

/*
 * Decodes to the IEND chunk, without which a picture does not count.  RC_UNDECODABLE, RC_LIMIT
 * (memory), RC_NOMEM, or what the sink failed with.
 */
MUST_CHECK enum rc still_png_read(struct bytes png, const struct still_png_sink *sink,
                                  struct err *err);

#endif
