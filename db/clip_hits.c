#include "db/clip_hits.h"

enum { SLOTS_MIN = 64 };

void clip_hits_begin(struct clip_hits *hits, struct tally *tally, bool count_pictures)
{
    *hits =
        (struct clip_hits){.tally = tally, .memory = {.most = CLIP_MEMORY_MAX}, .room = CLIP_ROOM};
    upload_frames_begin(&hits->frames, &hits->memory, count_pictures);
}

void clip_hits_end(struct clip_hits *hits)
{
    for (size_t i = 0; i < hits->slots; i++)
        if (hits->slot[i].track != NULL)
            clip_track_free(hits->slot[i].track, &hits->memory);
    clip_memory_free(&hits->memory, hits->slot, hits->slots * sizeof(hits->slot[0]));
    run_scratch_clear(&hits->scratch, &hits->memory);
    upload_frames_end(&hits->frames);
}

/* --- which clips were met --- */

static struct clip_slot *slot_find(struct clip_slot *slot, size_t slots, uint64_t key)
{
    uint64_t z = (key ^ key >> 30) * 0xBF58476D1CE4E5B9;
    size_t i = (size_t)(z ^ z >> 31) & (slots - 1);
    while (slot[i].key != 0 && slot[i].key != key)
        i = (i + 1) & (slots - 1);
    return &slot[i];
}

/* At least a quarter of the slots stays empty. */
static bool slots_reserve(struct clip_hits *hits)
{
    if (hits->used * 4 < hits->slots * 3)
        return true;
    size_t slots = hits->slots != 0 ? hits->slots * 2 : SLOTS_MIN;
    struct clip_slot *grown =
        clip_memory_grow(&hits->memory, NULL, 0, slots * sizeof(hits->slot[0]));
    if (grown == NULL)
        return false;
    for (size_t i = 0; i < hits->slots; i++)
        if (hits->slot[i].key != 0)
            *slot_find(grown, slots, hits->slot[i].key) = hits->slot[i];
    clip_memory_free(&hits->memory, hits->slot, hits->slots * sizeof(hits->slot[0]));
    hits->slot = grown;
    hits->slots = slots;
    hits->last = NULL;
    return true;
}

/* NULL without memory. */
static struct clip_slot *slot_for(struct clip_hits *hits, uint64_t entry, uint32_t bank,
                                  const struct clip *clip)
{
    uint64_t key = entry + 1;
    if (hits->last != NULL && hits->last->key == key)
        return hits->last;
    if (!slots_reserve(hits))
        return NULL;
    struct clip_slot *slot = slot_find(hits->slot, hits->slots, key);
    if (slot->key == 0) {
        struct clip_track *track =
            clip_track_new(&hits->memory, clip, &hits->tally->bank[bank].rule);
        if (track == NULL)
            return NULL;
        track->entry = entry;
        track->bank = bank;
        *slot = (struct clip_slot){.key = key, .track = track};
        hits->used++;
    }
    hits->last = slot;
    return slot;
}

/* --- which have changed --- */

static void dirty_add(struct clip_hits *hits, struct clip_track *track)
{
    if (track->dirty)
        return;
    track->dirty = true;
    track->previous = NULL;
    track->next = hits->dirty;
    if (hits->dirty != NULL)
        hits->dirty->previous = track;
    hits->dirty = track;
}

static void dirty_remove(struct clip_hits *hits, struct clip_track *track)
{
    if (!track->dirty)
        return;
    track->dirty = false;
    if (track->previous != NULL)
        track->previous->next = track->next;
    else
        hits->dirty = track->next;
    if (track->next != NULL)
        track->next->previous = track->previous;
}

/* --- those that surely match --- */

static bool seal(struct clip_hits *hits, struct clip_slot *slot)
{
    struct clip_track *track = slot->track;
    const struct match match = clip_track_match(track);
    if (!tally_add(hits->tally, &match)) {
        hits->memory.failed = RC_NOMEM;
        return false;
    }
    slot->track = NULL;
    dirty_remove(hits, track);
    clip_track_free(track, &hits->memory);
    return true;
}

/* From now on what is certain is sealed at once. */
static bool tighten(struct clip_hits *hits)
{
    hits->tight = true;
    for (size_t i = 0; i < hits->slots; i++)
        if (hits->slot[i].track != NULL && hits->slot[i].track->certain &&
            !seal(hits, &hits->slot[i]))
            return false;
    return true;
}

static bool judge(struct clip_hits *hits, struct clip_slot *slot)
{
    struct clip_track *track = slot->track;
    if (!track->certain && clip_track_matches(track, &hits->frames, false)) {
        track->certain = true;
        hits->verdict = policy_verdict(hits->verdict, track->rule->action);
    }
    if (hits->memory.used > hits->room && !hits->tight)
        return tighten(hits);
    return !hits->tight || !track->certain || seal(hits, slot);
}

bool clip_hits_add(struct clip_hits *hits, uint64_t entry, uint32_t bank, const struct clip *clip,
                   const struct clip_hit *hit)
{
    struct clip_slot *slot = slot_for(hits, entry, bank, clip);
    if (slot == NULL)
        return false;
    struct clip_track *track = slot->track;
    if (track == NULL)
        return true;
    if (!clip_track_add(track, &hits->memory, hit))
        return false;
    dirty_add(hits, track);
    return judge(hits, slot);
}

bool clip_hits_settle(struct clip_hits *hits)
{
    while (hits->dirty != NULL) {
        struct clip_track *track = hits->dirty;
        struct clip_slot *slot = slot_find(hits->slot, hits->slots, track->entry + 1);
        dirty_remove(hits, track);
        if (track->certain) /* how long its run is can wait for the end */
            continue;
        if (!clip_track_search(track, &hits->memory, &hits->frames, &hits->scratch) ||
            !judge(hits, slot))
            return false;
    }
    return true;
}

bool clip_hits_tell(struct clip_hits *hits)
{
    if (!clip_hits_settle(hits))
        return false;
    for (size_t i = 0; i < hits->slots; i++) {
        struct clip_track *track = hits->slot[i].track;
        if (track == NULL || !clip_track_matches(track, &hits->frames, true))
            continue;
        if (!clip_track_search(track, &hits->memory, &hits->frames, &hits->scratch))
            return false;
        const struct match match = clip_track_match(track);
        if (!tally_add(hits->tally, &match)) {
            hits->memory.failed = RC_NOMEM;
            return false;
        }
    }
    return true;
}
