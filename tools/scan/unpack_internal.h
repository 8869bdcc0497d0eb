/*
 * Shared by unpack.c (what the members are) and unpack_level.c (the process behind each archive
 * that is open, and its budgets).
 */
#ifndef TOOLS_SCAN_UNPACK_INTERNAL_H
#define TOOLS_SCAN_UNPACK_INTERNAL_H

#include "hashing/sandbox/child.h"
#include "tools/scan/unpack.h"

enum { UNPACK_NAME_EXTRA = 32 /* what makes it unique, and the '!' */ };

/* One archive that is open: the outermost, or a member of the one before. */
struct level {
    struct child child;
    struct unpack_reader reader;
    uint64_t size;    /* of the archive */
    uint64_t bytes;   /* of files that came out of it */
    int memfd;        /* the archive's, when it is a member; -1: the caller has it */
    bool given;       /* and was given to the caller as a file, too */
    size_t prefix;    /* of the name: what its members' names begin with */
    int64_t mtime_ns; /* as a member */
};

/* 64-bit hashes of names: what is in it, and now and then something else, was seen. */
struct name_set {
    uint64_t *slot; /* 0: free */
    size_t n, room; /* room: a power of two */
};

struct unpack {
    const struct unpack_config *config;
    struct level level[UNPACK_DEPTH_MAX];
    unsigned depth; /* levels that are open */
    uint64_t members, total;
    int64_t cpu_left_ns, wall_left_ns;
    int64_t deadline; /* of this call, clock_mono_ns() */
    int memfd;        /* of the file that is being received */
    bool enter;       /* the member that was given last is an archive, too: go into it now */
    struct name_set seen;
    struct unpack_member member;
    size_t name_length;
    char name[UNPACK_DEPTH_MAX * (UNPACK_NAME_MAX + UNPACK_NAME_EXTRA)];
    uint8_t message[UNPACK_MESSAGE_MAX];
};

static inline struct level *unpack_top(struct unpack *u)
{
    return &u->level[u->depth - 1];
}

/* Opens one more level: starts its unpacker and sends it size bytes of fd. */
MUST_CHECK enum rc level_enter(struct unpack *u, int fd, uint64_t size, struct err *err);

/* Ends the innermost level and its unpacker; closes what belongs to it. */
void level_leave(struct unpack *u);

/* The next message of the innermost unpacker, checked; a failure leaves the level as it is. */
MUST_CHECK enum rc level_listen(struct unpack *u, struct unpack_head *ret, struct bytes *ret_rest,
                                struct err *err);

/* Counts bytes more that came out of the innermost archive. */
MUST_CHECK enum rc level_count(struct unpack *u, uint64_t bytes, struct err *err);

/* Whether an error of a nested archive ends the outermost one, too: budgets that they share. */
bool level_all_over(const struct unpack *u, enum rc rc);

/* False when the hash was there before; RC_NOMEM. */
MUST_CHECK enum rc name_set_add(struct name_set *set, struct bytes name, bool *ret_new,
                                struct err *err);

#endif
