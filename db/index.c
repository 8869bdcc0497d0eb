#include "db/index.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/rows.h"
#include "hashing/ham.h"

enum {
    SCAN_ROWS = 8192, /* 256 KiB of hashes: stay in the cache while all queries pass over them */
    SCAN_HITS = 512
};

struct index {
    struct rows rows;
};

enum { CANARY_BANK = INDEX_BANKS_MAX, CANARY_DISTANCE = PDQ_THRESHOLD };
static const uint64_t canary_entry = UINT64_MAX;
static const struct pdq_hash canary = {
    {0x5bd3a8c61f94e207, 0xc9127e5da0b836f4, 0x36ec4b95d27f810a, 0xa45f09e3768cb1d2}};

enum rc index_new(struct index **ret, struct err *err)
{
    SCOPED(index_free) struct index *index = calloc(1, sizeof(*index));
    if (index == NULL)
        FAIL(err, RC_NOMEM, "index: no memory");
    const struct index_item item = {
        .hash = canary, .entry = canary_entry, .bank = CANARY_BANK, .place = -1};
    TRY(index_add(index, &item, 1, err));
    *ret = TAKE(index);
    return RC_OK;
}

void index_free(struct index *index)
{
    if (index == NULL)
        return;
    rows_clear(&index->rows);
    free(index);
}

enum rc index_add(struct index *index, const struct index_item *items, size_t n, struct err *err)
{
    TRY(rows_reserve(&index->rows, n, err));
    for (size_t i = 0; i < n; i++)
        rows_append(&index->rows, &(struct row){.value = items[i].hash,
                                                .entry = items[i].entry,
                                                .generation = items[i].generation,
                                                .bank = items[i].bank,
                                                .tag = (uint32_t)items[i].place});
    rows_publish(&index->rows);
    return RC_OK;
}

size_t index_remove(struct index *index, uint64_t entry)
{
    return rows_remove(&index->rows, entry);
}

struct scan {
    const struct pdq_hash *queries;
    uint32_t n_queries;
    const struct index_rule *rule;
    unsigned radius; /* of the widest bank; narrower ones are sifted out of the hits */
    index_visit *visit;
    void *ctx;
};

/* Tells those of the hits that the rule calls matches; false when the visitor has enough. */
static bool tell(const struct scan *scan, const struct rows_chunk *chunk, size_t first_row,
                 uint32_t first_query, const struct ham_hit *hits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = first_row + hits[i].row;
        if (!rows_match(chunk, at, scan->rule, hits[i].distance))
            continue;
        const struct index_hit hit = {.query = first_query + hits[i].query,
                                      .bank = chunk->bank[at],
                                      .entry = chunk->entry[at],
                                      .place = (int32_t)chunk->tag[at],
                                      .distance = hits[i].distance};
        if (!scan->visit(scan->ctx, &hit))
            return false;
    }
    return true;
}

/* One group of queries over rows [from, to) of a chunk. */
static bool scan_group(const struct scan *scan, const struct rows_chunk *chunk, size_t from,
                       size_t to, uint32_t first_query, unsigned n_queries)
{
    struct ham_hit hits[SCAN_HITS];
    while (from < to) {
        size_t found = 0;
        size_t examined = ham_scan(&chunk->value[from], to - from, &scan->queries[first_query],
                                   n_queries, scan->radius, hits, SCAN_HITS, &found);
        if (!tell(scan, chunk, from, first_query, hits, found))
            return false;
        from += examined;
    }
    return true;
}

static bool scan_rows(const struct scan *scan, const struct rows_chunk *chunk, size_t from,
                      size_t to)
{
    for (uint32_t q = 0; q < scan->n_queries; q += HAM_QUERIES) {
        uint32_t left = scan->n_queries - q;
        if (!scan_group(scan, chunk, from, to, q, left < HAM_QUERIES ? left : HAM_QUERIES))
            return false;
    }
    return true;
}

/* -1 when the rule searches no bank. */
static int widest_threshold(const struct index_rule *rule)
{
    int widest = -1;
    for (uint32_t i = 0; i < rule->banks; i++)
        if (rule->threshold[i] > widest)
            widest = rule->threshold[i];
    return widest;
}

void index_search(const struct index *index, const struct pdq_hash *queries, uint32_t n,
                  const struct index_rule *rule, index_visit *visit, void *ctx)
{
    int widest = widest_threshold(rule);
    if (widest < 0)
        return;

    const struct scan scan = {.queries = queries,
                              .n_queries = n,
                              .rule = rule,
                              .radius = (unsigned)widest,
                              .visit = visit,
                              .ctx = ctx};
    size_t rows = rows_published(&index->rows);
    for (size_t row = 0; row < rows; row += SCAN_ROWS) {
        size_t count = rows - row < SCAN_ROWS ? rows - row : SCAN_ROWS;
        size_t from = row % ROWS_CHUNK;
        if (!scan_rows(&scan, rows_chunk(&index->rows, row), from, from + count))
            return;
    }
}

size_t index_count(const struct index *index)
{
    return atomic_load(&index->rows.live) - 1;
}

size_t index_memory(const struct index *index)
{
    return sizeof(*index) + atomic_load(&index->rows.memory);
}

static bool is_canary(void *ctx, const struct index_hit *hit)
{
    bool *found = ctx;
    *found = hit->entry == canary_entry && hit->distance == CANARY_DISTANCE;
    return false;
}

bool index_self_test(const struct index *index)
{
    int16_t threshold[CANARY_BANK + 1];
    for (unsigned i = 0; i < CANARY_BANK; i++)
        threshold[i] = -1;
    threshold[CANARY_BANK] = CANARY_DISTANCE;
    const struct index_rule rule = {.threshold = threshold, .banks = CANARY_BANK + 1};

    struct pdq_hash query = canary;
    for (unsigned i = 0; i < CANARY_DISTANCE; i++)
        query.w[i % 4] ^= 1ull << (i * 2);
    bool found = false;
    index_search(index, &query, 1, &rule, is_canary, &found);
    return found;
}

void index_check(const struct index *index)
{
    const char *broken = rows_broken(&index->rows);
    if (broken == NULL)
        return;
    fprintf(stderr, "index_check: %s\n", broken);
    abort();
}
