/*
 * A JPEG as a camera would make it, of any size and always the same: smooth shading, texture of
 * every scale, the noise of a sensor; quality 85, 4:2:0, about the bytes of a real photograph.
 */
#ifndef TESTS_BENCH_MADE_JPEG_H
#define TESTS_BENCH_MADE_JPEG_H

#include "hashing/base/bytes.h"

/* Freed by the caller. */
struct bytes made_jpeg(uint32_t width, uint32_t height);

#endif
