/*
 * What a scan reads from: a tree of files, a list of names, the members of an archive, a bucket.
 *
 * A source visits item after item and gives the bytes of those that are asked for.  It never
 * decodes, never matches and keeps no notes between scans: whether an item is new is for the
 * visitor to say, by its name and identity, so that nothing unchanged is opened again.
 */
#ifndef TOOLS_SCAN_SOURCE_H
#define TOOLS_SCAN_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

/*
 * By what an item is known again.  Two items of one device and inode (device not 0) with equal
 * size and mtime are one file under two names, or a file that was moved.
 *
 * A member of a container has the container's identity, whole, so that the members of an archive
 * that did not change are known without opening it; their names tell them apart.
 */
struct source_identity {
    uint64_t size;          /* bytes; of a member: of its container */
    int64_t mtime_ns;       /* since 1970; 0: unknown */
    uint64_t device, inode; /* 0: the source has no such thing */
    char etag[72];          /* of an object in a bucket, NUL-terminated; "": none */
};

/*
 * One thing that may be a medium.  Borrowed for the length of the call that it is given to.
 *
 * The name is raw bytes, of any value but 0, at most SOURCE_NAME_MAX of them: "/srv/a.jpg",
 * "s3://bucket/a.jpg", "/srv/outer.zip!inner/a.jpg".  Whoever shows it escapes it.
 */
enum { SOURCE_NAME_MAX = 16384 };

struct source_item {
    struct bytes name;
    struct bytes under; /* the part of the name that does not depend on where the root is mounted:
                         * by its hash shards are told apart.  Within `name`; of a member: its
                         * container's, so that a container belongs to one shard as a whole */
    struct source_identity identity;
    bool member; /* of a container */
    /*
     * Gives the bytes: a memfd sealed against write, grow and shrink (the caller's to close) and
     * its length.  RC_TOO_LARGE over max bytes; RC_NOTFOUND when it is gone, RC_BUSY when it
     * changed while it was read; RC_SYS; RC_LIMIT.  At most once, within the visit, on the
     * visit's thread.  May write the identity anew, as it is of the bytes that were read.
     */
    enum rc (*load)(struct source_item *item, uint64_t max, int *ret_memfd, uint64_t *ret_length,
                    struct err *err);
    /*
     * Gives a descriptor of what it is, for reading only: borrowed until the visit ends.  Fails as
     * load does, which may still be called after it.  NULL: the source has none.
     */
    enum rc (*open)(struct source_item *item, int *ret_fd, struct err *err);
    void *ctx; /* the source's own, for load and open */
};

/* What is done with what a source meets.  All on the thread that runs the source. */
struct source_visitor {
    void *ctx;
    /* A failure ends the source, which returns it: it is the scan's (its state, a stop), never the
     * item's. */
    enum rc (*item)(void *ctx, struct source_item *item, struct err *err);
    /*
     * Whether `item` would load this one if it were met now: a source that is slow to answer asks
     * it of what comes next, and reads ahead.  NULL: nothing is read ahead.
     */
    enum rc (*wanted)(void *ctx, struct source_item *item, bool *ret, struct err *err);
    /*
     * Something could not be looked at: a folder, a list's line, an archive, a page of a bucket;
     * `why` says what failed.  The source goes on with the rest.  What lies under that name is not
     * to be taken for deleted.  identity: NULL where there is none.
     */
    enum rc (*trouble)(void *ctx, struct bytes name, const struct source_identity *identity,
                       const struct err *why, struct err *err);
    const atomic_bool *stop; /* looked at between items: then RC_BUSY */
};

/*
 * Visits everything of one source to its end.  RC_OK also when parts of it were told as trouble;
 * RC_BUSY when it was stopped; else what a visitor's call returned, or why the root itself cannot
 * be looked at.
 */
typedef enum rc source_run(void *source, const struct source_visitor *visitor, struct err *err);

#endif
