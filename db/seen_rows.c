#include "db/seen_rows.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCHES = 1 << (32 - SEEN_ROW_BITS) };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* frees a thread's when the thread ends */
static bool usable;
static _Thread_local struct seen_rows *mine;

static void make_key(void)
{
    usable = pthread_key_create(&key, free) == 0;
}

/* NULL without memory. */
static struct seen_rows *of_this_thread(void)
{
    if (mine != NULL)
        return mine;
    pthread_once(&once, make_key);
    struct seen_rows *made = usable ? calloc(1, sizeof(*made)) : NULL;
    if (made != NULL && pthread_setspecific(key, made) != 0) {
        free(made);
        made = NULL;
    }
    mine = made;
    return mine;
}

struct seen_rows *seen_rows_begin(void)
{
    struct seen_rows *seen = of_this_thread();
    if (seen == NULL)
        return NULL;
    if (++seen->search == SEARCHES) {
        memset(seen->slot, 0, sizeof(seen->slot));
        seen->search = 1;
    }
    return seen;
}
