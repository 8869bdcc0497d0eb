#include "tools/scan/intake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "tools/scan/unpack_source.h"

enum { DIGEST_STEP = 1 << 20 };

struct intake_container {
    LIST_ENTRY(intake_container) next;
    atomic_uint_least64_t waiting; /* members that are not in the state */
    bool visited;                  /* all that will come has come */
    struct err why;                /* it could not be gone through to its end; RC_OK: it was */
    size_t name_n;
    char name[]; /* name_n bytes */
};

/* FNV-1a with a finish that spreads it over all bits; never to be changed: machines that share an
 * archive must agree. */
bool intake_in_shard(struct bytes under, struct state_shard shard)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < under.n; i++)
        h = (h ^ under.p[i]) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    return h % shard.n == shard.i - 1;
}

/* The state's own files change all the time. */
static bool is_state(const struct intake *in, struct bytes name)
{
    static const char *const ends[] = {"", "-wal", "-journal", "-shm"};
    size_t n = strlen(in->config.skip);
    if (name.n < n || memcmp(name.p, in->config.skip, n) != 0)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (name.n - n == strlen(ends[i]) && memcmp(name.p + n, ends[i], name.n - n) == 0)
            return true;
    return false;
}

/* --- containers --- */

static struct bytes name_of(const struct intake_container *c)
{
    return bytes_of(c->name, c->name_n);
}

static enum rc container_begin(struct intake *in, const struct source_item *item,
                               struct intake_container **ret, struct err *err)
{
    struct intake_container *c = calloc(1, sizeof *c + item->name.n);
    if (c == NULL)
        FAIL(err, RC_NOMEM, "no memory for an archive");
    memcpy(c->name, item->name.p, item->name.n);
    c->name_n = item->name.n;
    LIST_INSERT_HEAD(&in->containers, c, next);
    *ret = c;
    return RC_OK;
}

static void container_end(struct intake_container *c)
{
    LIST_REMOVE(c, next);
    free(c);
}

void intake_clear(struct intake *in)
{
    while (!LIST_EMPTY(&in->containers))
        container_end(LIST_FIRST(&in->containers));
}

/* Those whose members are all in the state are done. */
static enum rc settle(struct intake *in, struct err *err)
{
    struct intake_container *c = LIST_FIRST(&in->containers), *next;
    for (; c != NULL; c = next) {
        next = LIST_NEXT(c, next);
        if (!c->visited || atomic_load(&c->waiting) > 0)
            continue;
        /* What was no fault of the archive is tried again. */
        bool again = c->why.rc != RC_OK && c->why.rc != RC_UNDECODABLE && c->why.rc != RC_LIMIT;
        TRY(state_container_done(in->config.state, name_of(c), c->why.rc != RC_OK ? c->why.msg : "",
                                 again, err));
        container_end(c);
    }
    return RC_OK;
}

static enum rc digest(const struct intake *in, int fd, uint64_t size, uint8_t ret[32],
                      struct err *err)
{
    SCOPED(mem_free) uint8_t *part = malloc(DIGEST_STEP);
    struct sha256_ctx sha256;
    uint64_t at = 0;
    ssize_t n = 0;

    if (part == NULL)
        FAIL(err, RC_NOMEM, "no memory for an archive");
    sha256_init(&sha256);
    for (; (n = pread(fd, part, DIGEST_STEP, (off_t)at)) > 0; at += (uint64_t)n) {
        if (atomic_load(in->config.stop))
            FAIL(err, RC_BUSY, "stopped");
        sha256_update(&sha256, (size_t)n, part);
    }
    if (n < 0)
        FAIL_SYS(err, "cannot read it");
    if (at != size)
        FAIL(err, RC_BUSY, "it changed while it was read");
    sha256_digest(&sha256, SHA256_DIGEST_SIZE, ret);
    return RC_OK;
}

/* The row of an archive that is nothing else: its digest is all there is to match. */
static enum rc put_archive(struct intake *in, const struct source_item *item, int fd,
                           struct err *err)
{
    struct state_content content = {
        .bytes = item->identity.size, .outcome = STATE_OTHER, .reason = "", .type = ""};
    struct state_file file = {.name = item->name,
                              .root = in->root,
                              .identity = &item->identity,
                              .reason = "",
                              .container = true};
    struct err why;

    enum rc rc = digest(in, fd, item->identity.size, content.sha256, &why);
    if (rc != RC_OK && atomic_load(in->config.stop))
        FAIL(err, RC_BUSY, "stopped");
    if (rc != RC_OK)
        return pipeline_unread(in->config.pipeline, in->root, item, &why, err);
    TRY(state_content_find(in->config.state, content.sha256, STATE_TRUST, &file.content, err));
    if (file.content == 0)
        TRY(state_put_content(in->config.state, &content, &file.content, err));
    return state_put_file(in->config.state, &file, err);
}

/* --- items --- */

/* The bytes of a bucket's object, which are there already. */
struct loaded {
    int memfd;
    uint64_t length;
};

static enum rc load_again(struct source_item *item, uint64_t max, int *ret_memfd,
                          uint64_t *ret_length, struct err *err)
{
    const struct loaded *loaded = item->ctx;
    (void)max;
    *ret_memfd = fcntl(loaded->memfd, F_DUPFD_CLOEXEC, 0);
    if (*ret_memfd < 0)
        FAIL_SYS(err, "cannot read it");
    *ret_length = loaded->length;
    return RC_OK;
}

static enum rc take_as(struct intake *in, struct source_item *item, bool container,
                       atomic_uint_least64_t *waiting, struct err *err)
{
    const struct pipeline_as as = {.root = in->root, .container = container, .waiting = waiting};
    return pipeline_take(in->config.pipeline, &as, item, err);
}

static enum rc on_member(void *ctx, struct source_item *item, struct err *err)
{
    struct intake *in = ctx;
    enum state_known known;

    atomic_fetch_add(in->config.seen, 1);
    TRY(state_see(in->config.state, in->root, item, in->config.trust, &known, err));
    return known == STATE_NEW ? take_as(in, item, false, &in->visited->waiting, err) : RC_OK;
}

static enum rc on_member_trouble(void *ctx, struct bytes name,
                                 const struct source_identity *identity, const struct err *why,
                                 struct err *err)
{
    struct intake *in = ctx;
    struct intake_container *c = in->visited;
    const struct state_file file = {
        .name = name, .root = in->root, .identity = identity, .reason = why->msg, .member = true};
    pipeline_count_failed(in->config.pipeline);
    TRY(state_keep_under(in->config.state, in->root, name, err));
    if (name.n == c->name_n) {
        c->why = *why;
        return RC_OK;
    }
    atomic_fetch_add(in->config.seen, 1);
    return state_put_file(in->config.state, &file, err);
}

/* Members that were read of what is not there any more are no members of what is. */
static void check_unchanged(struct source_item *item, struct intake_container *c)
{
    const struct source_identity before = item->identity;
    struct err why = {.rc = RC_OK};
    int fd;

    if (item->open == NULL || c->why.rc != RC_OK)
        return;
    if (item->open(item, &fd, &why) == RC_OK &&
        (before.size != item->identity.size || before.mtime_ns != item->identity.mtime_ns))
        err_set(&why, RC_BUSY, HERE, "it changed while it was read");
    c->why = why;
}

/* `both`: the file is something else, too, and goes to the pipeline as that. */
static enum rc take_container(struct intake *in, struct source_item *item, int fd, bool both,
                              struct err *err)
{
    const struct source_visitor members = {
        .ctx = in, .item = on_member, .trouble = on_member_trouble, .stop = in->config.stop};
    bool is_one = false;

    TRY(settle(in, err));
    TRY(container_begin(in, item, &in->visited, err));
    TRY(unpack_visit(&in->config.unpack, item, fd, item->identity.size, &members, &is_one, err));
    if (!is_one) {
        container_end(in->visited);
        return take_as(in, item, false, NULL, err);
    }
    if (both)
        TRY(take_as(in, item, true, &in->visited->waiting, err));
    else
        TRY(put_archive(in, item, fd, err));
    check_unchanged(item, in->visited);
    in->visited->visited = true;
    return RC_OK;
}

static enum rc take_opened(struct intake *in, struct source_item *item, int fd, struct err *err)
{
    enum unpack_look look = unpack_look(fd, item->identity.size);
    if (look == UNPACK_LOOK_NO)
        return take_as(in, item, false, NULL, err);
    return take_container(in, item, fd, look == UNPACK_LOOK_BOTH, err);
}

static enum rc take_loaded(struct intake *in, struct source_item *item, struct err *err)
{
    struct loaded loaded = {.memfd = -1};
    struct source_item again = *item;
    struct err why;

    enum rc rc = item->load(item, (uint64_t)PIPELINE_FILE_MAX_GIB << 30, &loaded.memfd,
                            &loaded.length, &why);
    if (rc != RC_OK && atomic_load(in->config.stop))
        FAIL(err, RC_BUSY, "stopped");
    if (rc != RC_OK)
        return pipeline_unread(in->config.pipeline, in->root, item, &why, err);
    again.identity = item->identity;
    again.load = load_again;
    again.ctx = &loaded;
    rc = take_opened(in, &again, loaded.memfd, err);
    close(loaded.memfd);
    return rc;
}

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct intake *in = ctx;
    enum state_known known;
    struct err why;
    int fd;

    if (!intake_in_shard(item->under, in->config.shard) || is_state(in, item->name))
        return RC_OK;
    atomic_fetch_add(in->config.walked, 1);
    atomic_fetch_add(in->config.seen, 1);
    TRY(state_see(in->config.state, in->root, item, in->config.trust, &known, err));
    if (known != STATE_NEW)
        return RC_OK;
    if (item->open == NULL)
        return take_loaded(in, item, err);
    if (item->open(item, &fd, &why) != RC_OK)
        return pipeline_unread(in->config.pipeline, in->root, item, &why, err);
    return take_opened(in, item, fd, err);
}

static enum rc on_wanted(void *ctx, struct source_item *item, bool *ret, struct err *err)
{
    struct intake *in = ctx;
    enum state_known known = STATE_KNOWN;

    if (intake_in_shard(item->under, in->config.shard))
        TRY(state_see(in->config.state, in->root, item, in->config.trust, &known, err));
    *ret = known == STATE_NEW;
    return RC_OK;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    struct intake *in = ctx;
    const struct state_file file = {
        .name = name, .root = in->root, .identity = identity, .reason = why->msg};
    pipeline_count_failed(in->config.pipeline);
    TRY(state_keep_under(in->config.state, in->root, name, err));
    return state_put_file(in->config.state, &file, err);
}

struct source_visitor intake_visitor(struct intake *in, int64_t root)
{
    in->root = root;
    return (struct source_visitor){.ctx = in,
                                   .item = on_item,
                                   .wanted = on_wanted,
                                   .trouble = on_trouble,
                                   .stop = in->config.stop};
}

enum rc intake_drain(struct intake *in, struct err *err)
{
    pipeline_drain(in->config.pipeline);
    if (atomic_load(in->config.stop))
        FAIL(err, RC_BUSY, "stopped");
    return settle(in, err);
}
