/*
 * What a scan knows of an archive, kept between scans: each file with its identity, each content
 * once with its signals and outcome, what they matched, and what was done about it.
 *
 * Nothing here says how it is stored; today it is an SQLite file (tools/scan/state_*.c).  What was
 * put is durable once state_settle() has returned: a killed scan loses what came after, whole
 * calls of it, and counts nothing twice.  One scan at a time has a state.
 *
 * Any thread may call anything: each call takes the state's one lock for as long as a row or two
 * need.  A failure is RC_STORE with the state's name, or RC_NOMEM.
 */
#ifndef TOOLS_SCAN_STATE_H
#define TOOLS_SCAN_STATE_H

#include <stdbool.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "tools/scan/source.h"

struct state;

/*
 * Opens the state, and makes it (mode 0600, with its folders) when it is not there.  RC_CONFLICT
 * when another scan has it; RC_STORE when it is another program's, damaged, or of a newer version.
 */
MUST_CHECK enum rc state_open(const char *path, struct state **ret, struct err *err);
/* Settles and closes. */
void state_free(struct state *state);
SCOPED_DEFINE(state_free, struct state *)

/* Makes durable what was put, if it is much or old; `now`: whatever it is. */
MUST_CHECK enum rc state_settle(struct state *state, bool now, struct err *err);

/* --- one scan --- */

struct state_shard {
    uint32_t i, n; /* 1 of 1: no shards */
};

/* Begins a scan of this shard.  RC_CONFLICT when the state is of another one. */
MUST_CHECK enum rc state_run_begin(struct state *state, struct state_shard shard, struct err *err);

/* The number of a root that this scan goes through. */
MUST_CHECK enum rc state_root(struct state *state, struct bytes name, int64_t *ret,
                              struct err *err);

/* A root of this scan that cannot be looked at: what is known of it is not gone for that.  Puts
 * nothing when nothing is. */
MUST_CHECK enum rc state_root_kept(struct state *state, struct bytes name, struct err *err);

/* The root was gone through to its end. */
MUST_CHECK enum rc state_root_done(struct state *state, int64_t root, struct err *err);

/* Once all that was met is in the state: what was not seen, of the roots that were gone through,
 * is gone.  *ret: how many files. */
MUST_CHECK enum rc state_drop_gone(struct state *state, uint64_t *ret, struct err *err);

/* --- files --- */

enum state_outcome {
    STATE_HASHED,
    STATE_OTHER, /* neither a picture nor a video, or one of sound only; matched by its digest */
    STATE_FAILED /* could not be read, or not be examined whole: the reason says why */
};

enum state_trust {
    STATE_TRUST,      /* identity says whether a file is known */
    STATE_TRUST_GOOD, /* but one that failed is tried again */
    STATE_TRUST_NONE  /* only its content says that */
};

enum state_known {
    STATE_KNOWN, /* as it was; it counts as seen now, and so do the members of a container */
    STATE_MOVED, /* a new name of what is known: a link, or moved */
    STATE_NEW    /* must be read */
};

/* Whether an item of the root must be read. */
MUST_CHECK enum rc state_see(struct state *state, int64_t root, const struct source_item *item,
                             enum state_trust trust, enum state_known *ret, struct err *err);

struct state_file {
    struct bytes name;
    int64_t root;
    const struct source_identity *identity; /* NULL: none, so that it is tried in every scan */
    int64_t content;                        /* 0: was not read, for this reason: */
    const char *reason;
    bool member;    /* of a container: a file of the same name is another one */
    bool container; /* and is read again until state_container_done() */
};
MUST_CHECK enum rc state_put_file(struct state *state, const struct state_file *file,
                                  struct err *err);

/* What lies under this folder or container could not be looked at, and is not gone for that. */
MUST_CHECK enum rc state_keep_under(struct state *state, int64_t root, struct bytes name,
                                    struct err *err);

/*
 * A container whose members are all in the state, or told as trouble: they are known with it from
 * now on.  reason: why it could not be gone through to its end, "" if it was; again: then the next
 * scan tries it again by itself.
 */
MUST_CHECK enum rc state_container_done(struct state *state, struct bytes name, const char *reason,
                                        bool again, struct err *err);

/* --- contents --- */

struct state_content {
    uint8_t sha256[32];
    uint64_t bytes;
    enum state_outcome outcome;
    const char *reason; /* "" when hashed */
    const char *type;   /* "image/jpeg"; "" when not hashed */
    uint32_t width, height, frames;
    int64_t duration_ms;
    struct bytes signals; /* as signals_pack() gives them */
};

/* *ret: the number of the content with these bytes; 0: not known, or failed and trust says to try
 * again. */
MUST_CHECK enum rc state_content_find(struct state *state, const uint8_t sha256[32],
                                      enum state_trust trust, int64_t *ret, struct err *err);

/* Of what is known already only the outcome is renewed. */
MUST_CHECK enum rc state_put_content(struct state *state, const struct state_content *content,
                                     int64_t *ret, struct err *err);

/* --- matching --- */

/* What is asked for one content.  Owned: state_asked_clear(). */
struct state_asked {
    int64_t content;
    int64_t generation; /* that answered last; -1: none has */
    bool hits;          /* it matched something then */
    uint8_t sha256[32];
    struct bytes signals;
};
void state_asked_clear(struct state_asked *asked);
static inline void state_asked_clear_scoped(struct state_asked *asked)
{
    state_asked_clear(asked);
}

/* The next contents after number `after`, in their order; unmatched: of those that no generation
 * has answered.  At most max, and fewer when they are large; *ret_n is 0 behind the last. */
MUST_CHECK enum rc state_next_asked(struct state *state, int64_t after, bool unmatched,
                                    struct state_asked *ret, size_t max, size_t *ret_n,
                                    struct err *err);

/* One entry that a content matched.  Texts are borrowed. */
struct state_hit {
    const char *orientation, *bank, *action, *entry, *type; /* entry "": not told */
    int64_t distance, threshold, ms, entry_ms;              /* -1: none, or not told */
    const char *labels;                                     /* separated by spaces */
};

/* replace: these are all; else these are new and the others stay. */
MUST_CHECK enum rc state_put_hits(struct state *state, int64_t content, int64_t generation,
                                  bool replace, const struct state_hit *hits, size_t n,
                                  struct err *err);

/* All contents after number `after` up to `last` were answered by this generation; what they
 * matched is in the state. */
MUST_CHECK enum rc state_put_answered(struct state *state, int64_t after, int64_t last,
                                      int64_t generation, struct err *err);

/*
 * How far a rematch has come: content numbers up to *ret_after are done.  A rematch that was
 * stopped goes on when it asks for the same `since`; done: it begins anew the next time.
 */
MUST_CHECK enum rc state_rematch_begin(struct state *state, int64_t since, int64_t *ret_after,
                                       struct err *err);
MUST_CHECK enum rc state_rematch_at(struct state *state, int64_t after, bool done, struct err *err);

/* --- acts: what was done about files that matched --- */

/* A file that matched a bank which asks for more than to observe.  Owned: state_due_clear(). */
struct state_due {
    char *name; /* with a zero behind it */
    size_t name_n;
    struct source_identity identity; /* as it was read */
    bool member;                     /* of a container, whose identity it has */
    uint8_t sha256[32];
};
void state_due_clear(struct state_due *due);
static inline void state_due_clear_scoped(struct state_due *due)
{
    state_due_clear(due);
}

/* The first one behind `after` (zeroed: the first of all) with which this was not done yet, of all
 * that the state holds or of this scan's roots; *ret_found is false behind the last. */
MUST_CHECK enum rc state_next_due(struct state *state, bool everything, const char *act,
                                  const struct state_due *after, struct state_due *ret,
                                  bool *ret_found, struct err *err);

/* Records, durably: outcome "" before it is done, so that a kill leaves a trace; then how it went.
 * done: it need not be done again. */
MUST_CHECK enum rc state_put_act(struct state *state, const struct state_due *due, const char *act,
                                 const char *outcome, bool done, struct err *err);

/* --- telling --- */

struct state_totals {
    uint64_t files, hashed, other, failed, matched; /* files */
    uint64_t contents, unmatched, bytes;            /* contents; bytes of all files */
    int64_t generation_min, generation_max;         /* that answered; -1: none */
};

/* Of the roots of this scan, or of everything that the state holds. */
MUST_CHECK enum rc state_totals(struct state *state, bool everything, struct state_totals *ret,
                                struct err *err);

/* What was done about a file.  Borrowed. */
struct state_act {
    struct bytes name;
    const uint8_t *sha256; /* of what it was then */
    const char *act;       /* as it was asked for */
    const char *outcome;   /* "": it was begun, and nobody knows */
    int64_t at_ms;
    bool done;
    bool gone; /* no such file is known any more; only told by state_each_act() */
};
typedef enum rc state_tell_act(void *ctx, const struct state_act *act, struct err *err);

/* All that the state holds, of whatever root, in the order of names.  `tell` may not call the
 * state. */
MUST_CHECK enum rc state_each_act(struct state *state, state_tell_act *tell, void *ctx,
                                  struct err *err);

/* A file as it is told; borrowed for the call.  hit NULL: it matched nothing. */
struct state_told {
    struct bytes name;
    bool member; /* of a container */
    enum state_outcome outcome;
    const char *reason, *type;
    const uint8_t *sha256; /* NULL: was not read */
    uint64_t bytes;
    uint32_t width, height, frames;
    int64_t duration_ms, generation;
    const struct state_hit *hit;
    const struct state_act *act; /* n_acts that were done about it */
    size_t n_acts;
};
enum state_which {
    STATE_ALL,
    STATE_MATCHED,
    STATE_UNREAD, /* each once, whatever its digest matched */
    STATE_NOTABLE /* matched or not read */
};
typedef enum rc state_tell(void *ctx, const struct state_told *told, struct err *err);

/*
 * Each file in the order of its name's bytes, once for each of its hits; hits in the order of bank,
 * entry, orientation, times.  `tell` may not call the state.
 */
MUST_CHECK enum rc state_each(struct state *state, bool everything, enum state_which which,
                              state_tell *tell, void *ctx, struct err *err);

/* The roots of this scan, or all, by their names; "-" is a list of names. */
struct state_root_told {
    struct bytes name;
    bool whole; /* gone through to its end, when it was last */
};
typedef enum rc state_tell_root(void *ctx, const struct state_root_told *root, struct err *err);
MUST_CHECK enum rc state_each_root(struct state *state, bool everything, state_tell_root *tell,
                                   void *ctx, struct err *err);

/* What was found, by bank and labels, in their order. */
struct state_group {
    const char *bank, *action, *labels;
    uint64_t files;
};
typedef enum rc state_tell_group(void *ctx, const struct state_group *group, struct err *err);
MUST_CHECK enum rc state_each_group(struct state *state, bool everything, state_tell_group *tell,
                                    void *ctx, struct err *err);

/* --- many states --- */

/* Adds all that the state file at path knows.  Of a content that both have, the state tells that
 * hashed it; if both did, the one with the newer answer, hits and all.  RC_CONFLICT, RC_STORE as
 * state_open(); else what state_merge_check() says. */
MUST_CHECK enum rc state_merge(struct state *state, const char *path, struct err *err);
/* RC_SYS when path is not there; RC_INPUT when it is the file `into` itself, by whatever name. */
MUST_CHECK enum rc state_merge_check(const char *into, const char *path, struct err *err);

#endif
