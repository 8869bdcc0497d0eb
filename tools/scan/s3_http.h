/*
 * One signed GET of a bucket: what is asked, what came, and whether to ask again.  Part of s3.c.
 */
#ifndef TOOLS_SCAN_S3_HTTP_H
#define TOOLS_SCAN_S3_HTTP_H

#include <curl/curl.h>

#include "tools/scan/s3.h"
#include "tools/scan/s3_xml.h"

enum { S3_HOST_SIZE = 320, S3_PATH_SIZE = 3 * (S3_KEY_MAX + 80) };

struct s3 {
    const struct s3_config *config;
    CURL *curl;
    char bucket[64];
    char *prefix;            /* owned */
    char base[S3_HOST_SIZE]; /* "https://host:port" */
    char host[S3_HOST_SIZE]; /* as the header Host says it */
    bool in_path;            /* the bucket is in the path, not in the host's name */
    const atomic_bool *stop; /* of the visitor; NULL: never */
};

struct s3_head {
    long status;
    char etag[S3_ETAG_SIZE];     /* "" none, or too long */
    char region[32];             /* where the bucket is, when the server says so */
    uint64_t first, last, total; /* of Content-Range */
    bool has_range;
    uint64_t length; /* of Content-Length */
    bool has_length;
    int64_t retry_after_s; /* 0: not told */
};

/* All borrowed. */
struct s3_get {
    const char *what;     /* for messages: "ListObjectsV2", "GetObject" */
    struct bytes key;     /* empty: the bucket itself */
    const char *query;    /* sorted and escaped; "" */
    const char *if_match; /* NULL: any version */
    uint64_t first, last; /* the range that is asked for, when has_range */
    bool has_range;
    /* Called once when the head of a 2xx answer is there, before any byte of its body. */
    enum rc (*head)(void *ctx, const struct s3_head *head, struct err *err);
    enum rc (*body)(void *ctx, struct bytes part, struct err *err);
    void *ctx;
};

/*
 * One try.  *ret_again: it may do better later, not before *ret_wait_s seconds when the server
 * asked for that.  What head or body returned is returned and not tried again.
 */
MUST_CHECK enum rc s3_try(struct s3 *s3, const struct s3_get *get, bool *ret_again,
                          int64_t *ret_wait_s, struct err *err);

/* Sleeps before try number n (from 1).  RC_BUSY when the scan was stopped meanwhile. */
MUST_CHECK enum rc s3_wait(struct s3 *s3, unsigned n, int64_t wait_s, struct err *err);

#endif
