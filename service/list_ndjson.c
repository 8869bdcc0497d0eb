/* One JSON object a line; reads our own export back. */
#include <string.h>

#include "service/ask.h"
#include "service/json_in.h"
#include "service/list_line.h"

/* Labels as one text, as the other formats have them. */
static void labels_join(const struct labels *labels, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < labels->n; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : " ", labels->label[i]);
        used += (size_t)n; /* fits: LABELS_MAX * (LABEL_MAX + 1) < size */
    }
}

static bool blank(struct bytes line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t')
            return false;
    return true;
}

enum rc list_ndjson_line(struct list_reader *r, struct bytes line, struct err *err)
{
    /* An export tells entry and reason too; an import has its own. */
    static const char *const members[] = {"type",   "value", "quality", "ms", "labels",
                                          "source", "entry", "reason",  NULL};
    static const char *const of_signal[] = {"type", "value", "quality", "ms", NULL};
    SCOPED(json_free) json_t *object = NULL;
    SCOPED(json_free) json_t *bare = json_object();
    struct labels labels = {0};
    char joined[LABELS_MAX * (LABEL_MAX + 1) + 1];
    const char *source = NULL;
    struct signal signal;
    bool given;

    if (blank(line))
        return RC_OK;
    enum rc rc = json_in_object(line, &object, err);
    if (rc == RC_INPUT) /* its words speak of the body's lines */
        FAIL(err, RC_INPUT, "not a JSON object, or one with a member twice");
    TRY(rc);
    TRY(json_in_only(object, members, "this line", err));
    for (size_t i = 0; of_signal[i] != NULL; i++) {
        json_t *member = json_object_get(object, of_signal[i]);
        if (member != NULL && json_object_set(bare, of_signal[i], member) != 0)
            FAIL(err, RC_NOMEM, "list");
    }
    TRY(json_in_signal(bare, "this line", &signal, err));
    TRY(json_in_labels(object, "labels", &labels, &given, err));
    labels_join(&labels, joined, sizeof joined);
    TRY(json_in_text(object, "source", "this line", false, SOURCE_MAX, &source, err));
    return list_line_add(r, &signal, joined, source == NULL ? "" : source, err);
}
