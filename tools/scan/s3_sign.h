/*
 * Signature Version 4, as S3 wants it of each request.  Pure: no clock, no environment, no
 * allocation; any thread.
 */
#ifndef TOOLS_SCAN_S3_SIGN_H
#define TOOLS_SCAN_S3_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

enum {
    S3_TIME_SIZE = 17, /* "20130524T000000Z" and a NUL */
    S3_AUTHORIZATION_SIZE = 1024
};

/* sha256 of no bytes: the payload of every GET. */
#define S3_NO_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_header {
    const char *name;  /* lower case */
    const char *value; /* as it is sent, without blanks around it */
};

/* All borrowed. */
struct s3_signing {
    const char *key_id, *secret, *region, *service;
    const char *time; /* as in x-amz-date */
    const char *method;
    const char *path;                /* as it is sent: by s3_escape(), with its slashes */
    const char *query;               /* "a=1&b=": names and values by s3_escape(), sorted; "" */
    const struct s3_header *headers; /* sorted by name: all that are signed, "host" among them */
    size_t n_headers;
    const char *payload; /* sha256 of the body in hex */
};

/* The value of the header Authorization.  RC_INPUT when it would be too long. */
MUST_CHECK enum rc s3_sign(const struct s3_signing *signing, char out[S3_AUTHORIZATION_SIZE],
                           struct err *err);

/*
 * Percent-encodes everything but A-Z a-z 0-9 - . _ ~ and, in a path, '/'.  False when
 * size cannot hold it with its NUL.
 */
bool s3_escape(struct bytes in, bool path, char *out, size_t size);

void s3_time(int64_t wall_ms, char out[S3_TIME_SIZE]);

#endif
