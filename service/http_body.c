#include "service/http_body.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hashing/base/sealed.h"
#include "service/clip_head.h"

void body_init(struct body *body, struct body_budget *budget, uint64_t limit)
{
    *body = (struct body){.budget = budget, .fd = -1, .limit = limit};
}

void body_only_clips_over(struct body *body, uint64_t limit)
{
    body->other = limit;
}

static enum rc say(const struct body *body, enum rc rc, struct err *err)
{
    if (rc == RC_TOO_LARGE)
        FAIL(err, RC_TOO_LARGE, "the body is over the limit of %llu bytes",
             (unsigned long long)body->limit);
    FAIL(err, RC_BUSY, "too many uploads are under way; try again");
}

enum rc body_expect(const struct body *body, uint64_t declared, struct err *err)
{
    if (declared > body->limit)
        return say(body, RC_TOO_LARGE, err);
    uint64_t used = atomic_load(&body->budget->used);
    if (used >= body->budget->max || declared > body->budget->max - used)
        return say(body, RC_BUSY, err);
    return RC_OK;
}

static bool budget_take(struct body_budget *budget, uint64_t n)
{
    uint_fast64_t used = atomic_fetch_add(&budget->used, n);
    if (used + n <= budget->max)
        return true;
    atomic_fetch_sub(&budget->used, n);
    return false;
}

/* Memory for files may run out before the budget does: that is "try again", too. */
static bool store(struct body *body, const uint8_t *data, size_t n)
{
    if (body->fd < 0)
        body->fd = memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (body->fd < 0)
        return false;
    while (n > 0) {
        ssize_t written = write(body->fd, data, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        n -= (size_t)written;
    }
    return true;
}

static void fail(struct body *body, enum rc rc)
{
    body_drop(body);
    body->failed = rc;
}

/* Over the lower limit the first bytes decide: the sandbox will look at all of them. */
static void prove_clip(struct body *body)
{
    uint8_t first[CLIP_HEAD];
    ssize_t n = pread(body->fd, first, sizeof first, 0);
    if (n < 0 || !clip_begins(bytes_of(first, (size_t)n)))
        body->limit = body->other;
    body->other = 0;
}

void body_take(struct body *body, const void *data, size_t n)
{
    if (__builtin_add_overflow(body->size, n, &body->size))
        body->size = UINT64_MAX;
    if (body->failed != RC_OK)
        return;
    if (body->other != 0 && body->fd >= 0 && body->size > body->other)
        prove_clip(body);
    if (body->size > body->limit) {
        fail(body, RC_TOO_LARGE);
        return;
    }
    if (!budget_take(body->budget, n)) {
        fail(body, RC_BUSY);
        return;
    }
    body->held += n;
    if (!store(body, data, n))
        fail(body, RC_BUSY);
}

enum rc body_seal(struct body *body, struct bytes *ret, struct err *err)
{
    if (body->failed != RC_OK)
        return say(body, body->failed, err);
    if (body->size == 0) {
        *ret = bytes_of(NULL, 0);
        return RC_OK;
    }
    TRY(sealed_close(body->fd, err));
    /* Private: a shared mapping of a write-sealed file is refused by older kernels. */
    void *map = mmap(NULL, (size_t)body->size, PROT_READ, MAP_PRIVATE, body->fd, 0);
    if (map == MAP_FAILED)
        FAIL_SYS(err, "body: map %llu bytes", (unsigned long long)body->size);
    body->map = map;
    *ret = bytes_of(map, (size_t)body->size);
    return RC_OK;
}

void body_drop(struct body *body)
{
    if (body->map != NULL)
        munmap(body->map, (size_t)body->size);
    body->map = NULL;
    if (body->fd >= 0)
        close(body->fd);
    body->fd = -1;
    if (body->held > 0)
        atomic_fetch_sub(&body->budget->used, body->held);
    body->held = 0;
}
