/*
 * From a medium's bytes to its signals, in the sandbox: what one thread of a scan decodes with.
 *
 * A picture program looks first, and what it says is a clip goes to a video program, which is
 * started when it is first needed.  Both die with the thread that made the hasher, which alone may
 * use it.
 */
#ifndef TOOLS_SCAN_HASHER_H
#define TOOLS_SCAN_HASHER_H

#include <stdatomic.h>

#include "hashing/worker_host.h"
#include "tools/scan/state.h"

/* Which programs, with which limits: made once, borrowed by all hashers. */
struct hasher_programs {
    struct worker_config picture, clip;
    char picture_path[4096], clip_path[4096];
};
MUST_CHECK enum rc hasher_programs_find(struct hasher_programs *ret, struct err *err);

struct hasher;

/* stop: looked at while a medium is decoded. */
MUST_CHECK enum rc hasher_new(const struct hasher_programs *programs, const atomic_bool *stop,
                              struct hasher **ret, struct err *err);
void hasher_free(struct hasher *hasher);
SCOPED_DEFINE(hasher_free, struct hasher *)

/* sha256 of a sealed memfd. */
MUST_CHECK enum rc hasher_digest(int memfd, uint64_t length, uint8_t ret[32], struct err *err);

/*
 * Decodes a sealed memfd.  RC_OK also for what cannot be decoded: ret->outcome and ret->reason say
 * it, and ret->signals has what could be seen.  All but sha256 is filled; what it points to is the
 * hasher's, until the next call.  RC_BUSY when stopped; RC_SYS when no program can be started.
 */
MUST_CHECK enum rc hasher_run(struct hasher *hasher, int memfd, uint64_t length,
                              struct state_content *ret, struct err *err);

#endif
