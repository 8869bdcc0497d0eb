/*
 * Memory for large arrays that are read at random, in pages of 2 MiB where the kernel has them:
 * with pages of 4 KiB most of such reads first look for the page.  Zeroed; not from malloc(), so
 * that it goes back to the kernel when it is freed.
 */
#ifndef DB_LARGE_PAGES_H
#define DB_LARGE_PAGES_H

#include <stddef.h>

/* NULL without memory. */
void *large_pages_new(size_t size);
void large_pages_free(void *p, size_t size);

/* Asks for large pages in memory of malloc()'s that was just allocated and will be filled whole. */
void large_pages_ask(void *p, size_t size);

#endif
