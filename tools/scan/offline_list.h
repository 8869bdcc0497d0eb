/* Exported lists as tools/scan/offline.h holds them: entries in the order of their lines. */
#ifndef TOOLS_SCAN_OFFLINE_LIST_H
#define TOOLS_SCAN_OFFLINE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"

struct offline_entry {
    bool pdq; /* else sha256 */
    uint8_t value[32];
    uint32_t list;
    int64_t ms;         /* of a clip's frame; -1: none */
    char *name;         /* owned: the entry's id, or "line 17" */
    const char *labels; /* separated by spaces; owned by the list, entries in a row share it */
};

struct offline_list {
    uint32_t n;
    struct offline_entry *entry; /* owned */
    uint64_t skipped;            /* md5 and sha1 */
    unsigned n_names;
    char **name; /* owned: of each list, its file's name without folder and ending */
    size_t n_labels;
    char **labels; /* owned: different ones in a row */
};

/* Adds a list; RC_INPUT names file and line.  Zeroed it is empty. */
MUST_CHECK enum rc offline_list_read(struct offline_list *list, const char *path, uint32_t number,
                                     struct err *err);
void offline_list_clear(struct offline_list *list);

#endif
