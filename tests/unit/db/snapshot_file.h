/* Whole files in and out of memory, for tests of snapshots. */
#ifndef TESTS_UNIT_DB_SNAPSHOT_FILE_H
#define TESTS_UNIT_DB_SNAPSHOT_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/snapshot.h"
#include "tests/support/tmpdir.h"

struct file {
    uint8_t *p; /* owned */
    size_t n;
};
static inline void file_drop_scoped(struct file *file)
{
    free(file->p);
}

static inline struct file file_read(const char *path)
{
    struct stat st;
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_int_equal(fstat(fileno(in), &st), 0);
    struct file file = {.p = malloc((size_t)st.st_size + 1), .n = (size_t)st.st_size};
    assert_non_null(file.p);
    assert_int_equal(fread(file.p, 1, file.n, in), file.n);
    fclose(in);
    return file;
}

static inline void file_write(const char *path, const void *p, size_t n)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(p, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

struct path {
    char text[300], temporary[320];
};

/* A path in the test's folder that no one used. */
static inline struct path path_new(void)
{
    static int made;
    struct path path;
    snprintf(path.text, sizeof(path.text), "%s/%d.snapshot", tmpdir(), made++);
    snprintf(path.temporary, sizeof(path.temporary), "%s.new", path.text);
    return path;
}

#endif
