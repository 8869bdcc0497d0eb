/* Between s3.c (the listing, the source) and s3_object.c (the bytes of one object). */
#ifndef TOOLS_SCAN_S3_INTERNAL_H
#define TOOLS_SCAN_S3_INTERNAL_H

#include "tools/scan/s3_http.h"

/* The object in the version of its ETag, as a sealed memfd; see s3_run() for what load answers. */
MUST_CHECK enum rc s3_object_load(struct s3 *s3, const struct s3_object *object, uint64_t max,
                                  int *ret_memfd, struct err *err);

#endif
