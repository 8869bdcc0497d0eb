/*
 * multipart/form-data (RFC 7578) over a body that is already in memory: finds the parts, copies
 * nothing.  Strict: CRLF lines, the closing boundary must be there, bounded part headers; a
 * Content-Transfer-Encoding other than binary/8bit/7bit is refused.  Fuzzed.
 */
#ifndef SERVICE_MULTIPART_H
#define SERVICE_MULTIPART_H

#include <stdbool.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

enum { MULTIPART_PARTS_MAX = 64, MULTIPART_NAME_MAX = 256 };

struct part {
    char name[MULTIPART_NAME_MAX];     /* of the field, UTF-8, may be "" */
    char filename[MULTIPART_NAME_MAX]; /* "" when it has none */
    bool has_filename;
    char ms[24];       /* X-Frame-Ms header: digits, "" for none */
    struct bytes data; /* within the body */
};

struct multipart {
    unsigned n;
    struct part part[MULTIPART_PARTS_MAX];
};

/*
 * content_type: the request header with its boundary.  RC_INPUT says what is wrong where; then
 * ret->n is 0.  The body begins with its boundary, and nothing but blanks stands behind the last.
 */
MUST_CHECK enum rc multipart_parse(const char *content_type, struct bytes body,
                                   struct multipart *ret, struct err *err);

/* Whether a Content-Type header means multipart/form-data. */
bool multipart_is(const char *content_type);

#endif
