#include "db/tail.h"

#include <stdlib.h>

#include "hashing/ham.h"

enum { SCAN_HITS = 512 };

struct tail *tail_new(void)
{
    struct tail *tail = calloc(1, sizeof(*tail));
    if (tail != NULL)
        tail->least = UINT32_MAX;
    return tail;
}

void tail_append(struct tail *tail, const struct pdq_hash *hash, const struct slot_item *item)
{
    tail->hash[tail->filled] = *hash;
    tail->item[tail->filled] = *item;
    tail->filled++;
    if (item->entry < tail->least)
        tail->least = item->entry;
    if (item->entry > tail->most)
        tail->most = item->entry;
}

size_t tail_remove(struct tail *tail, uint32_t entry)
{
    size_t removed = 0;
    if (entry < tail->least || entry > tail->most)
        return 0;
    for (size_t row = 0; row < tail->filled; row++) {
        if (tail->item[row].entry != entry)
            continue;
        uint64_t bit = 1ull << (row % 64);
        uint64_t before =
            atomic_fetch_or_explicit(&tail->dead[row / 64], bit, memory_order_release);
        removed += (before & bit) == 0;
    }
    return removed;
}

static void scan_group(const struct tail *tail, size_t rows, struct index_asking *asking,
                       uint32_t first, unsigned n)
{
    struct ham_hit hits[SCAN_HITS];
    for (size_t from = 0; from < rows;) {
        size_t found = 0;
        size_t examined = ham_scan(&tail->hash[from], rows - from, &asking->queries[first], n,
                                   asking->radius, hits, SCAN_HITS, &found);
        for (size_t i = 0; i < found; i++) {
            size_t row = from + hits[i].row;
            if (!tail_dead(tail, row))
                asking_tell(asking, first + hits[i].query, &tail->item[row], hits[i].distance);
        }
        from += examined;
    }
}

void tail_search(const struct tail *tail, size_t n, struct index_asking *asking)
{
    for (uint32_t q = 0; q < asking->n; q += HAM_QUERIES) {
        uint32_t left = asking->n - q;
        scan_group(tail, n, asking, q, left < HAM_QUERIES ? left : HAM_QUERIES);
    }
}
