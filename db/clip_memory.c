#include "db/clip_memory.h"

#include <stdlib.h>
#include <string.h>

void *clip_memory_grow(struct clip_memory *memory, void *old, size_t old_size, size_t size)
{
    size_t more = size - old_size;
    if (memory->failed != RC_OK)
        return NULL;
    if (more > memory->most - memory->used) {
        memory->failed = RC_LIMIT;
        return NULL;
    }
    char *p = realloc(old, size);
    if (p == NULL) {
        memory->failed = RC_NOMEM;
        return NULL;
    }
    memset(p + old_size, 0, more);
    memory->used += more;
    return p;
}

void clip_memory_free(struct clip_memory *memory, void *p, size_t size)
{
    if (p != NULL)
        memory->used -= size;
    free(p);
}
