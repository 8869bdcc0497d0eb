/*
 * Which rows has this search looked at a moment ago?  A hash that is near is found by several
 * chunks, and fetching its row costs more than to remember it.  Forgets, never invents: a row that
 * is "seen" was.  Each thread has one for itself.
 */
#ifndef DB_SEEN_ROWS_H
#define DB_SEEN_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEEN_ROWS = 65536, SEEN_ROW_BITS = 24 };

struct seen_rows {
    uint32_t search;          /* 1..255 */
    uint32_t slot[SEEN_ROWS]; /* search << 24 | row */
};

/* The calling thread's, ready for a new search; NULL without memory: then nothing is seen. */
struct seen_rows *seen_rows_begin(void);

/* Whether the row was seen in this search; it is from now on. */
static inline bool seen_rows_add(struct seen_rows *seen, uint32_t row)
{
    uint32_t *slot = &seen->slot[row % SEEN_ROWS], wanted = seen->search << SEEN_ROW_BITS | row;
    bool was = *slot == wanted;
    *slot = wanted;
    return was;
}

#endif
