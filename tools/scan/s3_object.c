/* The bytes of one object. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "hashing/base/sealed.h"
#include "tools/scan/s3_internal.h"

/* So much more, and the tries are counted anew. */
#define PROGRESS (UINT64_C(1) << 20)

struct reading {
    const struct s3_object *object;
    int memfd;
    uint64_t at;   /* bytes that are there */
    uint64_t end;  /* of the range that is asked for */
    bool in_range; /* the request asks for one */
};

/* That the answer is to what was asked: which version, which part of how much. */
static enum rc check_head(void *ctx, const struct s3_head *head, struct err *err)
{
    const struct reading *r = ctx;
    uint64_t length = r->end - r->at;
    if (strcmp(head->etag, r->object->etag) != 0)
        FAIL(err, RC_BUSY, "GetObject: the object changed while it was read");
    if (r->in_range && head->status != 206)
        FAIL(err, RC_INPUT, "GetObject: the server answered %ld when a range was asked for",
             head->status);
    if (!r->in_range && head->status != 200)
        FAIL(err, RC_INPUT, "GetObject: the server answered %ld", head->status);
    if (r->in_range && (!head->has_range || head->first != r->at || head->last != r->end - 1 ||
                        head->total != r->object->size))
        FAIL(err, RC_INPUT, "GetObject: the server sends another range than was asked for");
    if (head->has_length && head->length != length)
        FAIL(err, RC_INPUT, "GetObject: the server sends %llu bytes where %llu were asked for",
             (unsigned long long)head->length, (unsigned long long)length);
    return RC_OK;
}

static enum rc take_body(void *ctx, struct bytes part, struct err *err)
{
    struct reading *r = ctx;
    if (part.n > r->end - r->at)
        FAIL(err, RC_INPUT, "GetObject: the server sends more than was asked for");
    while (part.n > 0) {
        ssize_t n = pwrite(r->memfd, part.p, part.n, (off_t)r->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            FAIL_SYS(err, "cannot hold an object");
        part = bytes_of(part.p + n, part.n - (size_t)n);
        r->at += (uint64_t)n;
    }
    return RC_OK;
}

/* One request for what is next; what came of it stays when it breaks off. */
static enum rc read_some(struct s3 *s3, struct reading *r, bool *ret_again, int64_t *ret_wait,
                         struct err *err)
{
    uint64_t size = r->object->size, most = s3->config->range_bytes;
    r->end = size - r->at > most ? r->at + most : size;
    r->in_range = r->at > 0 || r->end < size;
    const struct s3_get get = {.what = "GetObject",
                               .key = bytes_str(r->object->key),
                               .query = "",
                               .if_match = r->object->etag,
                               .first = r->at,
                               .last = r->end - 1,
                               .has_range = r->in_range,
                               .head = check_head,
                               .body = take_body,
                               .ctx = r};
    TRY(s3_try(s3, &get, ret_again, ret_wait, err));
    if (r->at < r->end) {
        *ret_again = true;
        FAIL(err, RC_SYS, "GetObject: the server sends less than it said");
    }
    return RC_OK;
}

static enum rc read_all(struct s3 *s3, struct reading *r, struct err *err)
{
    uint64_t mark = 0;
    for (unsigned failed = 0; r->at < r->object->size;) {
        bool again = false;
        int64_t wait = 0;
        enum rc rc = read_some(s3, r, &again, &wait, err);
        if (r->at - mark >= PROGRESS) {
            failed = 0;
            mark = r->at;
        }
        if (rc == RC_OK)
            continue;
        if (!again || ++failed >= s3->config->tries)
            return rc;
        TRY(s3_wait(s3, failed, wait, err));
    }
    return RC_OK;
}

enum rc s3_object_load(struct s3 *s3, const struct s3_object *object, uint64_t max, int *ret_memfd,
                       struct err *err)
{
    if (object->size > max)
        FAIL(err, RC_TOO_LARGE, "has %llu bytes, more than %llu", (unsigned long long)object->size,
             (unsigned long long)max);
    SCOPED(fd_close) int fd = memfd_create("object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        FAIL_SYS(err, "cannot make room for an object");
    struct reading r = {.object = object, .memfd = fd};
    TRY(read_all(s3, &r, err));
    TRY(sealed_close(fd, err));
    *ret_memfd = fd_take(&fd);
    return RC_OK;
}
