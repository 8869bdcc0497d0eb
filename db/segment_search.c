/*
 * A segment searched by chunks.
 *
 * Nearly all of the time goes into waiting for memory, so the work is cut into *units* of some
 * probes (values of one chunk of one query), and several units are under way at once: of the newest
 * the bucket's bounds are fetched, of the one before its signatures, and the oldest is sifted. What
 * passes waits in a list until records, and then rows, are fetched for all of it together.
 */
#include <stdint.h>

#include "db/seen_rows.h"
#include "db/segment.h"
#include "hashing/base/bits.h"
#include "hashing/ham.h"
#include "hashing/sift.h"

enum {
    UNIT = 32,          /* probes */
    UNITS = 3,          /* under way */
    SIFT = 1024,        /* signatures at a time */
    PASSED = 256,       /* rows fetched together, as a rule */
    LINE = 64,          /* bytes that are fetched at once */
    FETCH_AHEAD = 16,   /* lines of a bucket; the processor goes on by itself */
    SEEN_FROM = 512,    /* passes of a query after which its rows are remembered */
    PASSES_MIN = 16384, /* so many are no reason to give up */
    PASSES_SHARE = 16,  /* more than this part of all rows is: then a scan is cheaper */
    FRESH_SHARE = 64    /* less than this part of all slots is new: then only that is read */
};

struct unit {
    uint32_t query;
    uint8_t table;
    uint8_t n;
    bool last; /* of its table */
    uint8_t turned[UNIT];
    uint32_t value[UNIT], from[UNIT], to[UNIT];
};

/* Where the next unit begins. */
struct cursor {
    uint32_t query;
    unsigned table;
    uint32_t done;  /* probes of this table */
    uint32_t flips; /* of the next probe */
    uint8_t turned; /* how many bits that is */
};

/* What passed of one bucket. */
struct run {
    uint32_t query;
    uint8_t table, turned;
    uint32_t first, n; /* in at[] */
};

struct search {
    const struct segment *segment;
    struct index_asking *asking;
    struct chunk_plan plan;
    struct cursor cursor;
    struct unit unit[UNITS];

    /* Of the query that is being sifted. */
    uint32_t query;
    size_t passes;
    bool given_up;

    /* Of the query whose rows are being looked at. */
    uint32_t seen_query;
    struct seen_rows *seen;

    size_t n, runs;
    uint32_t at[PASSED + SIFT]; /* positions in the run's table */
    struct run run[PASSED + 1];
    /* Of those that are looked at. */
    uint32_t row[PASSED + SIFT];
    uint16_t of[PASSED + SIFT]; /* run */
};

/* --- units --- */

/* Skips chunks that are not looked up and queries that want no more; false at the end. */
static bool cursor_rest(struct search *s)
{
    struct cursor *c = &s->cursor;
    while (c->query < s->asking->n) {
        if (asking_enough(s->asking, c->query)) {
            c->table = CHUNKS;
        } else if (c->table < CHUNKS && c->done < s->plan.probes[c->table]) {
            return true;
        }
        c->done = c->flips = c->turned = 0;
        if (++c->table >= CHUNKS) {
            c->table = 0;
            c->query++;
        }
    }
    return false;
}

/* Takes the next probes and asks for their buckets' bounds. */
static bool unit_begin(struct search *s, struct unit *u)
{
    struct cursor *c = &s->cursor;
    if (!cursor_rest(s))
        return false;
    const uint32_t *bucket = s->segment->table[c->table].bucket;
    unsigned chunk = chunk_of(&s->asking->queries[c->query], c->table);
    u->query = c->query;
    u->table = (uint8_t)c->table;
    for (u->n = 0; u->n < UNIT && c->done < s->plan.probes[c->table]; u->n++, c->done++) {
        u->value[u->n] = chunk ^ c->flips;
        u->turned[u->n] = c->turned;
        __builtin_prefetch(&bucket[u->value[u->n]]);
        c->flips = chunk_next_flips(c->flips);
        if ((c->flips & (c->flips + 1)) == 0) /* the first of one bit more */
            c->turned++;
    }
    u->last = c->done == s->plan.probes[c->table];
    return true;
}

static void unit_fetch(const struct search *s, struct unit *u)
{
    const struct segment_table *table = &s->segment->table[u->table];
    for (unsigned i = 0; i < u->n; i++) {
        u->from[i] = table->bucket[u->value[i]];
        u->to[i] = table->bucket[u->value[i] + 1];
        uintptr_t line = (uintptr_t)(table->signature + u->from[i]) / LINE * LINE;
        uintptr_t end = (uintptr_t)(table->signature + u->to[i]);
        for (unsigned k = 0; k < FETCH_AHEAD && line < end; k++, line += LINE)
            __builtin_prefetch((const void *)line);
    }
}

/* --- rows --- */

/* Remembers the rows of a query for which many have passed. */
static struct seen_rows *seen_by(struct search *s, uint32_t query)
{
    if (s->seen_query != query) {
        s->seen_query = query;
        s->seen = NULL;
    }
    if (s->seen == NULL && query == s->query && s->passes > SEEN_FROM)
        s->seen = seen_rows_begin();
    return s->seen;
}

/* Asks for those rows of a run that must be looked at; returns how many there are by now. */
static size_t fetch_rows(struct search *s, size_t which, size_t kept)
{
    const struct run *run = &s->run[which];
    const struct pdq_hash *query = &s->asking->queries[run->query];
    const uint16_t *signature = s->segment->table[run->table].signature;
    const bool wide = s->segment->shape.wide != 0;
    const uint32_t next_two = chunk_of(query, (run->table + 1u) % CHUNKS) |
                              chunk_of(query, (run->table + 2u) % CHUNKS) << CHUNK_BITS;
    const unsigned most = s->plan.triple[run->table] - (unsigned)run->turned;
    struct seen_rows *seen = seen_by(s, run->query);

    for (uint32_t i = run->first; i < run->first + run->n; i++) {
        uint64_t record = segment_record(s->segment, run->table, s->at[i]);
        uint32_t row = record & (SEGMENT_ROWS_MAX - 1);
        uint32_t theirs = signature[s->at[i]] | (uint32_t)(record >> SEEN_ROW_BITS) << CHUNK_BITS;
        if (wide && bits_of(theirs ^ next_two) > most)
            continue;
        if (seen != NULL && seen_rows_add(seen, row))
            continue;
        __builtin_prefetch(&s->segment->hash[row]);
        s->row[kept] = row;
        s->of[kept++] = (uint16_t)which;
    }
    return kept;
}

/* Tells of those rows that this chunk, of all that find them, is the one to tell of. */
static void tell_hits(struct search *s, size_t from, struct ham_hit *hits, size_t n)
{
    const bool wide = s->segment->shape.wide != 0;
    const uint32_t query = s->run[s->of[from]].query;
    const struct pdq_hash *wanted = &s->asking->queries[query];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t which = from + hits[i].row;
        uint32_t row = s->row[which];
        if (chunk_plan_first(&s->plan, wide, &s->segment->hash[row], wanted) !=
            s->run[s->of[which]].table)
            continue;
        segment_fetch_item(s->segment, row);
        hits[kept++] = (struct ham_hit){.row = row, .distance = hits[i].distance};
    }
    for (size_t i = 0; i < kept; i++)
        segment_tell_row(s->segment, s->asking, query, hits[i].row, hits[i].distance);
}

static void look_at_rows(struct search *s)
{
    struct ham_hit hits[PASSED + SIFT];
    size_t n = 0;
    for (size_t i = 0; i < s->runs; i++)
        n = fetch_rows(s, i, n);
    for (size_t from = 0, to; from < n; from = to) {
        uint32_t query = s->run[s->of[from]].query;
        for (to = from + 1; to < n && s->run[s->of[to]].query == query;)
            to++;
        size_t near = ham_pick(s->segment->hash, &s->row[from], to - from,
                               &s->asking->queries[query], s->asking->radius, hits);
        tell_hits(s, from, hits, near);
    }
    s->n = s->runs = 0;
}

/* --- signatures --- */

static void note_passed(struct search *s, const struct unit *u, unsigned i, uint32_t first,
                        size_t n)
{
    const uint8_t *record = s->segment->table[u->table].record;
    const size_t size = segment_record_size(s->segment);
    s->run[s->runs++] = (struct run){.query = u->query,
                                     .table = u->table,
                                     .turned = u->turned[i],
                                     .first = (uint32_t)s->n,
                                     .n = (uint32_t)n};
    for (size_t end = s->n + n; s->n < end; s->n++) {
        s->at[s->n] += first;
        __builtin_prefetch(record + s->at[s->n] * size);
    }
    s->passes += n;
    if (s->n >= PASSED)
        look_at_rows(s);
}

static void sift_bucket(struct search *s, const struct unit *u, unsigned i, uint16_t next)
{
    const uint16_t *signature = s->segment->table[u->table].signature;
    unsigned limit = s->plan.pair[u->table] - u->turned[i];
    for (uint32_t at = u->from[i]; at < u->to[i]; at += SIFT) {
        if (asking_enough(s->asking, u->query))
            return;
        uint32_t left = u->to[i] - at;
        size_t n = sift_near(signature + at, left < SIFT ? left : SIFT, next, limit, &s->at[s->n]);
        if (n > 0)
            note_passed(s, u, i, at, n);
    }
}

/*
 * A list of near-equal hashes around the query: nearly every bucket's rows pass, by every chunk.
 * Reading all rows once is then cheaper, and bounds what such a list can cost.
 */
static void give_up(struct search *s, const struct unit *u)
{
    look_at_rows(s);
    s->given_up = true;
    segment_scan_rest(s->segment, s->asking, u->query, &s->plan, u->table + 1u);
}

static void unit_sift(struct search *s, const struct unit *u)
{
    if (u->query != s->query) {
        s->query = u->query;
        s->passes = 0;
        s->given_up = false;
    }
    if (s->given_up || asking_enough(s->asking, u->query))
        return;
    unsigned next = chunk_of(&s->asking->queries[u->query], (u->table + 1u) % CHUNKS);
    for (unsigned i = 0; i < u->n; i++)
        sift_bucket(s, u, i, (uint16_t)next);
    if (u->last && s->passes > PASSES_MIN && s->passes > s->segment->shape.rows / PASSES_SHARE)
        give_up(s, u);
}

static void search(struct search *s)
{
    size_t begun = 0, fetched = 0, sifted = 0;
    for (bool more = true; more || sifted < begun;) {
        if (more && (more = unit_begin(s, &s->unit[begun % UNITS])))
            begun++;
        if (fetched + 1 < begun || (!more && fetched < begun))
            unit_fetch(s, &s->unit[fetched++ % UNITS]);
        if (sifted + UNITS - 1 < begun || (!more && sifted < fetched))
            unit_sift(s, &s->unit[sifted++ % UNITS]);
    }
    look_at_rows(s);
}

void segment_search_chunks(const struct segment *segment, struct index_asking *asking)
{
    struct search s = {
        .segment = segment, .asking = asking, .query = UINT32_MAX, .seen_query = UINT32_MAX};
    chunk_plan_for(asking->radius, &s.plan);
    search(&s);
}

/* --- which way --- */

/* Rough costs in tenths of a nanosecond: what counts is where the two meet. */
static bool scan_is_cheaper(const struct segment *segment, unsigned threshold)
{
    enum { PROBE = 60, SIGNATURE = 3, PASS = 100, ROW = 8 };
    /* Of random signatures one in 2^9, 2^7 or 2^4 is near, by the radius. */
    static const unsigned spared[] = {9, 9, 7, 4};
    struct chunk_plan plan;

    chunk_plan_for(threshold, &plan);
    uint64_t rows = segment->shape.rows, probes = chunk_plan_probes(&plan);
    uint64_t sifted = probes * rows / CHUNK_VALUES;
    uint64_t passes = sifted >> spared[plan.radius[0]];
    return rows * ROW < probes * PROBE + sifted * SIGNATURE + passes * PASS;
}

void segment_search(const struct segment *segment, struct index_asking *asking)
{
    uint64_t since = asking->rule->since;

    if (since != 0 && since >= segment->shape.newest)
        return;
    if (since != 0 && segment_fresh_slots(segment, since) < segment->shape.slots / FRESH_SHARE)
        segment_search_fresh(segment, asking);
    else if (asking->radius > CHUNK_THRESHOLD_MAX || scan_is_cheaper(segment, asking->radius))
        segment_scan(segment, asking);
    else
        segment_search_chunks(segment, asking);
}
