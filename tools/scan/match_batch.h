/* One request to /v1/match in the making, and the contents that its answer speaks of. */
#ifndef TOOLS_SCAN_MATCH_BATCH_H
#define TOOLS_SCAN_MATCH_BATCH_H

#include <stdio.h>
#include <sys/queue.h>

#include <jansson.h>

#include "hashing/pdq.h"
#include "tools/scan/state.h"

enum { MATCH_SIGNALS_MAX = 10000 };

/* A content whose media are asked, perhaps in several requests. */
struct asking {
    STAILQ_ENTRY(asking) next;
    int64_t content, generation; /* of the oldest answer; -1: none yet */
    bool replace;                /* its hits take the place of those of before */
    bool whole;                  /* no more media of it come */
    unsigned waiting;            /* media that are not answered */
    json_t *hits;                /* array of the answers' matches, with "orientation" set */
};
STAILQ_HEAD(askings, asking);

struct batch {
    FILE *out; /* NULL: empty; else the request's text so far, in `text` */
    char *text;
    size_t length;
    int64_t since; /* of the request; -1: none */
    size_t signals, media;
    struct {
        struct asking *asking;
        enum orientation orientation;
    } medium[MATCH_SIGNALS_MAX];
};

/* The part of a content that one medium of a request is made of. */
struct batch_part {
    struct asking *asking;
    const struct state_asked *asked;
    enum orientation orientation;
    size_t from, to; /* frames' usable looks, counted from 0 */
    bool digest;     /* the file's digest, too */
};

/* How many looks of its frames can be asked for. RC_STORE when the signals are none. */
MUST_CHECK enum rc batch_count(const struct state_asked *asked, size_t *ret, struct err *err);

/* Whether as many signals more have room. */
static inline bool batch_has_room(const struct batch *b, size_t signals)
{
    return b->signals + signals <= MATCH_SIGNALS_MAX;
}

MUST_CHECK enum rc batch_add(struct batch *b, const struct batch_part *part, struct err *err);

/* Ends the text, whose owner is still the batch. */
MUST_CHECK enum rc batch_end(struct batch *b, struct err *err);

/* Gives each medium's matches to its asking.  RC_INPUT when the answer is not one to this. */
MUST_CHECK enum rc batch_take(struct batch *b, const json_t *answer, struct err *err);

void batch_clear(struct batch *b);

/* Puts the hits of one whose media are all answered into the state, and frees it. */
MUST_CHECK enum rc asking_put(struct asking *asking, struct state *state, struct err *err);
void asking_free(struct asking *asking);

#endif
