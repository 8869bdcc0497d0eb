/* Names of a list, each a root of its own. */
#include <string.h>

#include "hashing/base/scoped.h"
#include "tools/scan/path.h"
#include "tools/scan/walk.h"

struct line {
    size_t n;
    bool over; /* more came than a name may have */
    char text[SOURCE_NAME_MAX + 1];
};

/* False at the end of the list. */
static bool next_line(const struct walk_list *list, struct line *line)
{
    int c;
    line->n = 0;
    line->over = false;
    while ((c = getc_unlocked(list->in)) != EOF && c != list->end) {
        if (line->n == SOURCE_NAME_MAX || c == '\0')
            line->over = true;
        else
            line->text[line->n++] = (char)c;
    }
    line->text[line->n] = '\0';
    return c != EOF || line->n > 0;
}

/* A visitor's failure ends the list; what concerns this name alone does not. */
struct listing {
    const struct source_visitor *visitor;
    bool ended;
};

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct listing *l = ctx;
    enum rc rc = l->visitor->item(l->visitor->ctx, item, err);
    l->ended = l->ended || rc != RC_OK;
    return rc;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    struct listing *l = ctx;
    enum rc rc = l->visitor->trouble(l->visitor->ctx, name, identity, why, err);
    l->ended = l->ended || rc != RC_OK;
    return rc;
}

static enum rc visit_line(const struct walk_list *list, struct listing *l, const struct line *line,
                          struct err *err)
{
    const struct source_visitor inner = {
        .ctx = l, .item = on_item, .trouble = on_trouble, .stop = l->visitor->stop};
    SCOPED(mem_free) char *name = NULL;
    struct err why;
    enum rc rc = RC_INPUT;

    /* Whoever made the list could follow the links to a name's folder; the name itself is none. */
    if (line->over)
        err_set(&why, RC_INPUT, HERE, "the name is too long, or holds a zero byte");
    else
        rc = path_of_entry(list->base, line->text, &name, &why);
    if (rc == RC_OK)
        rc = walk_run(&(struct walk){.name = name, .options = list->options}, &inner, &why);
    if (rc == RC_OK)
        return RC_OK;
    if (l->ended || (l->visitor->stop != NULL && atomic_load(l->visitor->stop))) {
        *err = why;
        return rc;
    }
    struct bytes told = name != NULL ? bytes_str(name) : bytes_of(line->text, line->n);
    return l->visitor->trouble(l->visitor->ctx, told, NULL, &why, err);
}

enum rc walk_list_run(void *list_, const struct source_visitor *visitor, struct err *err)
{
    const struct walk_list *list = list_;
    struct listing listing = {.visitor = visitor};
    SCOPED(mem_free) struct line *line = malloc(sizeof *line);

    if (line == NULL)
        FAIL(err, RC_NOMEM, "no memory for a list");
    while (next_line(list, line)) {
        if (visitor->stop != NULL && atomic_load(visitor->stop))
            FAIL(err, RC_BUSY, "stopped");
        if (line->n > 0)
            TRY(visit_line(list, &listing, line, err));
    }
    if (ferror(list->in))
        FAIL_SYS(err, "cannot read the list");
    return RC_OK;
}
