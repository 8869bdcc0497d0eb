#include "tests/support/oom.h"

#include <stdatomic.h>
#include <stddef.h>

static atomic_uint left; /* allocations until one fails; 0: not armed */
static atomic_bool failed;

void oom_arm(unsigned nth)
{
    atomic_store(&failed, false);
    atomic_store(&left, nth);
}

bool oom_disarm(void)
{
    atomic_store(&left, 0);
    return atomic_load(&failed);
}

static bool fails_now(void)
{
    unsigned n = atomic_load(&left);
    while (n > 0)
        if (atomic_compare_exchange_weak(&left, &n, n - 1)) {
            if (n == 1)
                atomic_store(&failed, true);
            return n == 1;
        }
    return false;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    return fails_now() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails_now() ? NULL : __real_strndup(s, n);
}
