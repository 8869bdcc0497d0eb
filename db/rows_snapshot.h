/* Rows to and from a snapshot: the live ones, column by column. */
#ifndef DB_ROWS_SNAPSHOT_H
#define DB_ROWS_SNAPSHOT_H

#include "db/rows.h"
#include "db/snapshot.h"

/* The sections' tags; tag NULL: the owner makes its tags anew. */
struct rows_tags {
    const char *value, *entry, *generation, *bank, *tag;
};

struct rows_frozen {
    const struct rows *rows;
    size_t n, live; /* rows that are looked at, those of them that are written */
    uint64_t *dead; /* bitmap, owned */
};

/* Writer.  RC_NOMEM. */
MUST_CHECK enum rc rows_freeze(const struct rows *rows, struct rows_frozen *ret, struct err *err);

/* Leaves out a live row. */
void rows_frozen_drop(struct rows_frozen *frozen, size_t row);

/* Any thread, while the rows live. */
MUST_CHECK enum rc rows_frozen_write(const struct rows_frozen *frozen, const struct rows_tags *tags,
                                     struct snapshot_out *out, struct err *err);
void rows_frozen_clear(struct rows_frozen *frozen);

/*
 * Fills zeroed rows and publishes them, all tags 0 if the snapshot holds none.  RC_STORE when a
 * bank or an entry is out of range.  After a failure they are only good for rows_clear().
 */
MUST_CHECK enum rc rows_restore(struct rows *rows, const struct rows_tags *tags,
                                struct snapshot_in *in, struct err *err);

#endif
