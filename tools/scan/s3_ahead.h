/*
 * Objects of one page of a listing, read ahead by several threads: a store that answers each
 * request after some time is read as quickly as the scan hashes.  Part of s3.c.
 */
#ifndef TOOLS_SCAN_S3_AHEAD_H
#define TOOLS_SCAN_S3_AHEAD_H

#include "tools/scan/s3_internal.h"

/* At most so many objects, of so many bytes, are held or being read ahead. */
enum { S3_AHEAD_READERS = 8, S3_AHEAD_OBJECTS = 16 };
#define S3_AHEAD_BYTES (UINT64_C(128) << 20)

struct s3_ahead;

/* Starts the threads.  s3 is borrowed, and asked by its own thread only. */
MUST_CHECK enum rc s3_ahead_new(struct s3 *s3, struct s3_ahead **ret, struct err *err);
/* Ends them; what they read is closed. */
void s3_ahead_free(struct s3_ahead *ahead);
SCOPED_DEFINE(s3_ahead_free, struct s3_ahead *)

/* From now on objects are of this page, which is borrowed until s3_ahead_leave().  RC_NOMEM. */
MUST_CHECK enum rc s3_ahead_page(struct s3_ahead *ahead, const struct s3_page *page,
                                 struct err *err);
/* Waits for what is being read; the page may go. */
void s3_ahead_leave(struct s3_ahead *ahead);

/* Whether there is room to want this object, which is the number i of the page. */
bool s3_ahead_has_room(const struct s3_ahead *ahead, size_t i);

/* It will be loaded. */
void s3_ahead_want(struct s3_ahead *ahead, size_t i);

/* As s3_object_load(), from what was read ahead where it was wanted. */
MUST_CHECK enum rc s3_ahead_load(struct s3_ahead *ahead, size_t i, uint64_t max, int *ret_memfd,
                                 struct err *err);

/* The object was visited: what was read of it and not loaded is closed. */
void s3_ahead_visited(struct s3_ahead *ahead, size_t i);

#endif
