/* An entry and its signals as JSON; NULL when there is no memory. */
#ifndef SERVICE_ENTRY_JSON_H
#define SERVICE_ENTRY_JSON_H

#include <jansson.h>

#include "db/records.h"

json_t *entry_json(const struct entry *entry);

/* {"type","value","quality"?,"ms"?} */
json_t *signal_json(const struct signal *signal);

#endif
