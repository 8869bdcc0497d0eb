/*
 * The two documents that a bucket answers with: a page of a listing, and an error.
 *
 * Strict, for a server is not to be trusted either: no document type (and so no entities), UTF-8
 * only, bounded depth, text and number of objects; every field of an object must be there, once,
 * and be of its form.  Unknown elements are passed over.  Pure functions over memory; any thread.
 */
#ifndef TOOLS_SCAN_S3_XML_H
#define TOOLS_SCAN_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

enum {
    S3_KEY_MAX = 1024,      /* bytes of an object's name */
    S3_TOKEN_SIZE = 4096,   /* of a continuation token, with its NUL */
    S3_ETAG_SIZE = 72,      /* with its quotation marks and NUL */
    S3_PAGE_OBJECTS = 10000 /* more than any server sends; S3 itself sends 1,000 */
};

struct s3_object {
    char *key; /* owned by the page; any bytes but 0 */
    uint64_t size;
    int64_t mtime_ns;
    char etag[S3_ETAG_SIZE]; /* as it came, quotation marks included */
};

struct s3_page {
    struct s3_object *objects;
    size_t n, room;
    bool truncated;
    char token[S3_TOKEN_SIZE]; /* of the next page, when truncated */
};

/* Reads a ListBucketResult; RC_INPUT names what is wrong, RC_NOMEM.  Clear *ret in any case. */
MUST_CHECK enum rc s3_page_read(struct bytes xml, struct s3_page *ret, struct err *err);
void s3_page_clear(struct s3_page *page);
static inline void s3_page_clear_scoped(struct s3_page *page)
{
    s3_page_clear(page);
}

/* Of an Error document; "" what it does not tell.  What is not one gives empty texts. */
struct s3_problem {
    char code[64], message[160];
};
void s3_problem_read(struct bytes xml, struct s3_problem *ret);

#endif
