/*
 * A bucket of an S3-compatible store as a source of a scan: "s3://bucket/prefix".
 *
 * Objects are listed by ListObjectsV2 and read by ranges that say which version they want
 * (If-Match), so that one that changes meanwhile is noticed and never mixed.  What fails for a
 * moment (no connection, 429, 5xx, a body that ends early) is tried again from where it broke off,
 * each time after twice the time.  TLS is verified, redirects are not followed, and what a server
 * says is checked: documents, ranges, lengths, versions.
 *
 * One thread for each struct s3.  curl_global_init() is the program's.
 */
#ifndef TOOLS_SCAN_S3_H
#define TOOLS_SCAN_S3_H

#include <stdatomic.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "tools/scan/source.h"

/* Borrowed texts; NULL where there is none. */
struct s3_config {
    const char *key_id, *secret, *token;
    const char *region;   /* NULL: us-east-1 */
    const char *endpoint; /* "http://host:port" or "https://…" with the bucket in the path; NULL:
                           * Amazon's, over TLS */
    unsigned tries;       /* of each request, at least 1 */
    int64_t backoff_ms;   /* before the second try; doubled before each more, at most 20 s */
    int64_t stall_ms;     /* without a thousand bytes a second: the try is over */
    uint64_t range_bytes; /* most that one request asks for */
};

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION (or AWS_DEFAULT_REGION),
 * AWS_ENDPOINT_URL; 6 tries from 250 ms, 30 s, 32 MiB. */
struct s3_config s3_config_from_environment(void);

struct s3;

/* Whether the text is "s3://…", which is then for s3_open(). */
bool s3_is_url(const char *text);

/*
 * Asks for nothing yet.  config is borrowed.  RC_INPUT when the URL names no bucket (3 to 63 of
 * a-z 0-9 . -), the endpoint is malformed, or the access key is missing; RC_NOMEM.
 */
MUST_CHECK enum rc s3_open(const struct s3_config *config, const char *url, struct s3 **ret,
                           struct err *err);
void s3_close(struct s3 *s3);
SCOPED_DEFINE(s3_close, struct s3 *)

/*
 * Visits every object (source_run; source is a struct s3 *).  Items are called
 * "s3://bucket/key"; `under` is "bucket/key"; their identity is size, LastModified and ETag.  What
 * ends with '/' and has no bytes is a folder's mark and left out.
 *
 * load: RC_TOO_LARGE; RC_BUSY when the object changed, RC_NOTFOUND when it is gone, RC_DENIED; else
 * as below.  A page that cannot be read is trouble and ends the source, for what follows is
 * unknown; that of the first page is returned: RC_NOTFOUND (no such bucket), RC_DENIED, RC_INPUT
 * (no answer that we understand, another region), RC_SYS (not reached), RC_RATE, RC_BUSY (stopped).
 */
enum rc s3_run(void *source, const struct source_visitor *visitor, struct err *err);

#endif
