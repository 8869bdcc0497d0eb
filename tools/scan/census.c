#include "tools/scan/census.h"

#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct census *c = ctx;
    (void)err;
    c->files += c->counts(c->ctx, item->under);
    return RC_OK;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    (void)ctx, (void)name, (void)identity, (void)why, (void)err;
    return RC_OK;
}

static void *run(void *ctx)
{
    struct census *c = ctx;
    const struct source_visitor visitor = {
        .ctx = c, .item = on_item, .trouble = on_trouble, .stop = &c->stop};
    struct err err;

    for (int i = 0; i < c->n_paths; i++) {
        SCOPED(mem_free) char *name = realpath(c->paths[i], NULL);
        if (name == NULL)
            continue; /* the scan tells it */
        struct walk walk = {.name = name, .options = c->walk};
        if (walk_run(&walk, &visitor, &err) == RC_BUSY)
            return NULL;
    }
    atomic_store(c->total, c->files);
    return NULL;
}

void census_start(struct census *c)
{
    atomic_store(&c->stop, false);
    c->running = pthread_create(&c->thread, NULL, run, c) == 0;
}

void census_end(struct census *c)
{
    if (!c->running)
        return;
    atomic_store(&c->stop, true);
    pthread_join(c->thread, NULL);
    c->running = false;
}
