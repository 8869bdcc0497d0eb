/*
 * Text forms that several layers share: hex, base64, UTF-8, times, bounded numbers.
 * Pure functions, any thread, no allocation.
 */
#ifndef HASHING_BASE_TEXT_H
#define HASHING_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"

/* Copies s with its NUL into out; false, and an empty out, when size bytes cannot hold it. */
bool text_copy(char *out, size_t size, const char *s);

/* Writes 2*n lower-case digits and a NUL. */
void text_hex(const uint8_t *bytes, size_t n, char *out);

/* Reads exactly 2*n hex digits of either case (len characters); false when they are not that. */
bool text_unhex(const char *s, size_t len, uint8_t *out, size_t n);

/* Reads standard or URL-safe base64, padded or not, that decodes to exactly n bytes. */
bool text_unbase64(const char *s, size_t len, uint8_t *out, size_t n);

/* Whether len bytes are valid UTF-8 without NUL (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(const char *s, size_t len);

/* RFC 3339 UTC with milliseconds: "2026-01-02T03:04:05.678Z" and a NUL. */
enum { TEXT_TIME_SIZE = 25 };
void text_time(int64_t wall_ms, char out[TEXT_TIME_SIZE]);

/* Reads an RFC 3339 time ("Z" or an offset) into milliseconds since 1970. */
bool text_untime(const char *s, int64_t *ret_wall_ms);

/* A decimal number within [min, max] and nothing else. */
bool text_number(const char *s, int64_t min, int64_t max, int64_t *ret);

/* "64MiB", "1GiB", "4096" or "4096B" to bytes; "100M" (decimal) to a count.  False on overflow. */
bool text_size(const char *s, uint64_t *ret);
bool text_count(const char *s, uint64_t *ret);

/* "250ms", "30s", "5m", "12h", "30d" to milliseconds. */
bool text_duration(const char *s, int64_t *ret_ms);

/*
 * Copies len bytes into out so that a terminal or log may show them: control characters (C0, DEL,
 * C1), bidirectional overrides and invalid UTF-8 become \xNN.  Always ends with a NUL; cuts at
 * size.  Returns the length written.
 */
size_t text_printable(const char *s, size_t len, char *out, size_t size);

#endif
