/* Where the programs of the sandbox are, seen from the program that starts them. */
#ifndef HASHING_WORKER_FIND_H
#define HASHING_WORKER_FIND_H

#include <stddef.h>

#include "hashing/base/err.h"

/*
 * The path of the program of this name: beside the running one, or in ../libexec/hashgate.
 * RC_INPUT, saying where it was looked for, when it is in neither or ret cannot hold it.
 */
MUST_CHECK enum rc worker_find(const char *name, char *ret, size_t size, struct err *err);

#endif
