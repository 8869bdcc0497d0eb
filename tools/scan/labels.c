#include "tools/scan/labels.h"

#include <stdio.h>

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
