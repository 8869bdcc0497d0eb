/* Labels of an entry as a state keeps them: one text, separated by spaces, for they hold none. */
#ifndef TOOLS_SCAN_LABELS_H
#define TOOLS_SCAN_LABELS_H

#include <jansson.h>

#include "hashing/base/err.h"

/* From an array of strings; what is none counts as "", and no array is no labels.  *ret is owned.
 * RC_NOMEM. */
MUST_CHECK enum rc labels_join(const json_t *labels, char **ret, struct err *err);

/* The array that they were; NULL without memory. */
json_t *labels_split(const char *labels);

#endif
