/*
 * Cleanup at the end of a scope instead of goto ladders.
 *
 *     SCOPED(body_free) struct body *body = NULL;
 *     …
 *     *ret = TAKE(body);
 *
 * Rules: no goto anywhere (mixing the two is unsafe); a function that calls setjmp owns nothing,
 * its caller owns and scopes; every free function accepts NULL and half-built objects.
 */
#ifndef HASHING_BASE_SCOPED_H
#define HASHING_BASE_SCOPED_H

#include <stdlib.h>
#include <unistd.h>

#define SCOPED(fn) __attribute__((cleanup(fn##_scoped)))

/* Written under the declaration of `void fn(type)`, where type is a pointer. */
#define SCOPED_DEFINE(fn, type)                                                                    \
    static inline void fn##_scoped(type *p)                                                        \
    {                                                                                              \
        if (*p != NULL)                                                                            \
            fn(*p);                                                                                \
    }

/* Gives *p to a new owner and leaves NULL behind. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __auto_type take_p_ = (p);                                                                 \
        (p) = NULL;                                                                                \
        take_p_;                                                                                   \
    })

static inline void mem_free_scoped(void *p)
{
    void **pp = p;
    free(*pp);
}

static inline void fd_close_scoped(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Gives a descriptor to a new owner and leaves -1 behind. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#endif
