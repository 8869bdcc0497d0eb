/*
 * ULIDs: 128-bit ids that sort by time (48 bits of milliseconds, 80 random bits), written as 26
 * Crockford base-32 characters.  https://github.com/ulid/spec
 */
#ifndef HASHING_BASE_ULID_H
#define HASHING_BASE_ULID_H

#include <stdbool.h>
#include <stdint.h>

enum { ULID_SIZE = 27 }; /* 26 characters and a NUL */

struct ulid {
    uint8_t b[16]; /* big-endian */
};

/* A fresh id; within one thread ids strictly grow.  Any thread; aborts if the kernel has no
 * randomness. */
struct ulid ulid_new(void);

void ulid_text(const struct ulid *id, char out[ULID_SIZE]);

/* Reads 26 characters of either case; false when it is not a ULID (over 128 bits included). */
bool ulid_parse(const char *s, struct ulid *ret);

#endif
