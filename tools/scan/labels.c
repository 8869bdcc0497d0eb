#include "tools/scan/labels.h"

#include <stdio.h>
#include <string.h>

enum rc labels_join(const json_t *labels, char **ret, struct err *err)
{
    const json_t *label;
    size_t length, i;
    FILE *out = open_memstream(ret, &length);
    if (out == NULL)
        FAIL(err, RC_NOMEM, "no memory for labels");
    json_array_foreach(labels, i, label)
    {
        const char *text = json_string_value(label);
        fprintf(out, "%s%s", i > 0 ? " " : "", text != NULL ? text : "");
    }
    if (fclose(out) != 0)
        FAIL(err, RC_NOMEM, "no memory for labels");
    return RC_OK;
}

json_t *labels_split(const char *text)
{
    json_t *labels = json_array();
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        json_array_append_new(labels, json_stringn(text, n));
        text += n + (text[n] == ' ');
    }
    return labels;
}
