/* Archives of every kind, from members that a test knows: written by libarchive. */
#ifndef TESTS_SUPPORT_MADE_ARCHIVE_H
#define TESTS_SUPPORT_MADE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct made_entry {
    const char *name;
    const void *p;
    size_t n;
    char
        type; /* 'f' or 0: file; 'd' folder, 'l' symlink, 'h' hard link, 'c' 'b' device, 'p' FIFO */
    const char *link; /* where links point */
    int64_t hole;     /* so many zeros in front, sparse where the format can; negative: behind */
};

/*
 * format: libarchive's name ("zip", "7zip", "pax", "gnutar", "newc", "iso9660", "raw");
 * filter: "none", "gzip", …; options: NULL or libarchive's, password: NULL or for a zip.
 * A sealed memfd, which is the caller's.
 */
int made_archive(const char *format, const char *filter, const char *options, const char *password,
                 const struct made_entry *entries, size_t n);

/* A sealed memfd of these bytes. */
int made_sealed(const void *p, size_t n);
/* The first n bytes of fd (all: SIZE_MAX), as a buffer to free. */
uint8_t *made_bytes(int fd, size_t *ret_n);

#endif
