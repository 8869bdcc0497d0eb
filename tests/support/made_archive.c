#include "tests/support/made_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int ok, const char *what, struct archive *a)
{
    if (ok)
        return;
    fprintf(stderr, "made_archive: %s: %s\n", what,
            a != NULL ? archive_error_string(a) : strerror(errno));
    abort();
}

static void seal(int fd)
{
    must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) == 0, "seal", NULL);
}

int made_sealed(const void *p, size_t n)
{
    int fd = memfd_create("made", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    must(fd >= 0 && write(fd, p, n) == (ssize_t)n, "write", NULL);
    seal(fd);
    return fd;
}

uint8_t *made_bytes(int fd, size_t *ret_n)
{
    struct stat st;
    must(fstat(fd, &st) == 0, "fstat", NULL);
    size_t n = (size_t)st.st_size;
    uint8_t *p = malloc(n + 1);
    must(p != NULL && pread(fd, p, n, 0) == (ssize_t)n, "read", NULL);
    *ret_n = n;
    return p;
}

static unsigned type_of(char type)
{
    switch (type) {
    case 'd':
        return AE_IFDIR;
    case 'l':
        return AE_IFLNK;
    case 'c':
        return AE_IFCHR;
    case 'b':
        return AE_IFBLK;
    case 'p':
        return AE_IFIFO;
    default:
        return AE_IFREG;
    }
}

static void add_zeros(struct archive *a, int64_t n)
{
    char *zeros = calloc(1, (size_t)n);
    archive_write_data(a, zeros, (size_t)n);
    free(zeros);
}

static void add(struct archive *a, const struct made_entry *e)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, e->name);
    archive_entry_set_filetype(entry, type_of(e->type));
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 1700000000, 0);
    archive_entry_set_nlink(entry, 1);
    if (e->type == 'l')
        archive_entry_set_symlink(entry, e->link);
    if (e->type == 'h')
        archive_entry_set_hardlink(entry, e->link);
    int64_t hole = e->hole < 0 ? -e->hole : e->hole;
    archive_entry_set_size(entry, (la_int64_t)e->n + hole);
    if (hole > 0)
        archive_entry_sparse_add_entry(entry, e->hole > 0 ? hole : 0, (la_int64_t)e->n);
    must(archive_write_header(a, entry) >= ARCHIVE_WARN, e->name, a);
    if (e->hole > 0)
        add_zeros(a, hole); /* the writer of a sparse file skips what lies in holes */
    if (e->n > 0)
        must(archive_write_data(a, e->p, e->n) >= 0, e->name, a);
    if (e->hole < 0)
        add_zeros(a, hole);
    archive_entry_free(entry);
}

int made_archive(const char *format, const char *filter, const char *options, const char *password,
                 const struct made_entry *entries, size_t n)
{
    struct archive *a = archive_write_new();
    int fd = memfd_create("archive", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    setlocale(LC_CTYPE, "C.UTF-8");
    must(fd >= 0, "memfd", NULL);
    must(archive_write_set_format_by_name(a, format) == ARCHIVE_OK, format, a);
    if (strcmp(filter, "none") != 0)
        must(archive_write_add_filter_by_name(a, filter) == ARCHIVE_OK, filter, a);
    archive_write_set_bytes_per_block(a, 0);
    if (options != NULL)
        must(archive_write_set_options(a, options) == ARCHIVE_OK, options, a);
    if (password != NULL)
        must(archive_write_set_passphrase(a, password) == ARCHIVE_OK, "password", a);
    must(archive_write_open_fd(a, fd) == ARCHIVE_OK, "open", a);
    for (size_t i = 0; i < n; i++)
        add(a, &entries[i]);
    must(archive_write_close(a) == ARCHIVE_OK, "close", a);
    archive_write_free(a);
    seal(fd);
    return fd;
}
