#include "tools/scan/unpack_source.h"

#include <string.h>

struct visit {
    const struct source_item *container;
    const struct source_visitor *visitor;
    uint8_t name[SOURCE_NAME_MAX];
};

/* At most once, within the visit: the memfd is there already. */
static enum rc load_member(struct source_item *item, uint64_t max, int *ret_memfd,
                           uint64_t *ret_length, struct err *err)
{
    struct unpack_member *member = item->ctx;
    if (member->size > max)
        FAIL(err, RC_TOO_LARGE, "has %llu bytes, more than %llu", (unsigned long long)member->size,
             (unsigned long long)max);
    if (member->memfd < 0)
        FAIL(err, RC_INPUT, "a member can be loaded once");
    *ret_length = member->size;
    *ret_memfd = fd_take(&member->memfd);
    return RC_OK;
}

static enum rc visit_member(struct visit *v, struct unpack_member *member, struct err *err)
{
    const struct source_item *container = v->container;
    size_t before = container->name.n;
    struct bytes name = {.p = v->name, .n = before + 1 + member->name.n};
    if (member->rc == RC_OK && member->kind != UNPACK_FILE)
        return RC_OK;
    if (name.n > sizeof v->name) {
        struct err why;
        err_set(&why, RC_LIMIT, HERE, "the name of member %.60s is too long",
                (const char *)member->name.p);
        return v->visitor->trouble(v->visitor->ctx, container->name, &container->identity, &why,
                                   err);
    }
    memcpy(v->name, container->name.p, before);
    v->name[before] = '!';
    memcpy(v->name + before + 1, member->name.p, member->name.n);
    if (member->rc != RC_OK)
        return v->visitor->trouble(v->visitor->ctx, name, &container->identity, &member->why, err);
    struct source_item item = {
        .name = name,
        .under = {.p = v->name + (container->under.p - container->name.p), .n = container->under.n},
        .identity = container->identity,
        .member = true,
        .load = load_member,
        .ctx = member};
    return v->visitor->item(v->visitor->ctx, &item, err);
}

/* To the end, or to what ends it: that goes to *ret_why. */
static enum rc visit_members(struct visit *v, struct unpack *unpack, struct err *ret_why,
                             struct err *err)
{
    for (;;) {
        struct unpack_member *member;
        if (v->visitor->stop != NULL && atomic_load(v->visitor->stop))
            FAIL(err, RC_BUSY, "stopped");
        if (unpack_next(unpack, &member, ret_why) != RC_OK || member == NULL)
            return RC_OK;
        TRY(visit_member(v, member, err));
    }
}

enum rc unpack_visit(const struct unpack_config *config, const struct source_item *container,
                     int fd, uint64_t size, const struct source_visitor *visitor, bool *ret_is_one,
                     struct err *err)
{
    struct visit v = {.container = container, .visitor = visitor};
    SCOPED(unpack_close) struct unpack *unpack = NULL;
    struct err why = {.rc = RC_OK};

    if (unpack_open(config, fd, size, &unpack, &why) == RC_OK)
        TRY(visit_members(&v, unpack, &why, err));
    *ret_is_one = why.rc != RC_NOT_MEDIA;
    if (why.rc == RC_OK || why.rc == RC_NOT_MEDIA)
        return RC_OK;
    return visitor->trouble(visitor->ctx, container->name, &container->identity, &why, err);
}
