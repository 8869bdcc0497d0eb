#include "tools/scan/roots.h"

#include <string.h>

#include "tools/scan/path.h"
#include "tools/scan/s3.h"
#include "tools/scan/tell.h"

/* One that is gone through.  The state gets to know it when there is something to say of it. */
struct root {
    const struct roots *roots;
    struct bytes name;
    bool begun;
    bool partly; /* something of it could not be looked at */
    bool ended;  /* by a failure that is the scan's, not the root's */
    struct source_visitor visitor;
};

static enum rc begin(struct root *r, struct err *err)
{
    int64_t number;
    if (r->begun)
        return RC_OK;
    TRY(state_root(r->roots->state, r->name, &number, err));
    r->visitor = intake_visitor(r->roots->intake, number);
    r->begun = true;
    return RC_OK;
}

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct root *r = ctx;
    enum rc rc = begin(r, err);
    if (rc == RC_OK)
        rc = r->visitor.item(r->visitor.ctx, item, err);
    r->ended = r->ended || rc != RC_OK;
    return rc;
}

static enum rc on_wanted(void *ctx, struct source_item *item, bool *ret, struct err *err)
{
    struct root *r = ctx;
    enum rc rc = begin(r, err);
    if (rc == RC_OK)
        rc = r->visitor.wanted(r->visitor.ctx, item, ret, err);
    r->ended = r->ended || rc != RC_OK;
    return rc;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    struct root *r = ctx;
    enum rc rc = begin(r, err);
    r->partly = true;
    if (rc == RC_OK)
        rc = r->visitor.trouble(r->visitor.ctx, name, identity, why, err);
    r->ended = r->ended || rc != RC_OK;
    return rc;
}

static enum rc cannot_look(struct roots *roots, const char *path, struct bytes name,
                           const struct err *why, struct err *err)
{
    SCOPED(mem_free) char *shown = tell_name(bytes_str(path));
    if (shown == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    roots->unopened++;
    progress_say(roots->progress, shown, why);
    return state_root_kept(roots->state, name, err);
}

/* Whether that is why the root itself cannot be looked at, and not why a scan cannot go on. */
static bool of_root(enum rc rc)
{
    return rc == RC_SYS || rc == RC_NOTFOUND || rc == RC_DENIED || rc == RC_INPUT || rc == RC_RATE;
}

/* path: as it was given.  parts: what it holds is known to be whole though parts of it could not be
 * looked at, for each of those has a name. */
static enum rc go_through(struct roots *roots, const char *path, struct bytes name, source_run *run,
                          void *source, bool parts, struct err *err)
{
    struct root root = {.roots = roots, .name = name};
    const struct source_visitor visitor = {.ctx = &root,
                                           .item = on_item,
                                           .wanted = on_wanted,
                                           .trouble = on_trouble,
                                           .stop = roots->stop};
    struct err why;
    enum rc rc = run(source, &visitor, &why);

    if (rc != RC_OK && of_root(rc) && !root.ended && !atomic_load(roots->stop))
        return cannot_look(roots, path, name, &why, err);
    if (rc != RC_OK) {
        *err = why;
        return rc;
    }
    TRY(begin(&root, err));
    if (root.partly && !parts)
        return RC_OK;
    return state_root_done(roots->state, roots->intake->root, err);
}

static enum rc walk_path(struct roots *roots, const char *path, struct err *err)
{
    SCOPED(mem_free) char *name = realpath(path, NULL);
    struct err why;

    if (name == NULL) {
        struct err none;
        err_set_sys(&why, errno, HERE, "cannot open it");
        /* Its folder may be there: then it is known by this name. */
        if (path_of_entry(NULL, path, &name, &none) == RC_NOMEM)
            FAIL(err, RC_NOMEM, "no memory for a name");
        return cannot_look(roots, path, bytes_str(name != NULL ? name : path), &why, err);
    }
    struct walk walk = {.name = name, .options = &roots->options->walk};
    return go_through(roots, path, bytes_str(name), walk_run, &walk, true, err);
}

/* What comes behind a page that cannot be read is unknown, whatever it is called. */
static enum rc read_bucket(struct roots *roots, const char *url, struct err *err)
{
    const struct s3_config config = s3_config_from_environment();
    SCOPED(s3_close) struct s3 *s3 = NULL;
    TRY(s3_open(&config, url, &s3, err));
    return go_through(roots, url, bytes_str(url), s3_run, s3, false, err);
}

/* What a list named before and does not name now is not gone: nobody looked. */
static enum rc walk_names(struct roots *roots, struct err *err)
{
    SCOPED(mem_free) char *base = realpath(".", NULL);
    int64_t root;

    if (base == NULL)
        FAIL_SYS(err, "cannot tell the current folder");
    TRY(state_root(roots->state, bytes_str("-"), &root, err));
    const struct source_visitor visitor = intake_visitor(roots->intake, root);
    struct walk_list list = {.in = roots->options->list,
                             .end = roots->options->list_end,
                             .base = base,
                             .options = &roots->options->walk};
    return walk_list_run(&list, &visitor, err);
}

enum rc roots_walk(struct roots *roots, struct err *err)
{
    for (int i = 0; i < roots->options->n_paths; i++) {
        const char *path = roots->options->paths[i];
        TRY(s3_is_url(path) ? read_bucket(roots, path, err) : walk_path(roots, path, err));
    }
    return roots->options->list != NULL ? walk_names(roots, err) : RC_OK;
}
