/* Between s3.c (the listing, the source), s3_object.c (the bytes of one object) and s3_ahead.c. */
#ifndef TOOLS_SCAN_S3_INTERNAL_H
#define TOOLS_SCAN_S3_INTERNAL_H

#include "tools/scan/s3_http.h"

/* The object in the version of its ETag, as a sealed memfd; see s3_run() for what load answers. */
MUST_CHECK enum rc s3_object_load(struct s3 *s3, const struct s3_object *object, uint64_t max,
                                  int *ret_memfd, struct err *err);

/* Another connection to the same bucket, for another thread; it stops when s3 does. */
MUST_CHECK enum rc s3_again(const struct s3 *s3, struct s3 **ret, struct err *err);

#endif
