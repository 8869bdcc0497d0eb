#include "hashing/frame_list.h"

#include <stdlib.h>

/* Room for n more of `size` bytes each, at least doubled. */
static void *grown(void *p, size_t used, size_t n, size_t *room, size_t size)
{
    size_t want = *room == 0 ? 16 : *room;
    while (want - used < n)
        want *= 2;
    void *more = reallocarray(p, want, size);
    if (more != NULL)
        *room = want;
    return more;
}

enum rc frame_list_add(struct frame_list *list, int64_t ms, uint32_t track,
                       const struct frame_hashes *hashes, struct err *err)
{
    if (list->room - list->n < 1) {
        void *frame = grown(list->frame, list->n, 1, &list->room, sizeof *list->frame);
        if (frame == NULL)
            FAIL(err, RC_NOMEM, "no memory for %zu frames", list->n);
        list->frame = frame;
    }
    if (list->looks_room - list->n_looks < hashes->looks) {
        void *look =
            grown(list->look, list->n_looks, hashes->looks, &list->looks_room, sizeof *list->look);
        if (look == NULL)
            FAIL(err, RC_NOMEM, "no memory for %zu frames", list->n);
        list->look = look;
    }
    list->frame[list->n++] = (struct kept_frame){
        .ms = ms, .track = track, .looks = hashes->looks, .first = list->n_looks};
    for (unsigned i = 0; i < hashes->looks; i++)
        list->look[list->n_looks++] = hashes->look[i];
    return RC_OK;
}

void frame_list_trim(struct frame_list *list, size_t n)
{
    if (n >= list->n)
        return;
    list->n_looks = list->frame[n].first;
    list->n = n;
}

void frame_list_clear(struct frame_list *list)
{
    free(list->frame);
    free(list->look);
    *list = (struct frame_list){0};
}
