#include "db/large_pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum { LARGE_PAGE = 2 << 20 };

static size_t rounded(size_t size)
{
    size_t whole = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    return whole != 0 ? whole : LARGE_PAGE;
}

void *large_pages_new(size_t size)
{
    /* The kernel does not align by itself: take one page more and give the ends back. */
    size_t whole = rounded(size), taken = whole + LARGE_PAGE;
    char *p = mmap(NULL, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)p % LARGE_PAGE);
    if (before > 0)
        munmap(p, before);
    munmap(p + before + whole, taken - before - whole);
    /* A kernel without them serves the same memory in small pages. */
    (void)madvise(p + before, whole, MADV_HUGEPAGE);
    return p + before;
}

void large_pages_free(void *p, size_t size)
{
    if (p != NULL)
        munmap(p, rounded(size));
}

void large_pages_ask(void *p, size_t size)
{
    uintptr_t first = ((uintptr_t)p + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uintptr_t end = ((uintptr_t)p + size) / LARGE_PAGE * LARGE_PAGE;
    if (first < end)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}
