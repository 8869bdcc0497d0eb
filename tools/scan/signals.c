#include "tools/scan/signals.h"

enum {
    FRAME_HEAD = 8 + 4 + 1,                  /* time, track, looks */
    LOOK_SIZE = 1 + ORIENTATIONS * PDQ_BYTES /* quality, hashes in the order of their text */
};

static uint8_t *put(uint8_t *p, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        *p++ = (uint8_t)(value >> (8 * bytes));
    return p;
}

static uint8_t *put_look(uint8_t *p, const struct look_hash *look)
{
    *p++ = look->quality;
    for (unsigned o = 0; o < ORIENTATIONS; o++, p += PDQ_BYTES)
        pdq_bytes(&look->hash[o], p);
    return p;
}

enum rc signals_pack(const struct frame_list *list, struct bytes *ret, struct err *err)
{
    size_t size = list->n * FRAME_HEAD + list->n_looks * LOOK_SIZE;
    *ret = (struct bytes){0};
    if (size == 0)
        return RC_OK;
    uint8_t *all = malloc(size), *p = all;
    if (all == NULL)
        FAIL(err, RC_NOMEM, "no memory for a medium's signals");
    for (size_t i = 0; i < list->n; i++) {
        const struct kept_frame *frame = &list->frame[i];
        p = put(p, (uint64_t)frame->ms, 8);
        p = put(p, frame->track, 4);
        p = put(p, frame->looks, 1);
        for (unsigned l = 0; l < frame->looks; l++)
            p = put_look(p, &list->look[frame->first + l]);
    }
    *ret = bytes_of(all, size);
    return RC_OK;
}

bool signals_next(struct signals_cursor *c)
{
    if (c->bad || c->left.n == 0)
        return false;
    struct cursor in = cursor_over(c->left);
    uint64_t high = cursor_u32be(&in);
    c->ms = (int64_t)(high << 32 | cursor_u32be(&in));
    c->track = cursor_u32be(&in);
    c->looks = cursor_u8(&in);
    c->bad = c->looks == 0 || c->looks > LOOKS;
    for (unsigned l = 0; !c->bad && l < c->looks; l++)
        c->look[l] = cursor_take(&in, LOOK_SIZE).p;
    c->bad = c->bad || in.bad;
    c->left = in.left;
    return !c->bad;
}
