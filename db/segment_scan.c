/* A segment read from end to end, and what both ways of searching tell. */
#include <stdint.h>

#include "db/segment.h"
#include "hashing/ham.h"

enum {
    SCAN_ROWS = 8192, /* 256 KiB of hashes: stay in the cache while all queries pass over them */
    SCAN_HITS = 512,
    FRESH_ROWS = 512
};

void asking_tell(struct index_asking *asking, uint32_t query, const struct slot_item *item,
                 unsigned distance)
{
    const struct index_rule *rule = asking->rule;
    if (asking_enough(asking, query) || item->bank >= rule->banks ||
        (int)distance > rule->threshold[item->bank] ||
        (rule->since != 0 && item->generation <= rule->since))
        return;
    const struct index_hit hit = {.query = query,
                                  .bank = item->bank,
                                  .entry = item->entry == UINT32_MAX ? UINT64_MAX : item->entry,
                                  .place = item->place,
                                  .distance = (uint16_t)distance};
    if (!asking->visit(asking->ctx, &hit))
        asking->enough[query / 64] |= 1ull << (query % 64);
}

static void tell_slot(const struct segment *segment, struct index_asking *asking, uint32_t query,
                      size_t slot, unsigned distance)
{
    if (segment_dead(segment, slot))
        return;
    const struct slot_item item = segment_item(segment, slot);
    asking_tell(asking, query, &item, distance);
}

/* The first slot of this row's twins, counted from the rows' end. */
static size_t first_twin(const struct segment *segment, size_t row)
{
    size_t from = 0, n = segment->shape.slots - segment->shape.rows;
    while (n > 0) {
        size_t half = n / 2;
        if (segment->twin_row[from + half] < row) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

void segment_tell_row(const struct segment *segment, struct index_asking *asking, uint32_t query,
                      size_t row, unsigned distance)
{
    size_t rows = segment->shape.rows, twins = segment->shape.slots - rows;
    tell_slot(segment, asking, query, row, distance);
    if ((segment->twins[row / 64] >> (row % 64) & 1) == 0)
        return;
    for (size_t t = first_twin(segment, row); t < twins && segment->twin_row[t] == row; t++)
        tell_slot(segment, asking, query, rows + t, distance);
}

/* --- what is new --- */

/* Hashes of slots that are newer than `since`, to be scanned together. */
struct fresh {
    struct pdq_hash hash[FRESH_ROWS];
    uint32_t slot[FRESH_ROWS];
    size_t n;
};

static void scan_fresh(const struct segment *segment, struct index_asking *asking,
                       struct fresh *fresh)
{
    struct ham_hit hits[SCAN_HITS];
    for (uint32_t q = 0; q < asking->n; q += HAM_QUERIES) {
        unsigned n = asking->n - q < HAM_QUERIES ? asking->n - q : HAM_QUERIES;
        for (size_t from = 0; from < fresh->n;) {
            size_t found = 0;
            size_t examined = ham_scan(&fresh->hash[from], fresh->n - from, &asking->queries[q], n,
                                       asking->radius, hits, SCAN_HITS, &found);
            for (size_t i = 0; i < found; i++)
                tell_slot(segment, asking, q + hits[i].query, fresh->slot[from + hits[i].row],
                          hits[i].distance);
            from += examined;
        }
    }
    fresh->n = 0;
}

void segment_search_fresh(const struct segment *segment, struct index_asking *asking)
{
    struct fresh fresh = {.n = 0};
    for (size_t slot = 0; slot < segment->shape.slots; slot++) {
        if (segment->zone[slot / SEGMENT_ZONE] <= asking->rule->since) {
            slot |= SEGMENT_ZONE - 1;
            continue;
        }
        if (segment_item(segment, slot).generation <= asking->rule->since)
            continue;
        fresh.hash[fresh.n] = segment->hash[segment_row(segment, slot)];
        fresh.slot[fresh.n++] = (uint32_t)slot;
        if (fresh.n == FRESH_ROWS)
            scan_fresh(segment, asking, &fresh);
    }
    scan_fresh(segment, asking, &fresh);
}

size_t segment_fresh_slots(const struct segment *segment, uint64_t since)
{
    size_t zones = 0;
    for (size_t zone = 0; zone * SEGMENT_ZONE < segment->shape.slots; zone++)
        zones += segment->zone[zone] > since;
    return zones * SEGMENT_ZONE;
}

/* --- every row --- */

/* One group of queries over a block of rows. */
static void scan_block(const struct segment *segment, struct index_asking *asking, size_t from,
                       size_t to, uint32_t first, unsigned n)
{
    struct ham_hit hits[SCAN_HITS];
    while (from < to) {
        size_t found = 0;
        size_t examined = ham_scan(&segment->hash[from], to - from, &asking->queries[first], n,
                                   asking->radius, hits, SCAN_HITS, &found);
        for (size_t i = 0; i < found; i++)
            segment_tell_row(segment, asking, first + hits[i].query, from + hits[i].row,
                             hits[i].distance);
        from += examined;
    }
}

void segment_scan(const struct segment *segment, struct index_asking *asking)
{
    size_t rows = segment->shape.rows;
    for (size_t from = 0; from < rows; from += SCAN_ROWS) {
        size_t to = rows - from < SCAN_ROWS ? rows : from + SCAN_ROWS;
        for (uint32_t q = 0; q < asking->n; q += HAM_QUERIES) {
            uint32_t left = asking->n - q;
            scan_block(segment, asking, from, to, q, left < HAM_QUERIES ? left : HAM_QUERIES);
        }
    }
}

void segment_scan_rest(const struct segment *segment, struct index_asking *asking, uint32_t query,
                       const struct chunk_plan *plan, unsigned from)
{
    struct ham_hit hits[SCAN_HITS];
    bool wide = segment->shape.wide != 0;
    const struct pdq_hash *wanted = &asking->queries[query];
    for (size_t row = 0; row < segment->shape.rows && !asking_enough(asking, query);) {
        size_t found = 0;
        size_t examined = ham_scan(&segment->hash[row], segment->shape.rows - row, wanted, 1,
                                   asking->radius, hits, SCAN_HITS, &found);
        for (size_t i = 0; i < found; i++) {
            const struct pdq_hash *hash = &segment->hash[row + hits[i].row];
            if (chunk_plan_first(plan, wide, hash, wanted) >= from)
                segment_tell_row(segment, asking, query, row + hits[i].row, hits[i].distance);
        }
        row += examined;
    }
}
