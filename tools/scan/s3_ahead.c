#include "tools/scan/s3_ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum ahead_is { AHEAD_NOT, AHEAD_WANTED, AHEAD_READING, AHEAD_READ };

struct ahead_object {
    enum ahead_is is;
    int memfd;
    struct err why; /* when it could not be read */
};

struct s3_ahead {
    struct s3 *s3;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct s3_page *page;
    struct ahead_object *object; /* owned: of each of the page */
    size_t first;                /* nothing before it is wanted and not begun */
    unsigned objects;            /* that are wanted, being read or held */
    uint64_t bytes;              /* of those */
    bool ended;
    unsigned n_readers;
    struct reader {
        struct s3_ahead *ahead;
        struct s3 *s3; /* owned: a connection of its own */
        pthread_t thread;
    } reader[S3_AHEAD_READERS];
};

/* The next object that is wanted and not begun; false when there will be none. */
static bool next_wanted(struct s3_ahead *a, size_t *ret)
{
    for (;;) {
        size_t n = a->page != NULL ? a->page->n : 0;
        while (a->first < n && a->object[a->first].is != AHEAD_WANTED)
            a->first++;
        if (a->ended || a->first < n)
            break;
        pthread_cond_wait(&a->changed, &a->lock);
    }
    *ret = a->first;
    return !a->ended;
}

static void *run(void *ctx)
{
    struct reader *r = ctx;
    struct s3_ahead *a = r->ahead;
    size_t i;

    pthread_mutex_lock(&a->lock);
    while (next_wanted(a, &i)) {
        struct ahead_object *o = &a->object[i];
        const struct s3_object *object = &a->page->objects[i];
        int memfd = -1;
        o->is = AHEAD_READING;
        pthread_mutex_unlock(&a->lock);
        struct err why = {.rc = RC_OK};
        why.rc = s3_object_load(r->s3, object, object->size, &memfd, &why);
        pthread_mutex_lock(&a->lock);
        o->memfd = memfd;
        o->why = why;
        o->is = AHEAD_READ;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static enum rc start_reader(struct s3_ahead *a, struct err *err)
{
    struct reader *r = &a->reader[a->n_readers];
    r->ahead = a;
    TRY(s3_again(a->s3, &r->s3, err));
    errno = pthread_create(&r->thread, NULL, run, r);
    if (errno != 0) {
        err_set_sys(err, errno, HERE, "cannot start a thread");
        s3_close(r->s3);
        return RC_SYS;
    }
    a->n_readers++;
    return RC_OK;
}

enum rc s3_ahead_new(struct s3 *s3, struct s3_ahead **ret, struct err *err)
{
    SCOPED(s3_ahead_free) struct s3_ahead *a = calloc(1, sizeof *a);
    if (a == NULL)
        FAIL(err, RC_NOMEM, "no memory for a bucket");
    a->s3 = s3;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    while (a->n_readers < S3_AHEAD_READERS)
        TRY(start_reader(a, err));
    *ret = TAKE(a);
    return RC_OK;
}

void s3_ahead_leave(struct s3_ahead *a)
{
    size_t n = a->page != NULL ? a->page->n : 0;
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < n; i++)
        if (a->object[i].is == AHEAD_WANTED)
            a->object[i].is = AHEAD_NOT;
    for (size_t i = 0; i < n; i++) {
        while (a->object[i].is == AHEAD_READING)
            pthread_cond_wait(&a->changed, &a->lock);
        fd_close_scoped(&a->object[i].memfd);
    }
    free(a->object);
    a->object = NULL;
    a->page = NULL;
    a->first = a->objects = 0;
    a->bytes = 0;
    pthread_mutex_unlock(&a->lock);
}

void s3_ahead_free(struct s3_ahead *a)
{
    if (a == NULL)
        return;
    s3_ahead_leave(a);
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->n_readers; i++) {
        pthread_join(a->reader[i].thread, NULL);
        s3_close(a->reader[i].s3);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

enum rc s3_ahead_page(struct s3_ahead *a, const struct s3_page *page, struct err *err)
{
    struct ahead_object *object = calloc(page->n + 1, sizeof *object);
    if (object == NULL)
        FAIL(err, RC_NOMEM, "no memory for a listing");
    for (size_t i = 0; i < page->n; i++)
        object[i].memfd = -1;
    pthread_mutex_lock(&a->lock);
    a->object = object;
    a->page = page;
    pthread_mutex_unlock(&a->lock);
    return RC_OK;
}

bool s3_ahead_has_room(const struct s3_ahead *a, size_t i)
{
    uint64_t size = a->page->objects[i].size;
    return a->objects < S3_AHEAD_OBJECTS && size <= S3_AHEAD_BYTES - a->bytes;
}

void s3_ahead_want(struct s3_ahead *a, size_t i)
{
    pthread_mutex_lock(&a->lock);
    a->object[i].is = AHEAD_WANTED;
    a->first = i < a->first ? i : a->first;
    a->objects++;
    a->bytes += a->page->objects[i].size;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

enum rc s3_ahead_load(struct s3_ahead *a, size_t i, uint64_t max, int *ret_memfd, struct err *err)
{
    const struct s3_object *object = &a->page->objects[i];
    struct ahead_object *o = &a->object[i];

    pthread_mutex_lock(&a->lock);
    bool ahead = o->is != AHEAD_NOT;
    while (ahead && o->is != AHEAD_READ)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    if (!ahead || o->why.rc != RC_OK || object->size > max || o->memfd < 0)
        /* A failure is tried anew: this one may have been the eighth request of a second. */
        return s3_object_load(a->s3, object, max, ret_memfd, err);
    *ret_memfd = fd_take(&o->memfd);
    return RC_OK;
}

void s3_ahead_visited(struct s3_ahead *a, size_t i)
{
    struct ahead_object *o = &a->object[i];
    pthread_mutex_lock(&a->lock);
    if (o->is != AHEAD_NOT) {
        while (o->is == AHEAD_READING)
            pthread_cond_wait(&a->changed, &a->lock);
        o->is = AHEAD_NOT;
        a->objects--;
        a->bytes -= a->page->objects[i].size;
        fd_close_scoped(&o->memfd);
        o->memfd = -1;
    }
    pthread_mutex_unlock(&a->lock);
}
