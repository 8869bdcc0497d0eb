#include "tools/scan/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "hashing/base/clock.h"
#include "hashing/base/sealed.h"
#include "tools/scan/unpack_internal.h"

#define MIB       (UINT64_C(1) << 20)
#define NS_PER_MS INT64_C(1000000)

const struct unpack_limits unpack_default_limits = {.depth = 4,
                                                    .members = 1000000,
                                                    .total_bytes = UINT64_C(1) << 40,
                                                    .member_bytes = 512 * MIB,
                                                    .ratio = 250,
                                                    .memory = 512 * MIB,
                                                    .cpu_ms = 60000,
                                                    .wall_ms = 60000,
                                                    .ms_per_mib = 500};

enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK };

static enum rc check_archive(int fd, struct err *err)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) != 0)
        FAIL_SYS(err, "cannot look at the archive");
    int seals = fcntl(fd, F_GET_SEALS);
    bool sealed = seals >= 0 && (seals & SEALS) == SEALS;
    if (!S_ISREG(st.st_mode) || ((flags & O_ACCMODE) != O_RDONLY && !sealed))
        FAIL(err, RC_INPUT, "the archive is neither a file for reading only nor a sealed memfd");
    return RC_OK;
}

/* A call's share of the wall time begins and ends. */
static int64_t clock_in(struct unpack *u)
{
    int64_t now = clock_mono_ns();
    u->deadline = now + u->wall_left_ns;
    return now;
}

static void clock_out(struct unpack *u, int64_t since)
{
    u->wall_left_ns -= clock_mono_ns() - since;
}

enum rc unpack_open(const struct unpack_config *config, int fd, uint64_t size, struct unpack **ret,
                    struct err *err)
{
    const struct unpack_limits *limits = &config->limits;
    TRY(check_archive(fd, err));
    if (limits->depth == 0 || limits->depth > UNPACK_DEPTH_MAX)
        FAIL(err, RC_INPUT, "a depth of %u: 1 to %d", limits->depth, UNPACK_DEPTH_MAX);
    SCOPED(unpack_close) struct unpack *u = calloc(1, sizeof *u);
    if (u == NULL)
        FAIL(err, RC_NOMEM, "no memory for an archive");
    u->config = config;
    u->memfd = u->member.memfd = -1;
    int64_t more_ms = (int64_t)(size / MIB) * limits->ms_per_mib;
    u->cpu_left_ns = (limits->cpu_ms + more_ms) * NS_PER_MS;
    u->wall_left_ns = (limits->wall_ms + more_ms) * NS_PER_MS;
    int64_t since = clock_in(u);
    TRY(level_enter(u, fd, size, err));
    clock_out(u, since);
    *ret = TAKE(u);
    return RC_OK;
}

static void drop(int *fd)
{
    if (*fd >= 0)
        close(fd_take(fd));
}

void unpack_close(struct unpack *u)
{
    if (u == NULL)
        return;
    while (u->depth > 0)
        level_leave(u);
    drop(&u->memfd);
    drop(&u->member.memfd);
    free(u->seen.slot);
    free(u);
}

int unpack_pid(const struct unpack *u)
{
    return u->depth > 0 ? (int)u->level[u->depth - 1].child.pid : -1;
}

/* Names. */

/* The member's own name behind its archive's. */
static void set_name(struct unpack *u, struct bytes own)
{
    size_t at = unpack_top(u)->prefix;
    memcpy(u->name + at, own.p, own.n);
    u->name_length = at + own.n;
}

/* "a", "a#3" and "a#3.1" may all be there; that many may not. */
static enum rc make_unique(struct unpack *u, uint64_t number, struct err *err)
{
    enum { TRIES = 64 };
    size_t n = u->name_length;
    bool is_new;
    TRY(name_set_add(&u->seen, bytes_of(u->name, n), &is_new, err));
    for (int i = 0; !is_new && i < TRIES; i++) {
        char tail[UNPACK_NAME_EXTRA];
        int more = i == 0 ? snprintf(tail, sizeof tail, "#%llu", (unsigned long long)number)
                          : snprintf(tail, sizeof tail, "#%llu.%d", (unsigned long long)number, i);
        memcpy(u->name + n, tail, (size_t)more);
        u->name_length = n + (size_t)more;
        TRY(name_set_add(&u->seen, bytes_of(u->name, u->name_length), &is_new, err));
    }
    return RC_OK;
}

/* Members as they come in. */

static enum rc begin_member(struct unpack *u, const struct unpack_head *head, struct bytes name,
                            struct err *err)
{
    if (++u->members > u->config->limits.members)
        FAIL(err, RC_LIMIT, "holds more than %llu members (members)",
             (unsigned long long)u->config->limits.members);
    u->member.kind = (enum unpack_kind)head->kind;
    u->member.mtime_ns = head->mtime_ns;
    if (u->member.kind == UNPACK_FOLDER)
        return RC_OK;
    set_name(u, name);
    TRY(make_unique(u, head->member, err));
    if (u->member.kind != UNPACK_FILE)
        return RC_OK;
    u->memfd = memfd_create("member", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (u->memfd < 0)
        FAIL_SYS(err, "cannot make room for a member");
    return RC_OK;
}

static enum rc add_data(struct unpack *u, uint64_t before, const struct unpack_head *head,
                        struct bytes data, struct err *err)
{
    TRY(level_count(u, head->place + data.n - before, err));
    for (uint64_t at = head->place; data.n > 0;) {
        ssize_t n = pwrite(u->memfd, data.p, data.n, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            FAIL_SYS(err, "cannot hold a member");
        data = bytes_of(data.p + n, data.n - (size_t)n);
        at += (uint64_t)n;
    }
    return RC_OK;
}

static enum rc seal(struct unpack *u, uint64_t length, struct err *err)
{
    if (ftruncate(u->memfd, (off_t)length) != 0)
        FAIL_SYS(err, "cannot hold a member");
    return sealed_close(u->memfd, err);
}

/* What is given to the caller. */

static bool give(struct unpack *u, int memfd, uint64_t size)
{
    u->member.name = bytes_of(u->name, u->name_length);
    u->member.memfd = memfd;
    u->member.size = size;
    return true;
}

static bool give_failure(struct unpack *u, const struct err *why)
{
    u->member.rc = why->rc;
    u->member.why = *why;
    return give(u, -1, 0);
}

/* Goes into the file that was just received; what is wrong with that alone is given as its. */
static enum rc enter_member(struct unpack *u, int memfd, uint64_t size, bool given, bool *ret_give,
                            struct err *err)
{
    struct err why;
    SCOPED(fd_close) int held = memfd;
    if (u->depth == u->config->limits.depth) {
        err_set(&why, RC_LIMIT, HERE, "lies in more archives than %u (depth)", u->depth);
        *ret_give = give_failure(u, &why);
        return RC_OK;
    }
    u->name[u->name_length++] = '!';
    enum rc rc = level_enter(u, held, size, &why);
    if (rc != RC_OK) {
        u->name_length--;
        *ret_give = give_failure(u, &why);
        if (!level_all_over(u, rc))
            return RC_OK;
        if (err != NULL)
            *err = why;
        return rc;
    }
    unpack_top(u)->memfd = fd_take(&held);
    unpack_top(u)->given = given;
    unpack_top(u)->mtime_ns = u->member.mtime_ns;
    return RC_OK;
}

static enum rc end_file(struct unpack *u, uint64_t before, uint64_t length, bool *ret_give,
                        struct err *err)
{
    TRY(level_count(u, length - before, err));
    TRY(seal(u, length, err));
    enum unpack_look look = unpack_look(u->memfd, length);
    if (look == UNPACK_LOOK_ARCHIVE)
        return enter_member(u, fd_take(&u->memfd), length, false, ret_give, err);
    u->enter = look == UNPACK_LOOK_BOTH;
    *ret_give = give(u, fd_take(&u->memfd), length);
    return RC_OK;
}

static enum rc end_member(struct unpack *u, uint64_t before, const struct unpack_head *head,
                          struct bytes rest, bool *ret_give, struct err *err)
{
    if (head->rc != RC_OK) {
        struct err why;
        err_set(&why, (enum rc)head->rc, HERE, "%s", (const char *)rest.p);
        drop(&u->memfd);
        *ret_give = give_failure(u, &why);
        return RC_OK;
    }
    if (u->member.kind == UNPACK_FILE)
        return end_file(u, before, head->place, ret_give, err);
    if (u->member.kind != UNPACK_FOLDER)
        *ret_give = give(u, -1, 0);
    return RC_OK;
}

/* Back to the archive that this one lies in: u->member is about this one now. */
static void leave_member(struct unpack *u)
{
    struct level *top = unpack_top(u);
    u->name_length = top->prefix - 1; /* without the '!' */
    u->member.kind = UNPACK_FILE;
    u->member.mtime_ns = top->mtime_ns;
    drop(&u->memfd);
}

/* An archive came to its end, or what is wrong with it ends it. */
static enum rc end_level(struct unpack *u, const struct err *why, bool *ret_give, bool *ret_end,
                         struct err *err)
{
    struct level *top = unpack_top(u);
    if (why->rc != RC_OK && (u->depth == 1 || level_all_over(u, why->rc))) {
        if (err != NULL)
            *err = *why;
        return why->rc;
    }
    if (u->depth == 1) {
        *ret_end = true;
        return RC_OK;
    }
    leave_member(u);
    /* It only looked like one. */
    if (why->rc == RC_NOT_MEDIA && !top->given)
        *ret_give = give(u, fd_take(&top->memfd), top->size);
    else if (why->rc != RC_OK && why->rc != RC_NOT_MEDIA)
        *ret_give = give_failure(u, why);
    level_leave(u);
    return RC_OK;
}

static enum rc take_message(struct unpack *u, bool *ret_give, bool *ret_end, struct err *err)
{
    uint64_t before = unpack_top(u)->reader.at;
    struct unpack_head head;
    struct bytes rest;

    TRY(level_listen(u, &head, &rest, err));
    switch (head.said) {
    case UNPACK_MEMBER:
        return begin_member(u, &head, rest, err);
    case UNPACK_DATA:
        return add_data(u, before, &head, rest, err);
    case UNPACK_END:
        return end_member(u, before, &head, rest, ret_give, err);
    default:
        break;
    }
    struct err why = {.rc = RC_OK};
    if (head.rc != RC_OK)
        err_set(&why, (enum rc)head.rc, HERE, "%s", (const char *)rest.p);
    return end_level(u, &why, ret_give, ret_end, err);
}

/* One step; a failure of a nested archive that leaves the others alone becomes a member. */
static enum rc step(struct unpack *u, bool *ret_give, bool *ret_end, struct err *err)
{
    struct err why;
    enum rc rc = take_message(u, ret_give, ret_end, &why);
    if (rc == RC_OK)
        return RC_OK;
    return end_level(u, &why, ret_give, ret_end, err);
}

static enum rc reenter(struct unpack *u, int *memfd, uint64_t size, bool *ret_give, struct err *err)
{
    u->enter = false;
    int held = fcntl(*memfd, F_DUPFD_CLOEXEC, 0);
    if (held < 0)
        FAIL_SYS(err, "cannot hold a member");
    return enter_member(u, held, size, true, ret_give, err);
}

static enum rc next(struct unpack *u, bool *ret_give, struct err *err)
{
    bool end = false;
    while (!*ret_give && !end)
        TRY(step(u, ret_give, &end, err));
    return RC_OK;
}

enum rc unpack_next(struct unpack *u, struct unpack_member **ret, struct err *err)
{
    bool given = false;
    enum rc rc = RC_OK;
    int64_t since = clock_in(u);

    SCOPED(fd_close) int last = fd_take(&u->member.memfd);
    uint64_t size = u->member.size;
    u->member = (struct unpack_member){.memfd = -1, .kind = u->member.kind};
    if (u->enter)
        rc = reenter(u, &last, size, &given, err);
    if (rc == RC_OK)
        rc = next(u, &given, err);
    clock_out(u, since);
    if (rc == RC_OK)
        *ret = given ? &u->member : NULL;
    return rc;
}
