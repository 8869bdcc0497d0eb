/*
 * Which of many 16-bit signatures are near one?  The inner loop of the index's segments.
 *
 * The kernel is chosen once by sift_self_test() among plain, AVX2, AVX-512 (BITALG) and NEON, each
 * in its own file with its own compiler flags.  Any thread after that.
 */
#ifndef HASHING_SIFT_H
#define HASHING_SIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Readable, though not looked at, behind the last signature. */
enum { SIFT_PAD = 32 };

/*
 * Writes the positions, ascending, of those among signature[0..n) that differ from `from` in at
 * most `limit` bits, and returns how many; near has room for n.  SIFT_PAD signatures behind the
 * last one may be read.
 */
size_t sift_near(const uint16_t *signature, size_t n, uint16_t from, unsigned limit,
                 uint32_t *near);

/* As ham_self_test() and ham_use(). */
const char *sift_self_test(const char **ret_disagreed);
bool sift_use(const char *kernel);

#endif
