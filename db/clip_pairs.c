#include "db/clip_pairs.h"

/* Pairs so much farther than the nearest say nothing more of where it stands. */
enum { FARTHER = 4 };

static struct clip_pair *find(struct clip_pairs *pairs, uint32_t place, enum orientation o)
{
    for (unsigned i = 0; i < pairs->n; i++)
        if (pairs->pair[i].place == place && pairs->pair[i].orientation == (uint16_t)o)
            return &pairs->pair[i];
    return NULL;
}

/* Whether a is to be kept rather than b: hits come in any order, so equals need one, too. */
static bool is_nearer(const struct clip_pair *a, const struct clip_pair *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->place != b->place)
        return a->place < b->place;
    return a->orientation < b->orientation;
}

static struct clip_pair *farthest(struct clip_pairs *pairs)
{
    struct clip_pair *far = &pairs->pair[0];
    for (unsigned i = 1; i < pairs->n; i++)
        if (is_nearer(far, &pairs->pair[i]))
            far = &pairs->pair[i];
    return far;
}

void clip_pairs_add(struct clip_pairs *pairs, uint32_t place, int64_t entry_ms, int64_t ms,
                    unsigned distance, enum orientation orientation)
{
    const struct clip_pair pair = {.place = place,
                                   .distance = (uint16_t)distance,
                                   .orientation = (uint16_t)orientation,
                                   .entry_ms = entry_ms,
                                   .first_ms = ms,
                                   .last_ms = ms};
    struct clip_pair *same = find(pairs, place, orientation);

    if (same != NULL) {
        if (distance < same->distance)
            *same = pair;
        else if (distance == same->distance && ms > same->last_ms)
            same->last_ms = ms;
        else if (distance == same->distance && ms < same->first_ms)
            same->first_ms = ms;
    } else if (pairs->n < CLIP_PAIRS) {
        pairs->pair[pairs->n++] = pair;
    } else {
        struct clip_pair *far = farthest(pairs);
        if (is_nearer(&pair, far))
            *far = pair;
    }
}

static int64_t offset_of(const struct clip_pair *pair)
{
    return pair->first_ms + (pair->last_ms - pair->first_ms) / 2 - pair->entry_ms;
}

static bool counts(const struct clip_pair *pair, enum orientation orientation, int64_t about_ms,
                   int64_t window_ms)
{
    int64_t off = offset_of(pair) - about_ms;
    return pair->orientation == (uint16_t)orientation && off <= window_ms && off >= -window_ms;
}

bool clip_pairs_offset(const struct clip_pairs *pairs, enum orientation orientation,
                       int64_t about_ms, int64_t window_ms, int64_t *ret_ms)
{
    int64_t sorted[CLIP_PAIRS];
    unsigned nearest = UINT16_MAX, n = 0;

    for (unsigned i = 0; i < pairs->n; i++)
        if (counts(&pairs->pair[i], orientation, about_ms, window_ms) &&
            pairs->pair[i].distance < nearest)
            nearest = pairs->pair[i].distance;
    for (unsigned i = 0; i < pairs->n; i++) {
        const struct clip_pair *pair = &pairs->pair[i];
        if (!counts(pair, orientation, about_ms, window_ms) || pair->distance > nearest + FARTHER)
            continue;
        unsigned at = n++;
        for (; at > 0 && sorted[at - 1] > offset_of(pair); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = offset_of(pair);
    }
    if (n > 0)
        *ret_ms = sorted[n / 2];
    return n > 0;
}
