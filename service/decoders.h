/*
 * The sandboxed workers that one crew thread owns: one for pictures, and in the video crew another
 * for clips, which is large.
 */
#ifndef SERVICE_DECODERS_H
#define SERVICE_DECODERS_H

#include <stdbool.h>

#include "hashing/worker_host.h"
#include "service/config.h"
#include "service/request.h"

enum { WORKERS_MAX = 256 };

/* Not changed between decoders_start() and decoders_clear(), so that any thread may read it. */
struct decoders {
    struct worker_host *picture;
    struct worker_host *clip; /* NULL outside of the video crew */
};

/* Where the programs are, and their limits. */
struct decoder_programs {
    char picture_path[4096], clip_path[4096];
    struct worker_config picture, clip;
};

/* Finds both programs beside this one or where the configuration says; RC_INPUT when one lacks. */
MUST_CHECK enum rc decoder_programs_find(const struct config *config, struct decoder_programs *ret,
                                         struct err *err);

/* Starts the worker for pictures, and with clips the one for those.  Cleared also after a failure.
 */
MUST_CHECK enum rc decoders_start(struct decoders *d, const struct decoder_programs *programs,
                                  bool clips, struct err *err);

/* Replaces what died while it was not needed; a failure is logged, and shows at the next job. */
void decoders_upkeep(struct decoders *d);

void decoders_clear(struct decoders *d);

#endif
