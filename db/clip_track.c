#include "db/clip_track.h"

#include <stdlib.h>

enum { BITS = 64, OLD_MIN = 16 };

static size_t words(uint32_t bits)
{
    return (bits + BITS - 1) / BITS;
}

static size_t pages(const struct clip_track *track)
{
    return (size_t)ORIENTATIONS * ((track->clip->n + SPAN_PAGE - 1) / SPAN_PAGE);
}

struct clip_track *clip_track_new(struct clip_memory *memory, const struct clip *clip,
                                  const struct bank_rule *rule)
{
    struct clip_track *track = clip_memory_grow(memory, NULL, 0, sizeof(*track));
    if (track == NULL)
        return NULL;
    track->clip = clip;
    track->rule = rule;
    for (int o = 0; o < ORIENTATIONS; o++)
        track->fresh[o] = INT64_MAX;
    size_t size = words(clip->pictures) * sizeof(track->found[0]);
    track->found = clip_memory_grow(memory, NULL, 0, size);
    if (track->found == NULL) {
        clip_track_free(track, memory);
        return NULL;
    }
    return track;
}

static void drop_spans(struct clip_track *track, struct clip_memory *memory)
{
    for (size_t i = 0; track->page != NULL && i < pages(track); i++)
        clip_memory_free(memory, track->page[i], SPAN_PAGE * sizeof(*track->page[i]));
    clip_memory_free(memory, track->page, pages(track) * sizeof(track->page[0]));
    clip_memory_free(memory, track->old, track->old_room * sizeof(track->old[0]));
    track->page = NULL;
    track->old = NULL;
    track->n_old = track->old_room = 0;
}

void clip_track_free(struct clip_track *track, struct clip_memory *memory)
{
    drop_spans(track, memory);
    clip_memory_free(memory, track->found, words(track->clip->pictures) * sizeof(uint64_t));
    clip_memory_free(memory, track->shown, track->shown_words * sizeof(uint64_t));
    clip_memory_free(memory, track, sizeof(*track));
}

/* --- a hit --- */

/* Sets the bit; true when it was not set. */
static bool set_bit(uint64_t *bits, uint32_t i)
{
    uint64_t bit = 1ull << (i % BITS);
    bool was = (bits[i / BITS] & bit) != 0;
    bits[i / BITS] |= bit;
    return !was;
}

static bool add_shown(struct clip_track *track, struct clip_memory *memory, uint32_t picture)
{
    if (track->rule->query_match_percent == 0)
        return true;
    if (picture / BITS >= track->shown_words) {
        size_t n = picture / BITS + 1;
        n = n > track->shown_words * 2 ? n : track->shown_words * 2;
        uint64_t *grown =
            clip_memory_grow(memory, track->shown, track->shown_words * sizeof(track->shown[0]),
                             n * sizeof(track->shown[0]));
        if (grown == NULL)
            return false;
        track->shown = grown;
        track->shown_words = n;
    }
    track->n_shown += set_bit(track->shown, picture);
    return true;
}

/* How near, by what is told of it: hits come in any order. */
static bool is_nearer(const struct clip_hit *a, const struct clip_hit *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->orientation != b->orientation)
        return a->orientation < b->orientation;
    return a->look < b->look;
}

static void note_best(struct clip_track *track, const struct clip_hit *hit)
{
    int64_t entry_ms = track->clip->signal[hit->place].ms;
    bool first = track->n_found == 0;
    if (first || is_nearer(hit, &track->nearest))
        track->nearest = *hit;
    if (first || hit->ms < track->first_ms ||
        (hit->ms == track->first_ms && entry_ms < track->first_entry_ms)) {
        track->first_ms = hit->ms;
        track->first_entry_ms = entry_ms;
    }
    if (hit->ms >= 0)
        clip_pairs_add(&track->pairs, hit->place, entry_ms, hit->ms, hit->distance,
                       hit->orientation);
}

/* A run that cannot be, or can be no longer, is not looked for. */
static bool wants_spans(const struct clip_track *track, const struct clip_hit *hit)
{
    uint32_t most = track->clip->n < MATCH_RUN_MAX ? track->clip->n : MATCH_RUN_MAX;
    return hit->moment != MOMENT_NONE && track->rule->match_run > 0 &&
           track->clip->n >= track->rule->match_run && track->run.length < most;
}

static struct track_span *span_at(struct clip_track *track, struct clip_memory *memory,
                                  const struct clip_hit *hit)
{
    if (track->page == NULL)
        track->page = clip_memory_grow(memory, NULL, 0, pages(track) * sizeof(track->page[0]));
    if (track->page == NULL)
        return NULL;
    size_t i = pages(track) / ORIENTATIONS * hit->orientation + hit->place / SPAN_PAGE;
    if (track->page[i] == NULL)
        track->page[i] = clip_memory_grow(memory, NULL, 0, SPAN_PAGE * sizeof(*track->page[i]));
    return track->page[i] != NULL ? &track->page[i][hit->place % SPAN_PAGE] : NULL;
}

static bool keep_old(struct clip_track *track, struct clip_memory *memory,
                     const struct clip_hit *hit, struct track_span span)
{
    if (track->n_old == track->old_room) {
        size_t room = track->old_room != 0 ? track->old_room * 2 : OLD_MIN;
        struct track_old_span *grown =
            clip_memory_grow(memory, track->old, track->old_room * sizeof(track->old[0]),
                             room * sizeof(track->old[0]));
        if (grown == NULL)
            return false;
        track->old = grown;
        track->old_room = room;
    }
    track->old[track->n_old++] =
        (struct track_old_span){.place = hit->place, .orientation = hit->orientation, .span = span};
    return true;
}

static bool add_span(struct clip_track *track, struct clip_memory *memory,
                     const struct clip_hit *hit)
{
    struct track_span *span = span_at(track, memory, hit);
    const struct track_span alone = {.first = hit->moment, .end = hit->moment + 1};
    if (span == NULL)
        return false;
    if (hit->moment >= span->first && hit->moment < span->end)
        return true;
    int64_t difference = hit->ms - track->clip->signal[hit->place].ms;
    if (difference < track->fresh[hit->orientation])
        track->fresh[hit->orientation] = difference;
    if (span->end == 0) {
        *span = alone;
    } else if (hit->moment < span->first) { /* an entry that came back while we looked */
        track->scattered = true;
        return keep_old(track, memory, hit, alone);
    } else if (hit->moment == span->end) {
        span->end++;
    } else {
        struct track_span old = *span;
        *span = alone;
        return keep_old(track, memory, hit, old);
    }
    return true;
}

bool clip_track_add(struct clip_track *track, struct clip_memory *memory,
                    const struct clip_hit *hit)
{
    note_best(track, hit);
    track->n_found += set_bit(track->found, track->clip->signal[hit->place].picture);
    if (!add_shown(track, memory, hit->picture))
        return false;
    return !wants_spans(track, hit) || add_span(track, memory, hit);
}

/* --- runs --- */

void run_scratch_clear(struct run_scratch *scratch, struct clip_memory *memory)
{
    clip_memory_free(memory, scratch->span, scratch->spans_room * sizeof(scratch->span[0]));
    clip_memory_free(memory, scratch->start, scratch->starts_room * sizeof(scratch->start[0]));
    *scratch = (struct run_scratch){0};
}

/* The spans of one orientation that a run with a fresh hit may use. */
struct gathering {
    const struct clip_track *track;
    const struct upload_frames *frames;
    struct run_scratch *scratch;
    struct clip_memory *memory;
    enum orientation orientation;
    uint32_t n;
    bool singly; /* the moments are not in order of time: each is a span of its own */
};

static bool gather_one(struct gathering *g, uint32_t place, uint32_t first, uint32_t last)
{
    struct run_scratch *scratch = g->scratch;
    if (g->n == scratch->spans_room) {
        size_t room = scratch->spans_room != 0 ? scratch->spans_room * 2 : OLD_MIN;
        struct run_span *grown = clip_memory_grow(g->memory, scratch->span,
                                                  scratch->spans_room * sizeof(scratch->span[0]),
                                                  room * sizeof(scratch->span[0]));
        if (grown == NULL)
            return false;
        scratch->span = grown;
        scratch->spans_room = room;
    }
    scratch->span[g->n++] = (struct run_span){.place = place, .first = first, .last = last};
    return true;
}

static bool gather(struct gathering *g, uint32_t place, struct track_span span)
{
    int64_t least = g->track->fresh[g->orientation] - RUN_WINDOW_MS;
    int64_t from = g->track->clip->signal[place].ms + least;
    const int64_t *ms = g->frames->ms;
    for (; g->singly && span.first < span.end; span.first++)
        if (ms[span.first] >= from && !gather_one(g, place, span.first, span.first))
            return false;
    while (span.first < span.end && ms[span.first] < from)
        span.first++;
    return span.first == span.end || gather_one(g, place, span.first, span.end - 1);
}

static bool gather_all(struct gathering *g)
{
    const struct clip_track *track = g->track;
    struct track_span *const *page =
        track->page + pages(track) / ORIENTATIONS * (size_t)g->orientation;
    for (uint32_t place = 0; place < track->clip->n; place++)
        if (page[place / SPAN_PAGE] != NULL &&
            !gather(g, place, page[place / SPAN_PAGE][place % SPAN_PAGE]))
            return false;
    for (size_t i = 0; i < track->n_old; i++)
        if (track->old[i].orientation == g->orientation &&
            !gather(g, track->old[i].place, track->old[i].span))
            return false;
    return true;
}

static int by_place_and_time(const void *a, const void *b, void *ctx)
{
    const struct run_span *x = a, *y = b;
    const int64_t *ms = ctx;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (ms[x->first] > ms[y->first]) - (ms[x->first] < ms[y->first]);
}

static bool reserve_starts(struct run_scratch *scratch, struct clip_memory *memory, size_t n)
{
    if (n <= scratch->starts_room)
        return true;
    uint32_t *grown =
        clip_memory_grow(memory, scratch->start, scratch->starts_room * sizeof(scratch->start[0]),
                         n * sizeof(scratch->start[0]));
    if (grown == NULL)
        return false;
    scratch->start = grown;
    scratch->starts_room = n;
    return true;
}

static bool search_one(struct clip_track *track, struct gathering *g)
{
    if (!gather_all(g) || !reserve_starts(g->scratch, g->memory, (size_t)track->clip->n + 1))
        return false;
    qsort_r(g->scratch->span, g->n, sizeof(g->scratch->span[0]), by_place_and_time, g->frames->ms);
    const struct run_search search = {.clip = track->clip,
                                      .ms = g->frames->ms,
                                      .span = g->scratch->span,
                                      .spans = g->n,
                                      .start = g->scratch->start,
                                      .most = MATCH_RUN_MAX};
    uint32_t before = track->run.length;
    clip_run_search(&search, &track->run);
    if (track->run.length > before)
        track->run_orientation = g->orientation;
    track->fresh[g->orientation] = INT64_MAX;
    return true;
}

bool clip_track_search(struct clip_track *track, struct clip_memory *memory,
                       const struct upload_frames *frames, struct run_scratch *scratch)
{
    for (int o = 0; o < ORIENTATIONS; o++) {
        if (track->fresh[o] == INT64_MAX)
            continue;
        struct gathering g = {.track = track,
                              .frames = frames,
                              .scratch = scratch,
                              .memory = memory,
                              .orientation = (enum orientation)o,
                              .singly = track->scattered || frames->unordered};
        if (!search_one(track, &g))
            return false;
    }
    uint32_t most = track->clip->n < MATCH_RUN_MAX ? track->clip->n : MATCH_RUN_MAX;
    if (track->run.length >= most)
        drop_spans(track, memory);
    return true;
}

/* --- the verdict on it --- */

bool clip_track_matches(const struct clip_track *track, const struct upload_frames *frames,
                        bool all)
{
    const struct bank_rule *rule = track->rule;
    if (rule->match_run > 0 && track->run.length >= rule->match_run)
        return true;
    if (rule->query_match_percent > 0 &&
        (!all ||
         (uint64_t)track->n_shown * 100 < (uint64_t)frames->pictures * rule->query_match_percent))
        return false;
    return (uint64_t)track->n_found * 100 >=
           (uint64_t)track->clip->pictures * rule->bank_match_percent;
}

/* The run begins where its first picture does; when that is, the nearest pairs know best. */
static void place_run(const struct clip_track *track, struct match *match)
{
    int64_t about = track->run.ms - track->run.entry_ms, offset = about;

    (void)clip_pairs_offset(&track->pairs, track->run_orientation, about, RUN_WINDOW_MS, &offset);
    match->orientation = track->run_orientation;
    match->entry_ms = track->run.entry_ms;
    match->ms = match->entry_ms + offset > 0 ? match->entry_ms + offset : 0;
}

struct match clip_track_match(const struct clip_track *track)
{
    struct match match = {.clip = true,
                          .bank = track->bank,
                          .entry = track->entry,
                          .type = SIGNAL_PDQ,
                          .orientation = track->nearest.orientation,
                          .look = track->nearest.look,
                          .distance = track->nearest.distance,
                          .ms = track->first_ms,
                          .entry_ms = track->first_entry_ms,
                          .clip_found = track->n_found,
                          .clip_of = track->clip->pictures,
                          .run = track->run.length};
    if (track->run.length > 0)
        place_run(track, &match);
    match.offset_ms = match.ms >= 0 ? match.ms - match.entry_ms : 0;
    return match;
}
