/*
 * The memory that one lookup takes to note what it finds of clips: counted, and limited, for a
 * list may be made so that everything is found everywhere.
 */
#ifndef DB_CLIP_MEMORY_H
#define DB_CLIP_MEMORY_H

#include <stddef.h>

#include "hashing/base/err.h"

struct clip_memory {
    size_t used, most; /* bytes */
    enum rc failed;    /* RC_NOMEM, or RC_LIMIT: over most; the first one stays */
};

/*
 * Makes room for `size` bytes where there were old_size (0: none, old is NULL); what is new is
 * zero.  NULL on failure, which leaves the old memory as it is.
 */
void *clip_memory_grow(struct clip_memory *memory, void *old, size_t old_size, size_t size);

/* p may be NULL; size is what it was grown to. */
void clip_memory_free(struct clip_memory *memory, void *p, size_t size);

#endif
