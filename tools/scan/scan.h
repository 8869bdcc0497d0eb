/*
 * A scan: sources through the state and the pipeline, and what comes out of it to the service.
 *
 * Four kinds of threads: the caller's walks and reads ahead; --jobs threads hash; one asks the
 * service; one tells the progress and makes the state durable every second.
 */
#ifndef TOOLS_SCAN_SCAN_H
#define TOOLS_SCAN_SCAN_H

#include <stdio.h>

#include "tools/scan/intake.h"
#include "tools/scan/match.h"
#include "tools/scan/walk.h"

struct scan_options {
    char *const *paths; /* n_paths roots: files, folders, s3://BUCKET/PREFIX */
    int n_paths;
    FILE *list; /* names of more, each ended by list_end; NULL: none */
    int list_end;
    struct walk_options walk;
    struct unpack_limits archives;
    struct state_shard shard;
    unsigned jobs;
    bool checksum, retry_errors;
    const struct offline *offline; /* NULL: the service is asked */
    uint64_t max_rate;
    const char *state_path; /* absolute: not looked at when it lies in the tree */
    bool progress;          /* a line on standard error */
};

/* What a scan did, beside what the state now holds. */
struct scan_done {
    uint64_t seen, hashed, gone; /* files met; contents hashed; files that are no more */
    uint64_t unopened;           /* paths that could not be looked at */
    int64_t took_ms;
    bool stopped; /* by *stop: scan again to go on */
};

/*
 * Goes through all roots.  One that cannot be looked at is told on standard error and counted, and
 * what the state knows of it stays (tools/scan/roots.h).  RC_STORE, RC_NOMEM, RC_SYS when it cannot
 * go on; what the service says when it will not answer.  What was done until then is in the state.
 */
MUST_CHECK enum rc scan_run(const struct scan_options *options, struct client *client,
                            struct state *state, atomic_bool *stop, struct scan_done *ret,
                            struct err *err);

/* Asks for all contents of the state again; opens no file (tools/scan/match.h: match_again()). */
MUST_CHECK enum rc scan_rematch(const struct scan_options *options, int64_t since,
                                struct client *client, struct state *state, atomic_bool *stop,
                                struct scan_done *ret, struct err *err);

#endif
