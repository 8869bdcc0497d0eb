/*
 * A file of sections that is either whole or refused: the block-list as it was at one generation,
 * so that a start need not read it from the store (db/blocklist_snapshot.h says what is in it).
 *
 * A file is written beside its final name and takes that name when all of it is on disk: a kill at
 * any moment leaves the old file or the new one.  The header and each section carry a checksum
 * (XXH3, 64 bits) against accidents; it stops nobody who may write the file, so a reader also
 * checks every number that it is going to follow.  Numbers are in the machine's byte order: a file
 * is only ever read by the machine that wrote it.
 *
 * RC_NOTFOUND when there is no file; RC_STORE, with the reason, for a file that is not believed;
 * RC_SYS when the system failed; RC_BUSY when it may work later.  One thread at a time uses one
 * struct; none of them is shared.
 */
#ifndef DB_SNAPSHOT_H
#define DB_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

enum { SNAPSHOT_TAG = 8 };

/* What the whole file is of. */
struct snapshot_head {
    uint64_t generation;     /* >= 1 */
    uint64_t audit_seq;      /* the last audit row of the store it was made from, >= 1 */
    uint8_t audit_chain[32]; /* and that row's chain value: see struct store_mark */
    int64_t made_ms;         /* wall clock */
};

/* --- writing --- */

struct snapshot_out;

/*
 * Begins a file that will be `path`.  cancel (may be NULL) is looked at now and then: once it is
 * true, the next call fails with RC_BUSY; it must outlive the struct.  RC_BUSY also when another
 * process writes the same file.
 */
MUST_CHECK enum rc snapshot_create(const char *path, const struct snapshot_head *head,
                                   const atomic_bool *cancel, struct snapshot_out **ret,
                                   struct err *err);

/* Begins a section of exactly `length` bytes, which snapshot_put() then gives piece by piece.  The
 * tag has up to SNAPSHOT_TAG characters.  Sections are read in the order of writing. */
MUST_CHECK enum rc snapshot_section(struct snapshot_out *out, const char *tag, uint64_t length,
                                    struct err *err);
MUST_CHECK enum rc snapshot_put(struct snapshot_out *out, const void *p, size_t n, struct err *err);

/* Makes it durable and gives it its name; *ret_bytes (may be NULL) is its size. */
MUST_CHECK enum rc snapshot_commit(struct snapshot_out *out, uint64_t *ret_bytes, struct err *err);

/* Without a commit nothing is left of the file. */
void snapshot_out_free(struct snapshot_out *out);
SCOPED_DEFINE(snapshot_out_free, struct snapshot_out *)

/* --- reading --- */

struct snapshot_in;

/* Opens it and checks header and size. */
MUST_CHECK enum rc snapshot_open(const char *path, struct snapshot_head *ret_head,
                                 struct snapshot_in **ret, struct err *err);

/*
 * Goes to the next section, which must have this tag; what was before it must have been taken
 * whole.  *ret_length is not more than the file holds, so it may be allocated.
 */
MUST_CHECK enum rc snapshot_next(struct snapshot_in *in, const char *tag, uint64_t *ret_length,
                                 struct err *err);

/*
 * The section's next n bytes, straight into the caller's memory; large pieces are quickest.  With
 * the last one the checksum is verified: until then what was taken may be anything, so follow no
 * number of it without a check of its own, and believe none of it after a failure.
 */
MUST_CHECK enum rc snapshot_take(struct snapshot_in *in, void *p, size_t n, struct err *err);

/* That nothing follows. */
MUST_CHECK enum rc snapshot_end(struct snapshot_in *in, struct err *err);
void snapshot_close(struct snapshot_in *in);
SCOPED_DEFINE(snapshot_close, struct snapshot_in *)

#endif
