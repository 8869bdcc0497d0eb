#include "db/clip_run.h"

static const int64_t nowhere = INT64_MIN;

static void find_starts(const struct run_search *s)
{
    uint32_t i = 0;
    for (uint32_t place = 0; place <= s->clip->n; place++) {
        while (i < s->spans && s->span[i].place < place)
            i++;
        s->start[place] = i;
    }
}

static bool is_shown(const struct run_search *s, uint32_t place)
{
    return s->start[place] < s->start[place + 1];
}

/* The earliest time in [from, to] at which the place is shown. */
static int64_t earliest(const struct run_search *s, uint32_t place, int64_t from, int64_t to)
{
    uint32_t low = s->start[place], high = s->start[place + 1];
    const uint32_t end = high;
    while (low < high) { /* the first span that is not wholly before */
        uint32_t middle = low + (high - low) / 2;
        if (s->ms[s->span[middle].last] < from)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == end)
        return nowhere;
    uint32_t first = s->span[low].first, last = s->span[low].last;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (s->ms[middle] < from)
            first = middle + 1;
        else
            last = middle;
    }
    return s->ms[first] <= to ? s->ms[first] : nowhere;
}

/* The latest time in [from, to] at which the place is shown. */
static int64_t latest(const struct run_search *s, uint32_t place, int64_t from, int64_t to)
{
    const uint32_t begin = s->start[place];
    uint32_t low = begin, high = s->start[place + 1];
    while (low < high) { /* the first span that is wholly after */
        uint32_t middle = low + (high - low) / 2;
        if (s->ms[s->span[middle].first] <= to)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == begin)
        return nowhere;
    uint32_t first = s->span[low - 1].first, last = s->span[low - 1].last;
    while (first < last) {
        uint32_t middle = last - (last - first) / 2;
        if (s->ms[middle] > to)
            last = middle - 1;
        else
            first = middle;
    }
    return s->ms[first] >= from ? s->ms[first] : nowhere;
}

/* Places [low, high) that are shown, one after the other. */
struct block {
    uint32_t low, high;
};

/* The longest run in which this pair has the least difference. */
static void try_pair(const struct run_search *s, const struct block *block, uint32_t place,
                     int64_t ms, struct clip_run *best)
{
    const struct clip_signal *signal = s->clip->signal;
    const int64_t least = ms - signal[place].ms;
    uint32_t up = place, down = place;
    int64_t at = ms;
    while (up + 1 < block->high && up - down + 1 < s->most) {
        int64_t from = signal[up + 1].ms + least;
        at = earliest(s, up + 1, from > at ? from : at + 1, from + RUN_WINDOW_MS);
        if (at == nowhere)
            break;
        up++;
    }
    int64_t first = ms;
    while (down > block->low && up - down + 1 < s->most) {
        int64_t from = signal[down - 1].ms + least, to = from + RUN_WINDOW_MS;
        at = latest(s, down - 1, from, to < first ? to : first - 1);
        if (at == nowhere)
            break;
        first = at;
        down--;
    }
    if (up > down && up - down + 1 > best->length)
        *best =
            (struct clip_run){.length = up - down + 1, .ms = first, .entry_ms = signal[down].ms};
}

/*
 * Whether every run in which this pair has the least difference can do as well with the next
 * moment instead: it shows the place too, comes before anything that the run may have at the next
 * place, and is within the window.  So of the longest runs, the one that is latest in sum has its
 * least difference at a pair of which this is not true, and only those need to be tried: where a
 * clip has a signal a second, the last moment of each span.
 */
static bool can_wait(const struct run_search *s, const struct block *block,
                     const struct run_span *span, uint32_t moment)
{
    if (moment == span->last)
        return false;
    int64_t wait = s->ms[moment + 1] - s->ms[moment];
    const struct clip_signal *signal = &s->clip->signal[span->place];
    bool last = span->place + 1 == block->high;
    return wait <= RUN_WINDOW_MS && (last || (int64_t)signal[1].ms - signal[0].ms > wait);
}

static void search_block(const struct run_search *s, const struct block *block,
                         struct clip_run *best)
{
    uint32_t size = block->high - block->low;
    uint32_t most = size < s->most ? size : s->most;
    for (uint32_t i = s->start[block->low]; i < s->start[block->high]; i++)
        for (uint32_t m = s->span[i].first; m <= s->span[i].last; m++) {
            if (best->length >= most || most < 2)
                return;
            if (!can_wait(s, block, &s->span[i], m))
                try_pair(s, block, s->span[i].place, s->ms[m], best);
        }
}

void clip_run_search(const struct run_search *search, struct clip_run *best)
{
    find_starts(search);
    for (uint32_t place = 0; place < search->clip->n; place++) {
        struct block block = {.low = place, .high = place};
        while (block.high < search->clip->n && is_shown(search, block.high))
            block.high++;
        search_block(search, &block, best);
        place = block.high; /* which is not shown */
    }
}
