/*
 * What a scan does with each thing that its sources meet: known ones count as seen, new files go to
 * the pipeline, archives are gone into.
 *
 * An archive is known again, with all its members, once every one of them is in the state: one that
 * was cut off by a kill is opened again, and what is known of its members is not hashed again.  Of
 * an archive itself the digest is taken, for lists hold those, too; it may be larger than memory.
 *
 * One thread: the sources'.
 */
#ifndef TOOLS_SCAN_INTAKE_H
#define TOOLS_SCAN_INTAKE_H

#include <sys/queue.h>

#include "tools/scan/pipeline.h"
#include "tools/scan/unpack.h"

struct intake_config {
    struct state *state;
    struct pipeline *pipeline;
    struct state_shard shard;
    enum state_trust trust;
    const char *skip; /* absolute: neither this file nor those that SQLite keeps beside it */
    struct unpack_config unpack;
    atomic_uint_least64_t *walked; /* counts files met, members of archives left out */
    atomic_uint_least64_t *seen;   /* counts both */
    const atomic_bool *stop;
};

/* A container whose members are not all in the state. */
struct intake_container;

/* Zeroed but for config it is empty. */
struct intake {
    struct intake_config config;
    int64_t root; /* in hand */
    struct intake_container *visited;
    LIST_HEAD(, intake_container) containers;
};
void intake_clear(struct intake *intake); /* after the pipeline is finished */
static inline void intake_clear_scoped(struct intake *intake)
{
    intake_clear(intake);
}

/* What the sources of this root are run with; valid as long as the intake. */
struct source_visitor intake_visitor(struct intake *intake, int64_t root);

/* Waits until all that was taken in is in the state.  RC_BUSY when stopped. */
MUST_CHECK enum rc intake_drain(struct intake *intake, struct err *err);

/* Whether the name under a root belongs to the shard: the same on every machine. */
bool intake_in_shard(struct bytes under, struct state_shard shard);

#endif
