/*
 * What the fuzz targets share.  A target does not only look for memory faults: it also aborts when
 * a promise of the header that it fuzzes does not hold.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "hashing/base/text.h"

/* libFuzzer, or driver.c, calls it for each input, which lies in a block of exactly its size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(promise) ((promise) ? (void)0 : broken(#promise, HERE))

static inline void broken(const char *promise, const char *at)
{
    fprintf(stderr, "%s: broken: %s\n", at, promise);
    abort();
}

/* The input as a C string in a block of its own size; a NUL within ends it. */
static inline char *text_of(struct bytes in)
{
    size_t n = in.n == 0 ? 0 : strnlen((const char *)in.p, in.n);
    char *text = malloc(n + 1);
    MUST(text != NULL);
    if (n > 0)
        memcpy(text, in.p, n);
    text[n] = '\0';
    return text;
}

/* A refusal is of the expected kind, and says why without a control character. */
static inline void must_refuse(enum rc rc, enum rc expected, const struct err *err)
{
    MUST(rc == expected && err->rc == rc && err->msg[0] != '\0');
    for (const char *c = err->msg; *c != '\0'; c++)
        MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
}

#endif
