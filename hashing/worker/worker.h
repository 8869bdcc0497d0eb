/*
 * What the worker programs have in common: the sandbox, the channel, one medium at a time.
 */
#ifndef HASHING_WORKER_WORKER_H
#define HASHING_WORKER_WORKER_H

#include "hashing/decode/decode.h"

/* What one program decodes, and how it gets ready before its sandbox closes. */
struct worker_kind {
    const struct decoder *const *decoders;
    void (*warm_up)(void);
    int nice; /* how much it stands back: decoding a clip must not keep a picture waiting */
};

/* The program's main(): returns only when it was not started as a worker. */
int worker_main(int argc, char **argv, const struct worker_kind *kind);

#endif
