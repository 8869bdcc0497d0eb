/*
 * Files to contents: a bounded queue of what was read ahead, and threads that hash it, each with
 * the programs of the sandbox of its own.
 *
 * A file's row and its content's are put into the state together, once the content is whole.  Equal
 * contents are hashed once, also when they come at the same time.
 */
#ifndef TOOLS_SCAN_PIPELINE_H
#define TOOLS_SCAN_PIPELINE_H

#include "tools/scan/hasher.h"

enum { PIPELINE_JOBS_MAX = 256 };

/* Counted while it runs; any thread may look. */
struct pipeline_counts {
    atomic_uint_least64_t hashed; /* contents that went through the sandbox */
    atomic_uint_least64_t failed; /* files that could not be read or examined */
    atomic_uint_least64_t bytes;  /* digested */
};

struct pipeline_config {
    const struct hasher_programs *programs;
    struct state *state;
    unsigned jobs;          /* threads, at most PIPELINE_JOBS_MAX */
    enum state_trust trust; /* of contents: STATE_TRUST_GOOD hashes again what failed */
    atomic_bool *stop;      /* set by whoever ends the scan, and here when it cannot go on */
};

struct pipeline;

MUST_CHECK enum rc pipeline_new(const struct pipeline_config *config, struct pipeline **ret,
                                struct err *err);
/* Stops without finishing, when it was not finished. */
void pipeline_free(struct pipeline *pipeline);
SCOPED_DEFINE(pipeline_free, struct pipeline *)

/* A largest file: it is held in memory. */
enum { PIPELINE_FILE_MAX_GIB = 4 };

/* How an item is taken. */
struct pipeline_as {
    int64_t root;
    bool container; /* its row is one of a container */
    atomic_uint_least64_t
        *waiting; /* counts those taken with it that are not in the state; NULL:
                   * nobody asks.  Must live as long as the pipeline or until it is 0 */
};

/*
 * Reads the item and queues it, waiting for room.  What cannot be read is put into the state with
 * its reason.  RC_BUSY when the scan was stopped; RC_STORE, RC_NOMEM.  One thread: the source's.
 */
MUST_CHECK enum rc pipeline_take(struct pipeline *pipeline, const struct pipeline_as *as,
                                 struct source_item *item, struct err *err);

/* Puts an item that could not be read into the state, as pipeline_take() does: unless it is gone,
 * and such that what changed while it was read (RC_BUSY) is read again by the next scan. */
MUST_CHECK enum rc pipeline_unread(struct pipeline *pipeline, int64_t root,
                                   const struct source_item *item, const struct err *why,
                                   struct err *err);

/* Something failed that did not come here. */
void pipeline_count_failed(struct pipeline *pipeline);

/* Waits until all that was taken is in the state, or the scan is stopped. */
void pipeline_drain(struct pipeline *pipeline);

/* Drains, ends the threads, and says why they could not go on, if so.  Once. */
MUST_CHECK enum rc pipeline_finish(struct pipeline *pipeline, struct err *err);

const struct pipeline_counts *pipeline_counts(const struct pipeline *pipeline);

#endif
