#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "db/snapshot_format.h"

enum {
    BUFFER = 1 << 18, /* small pieces are gathered, large ones are cut into this */
    FLUSH = 8 << 20,  /* written back so far apart: an fsync at the end would hold up the
                       * store's own for as long as all of it takes */
    SPARE = 64 << 20  /* bytes of the disk that are left to the store */
};

struct snapshot_out {
    char *path, *temporary;
    const atomic_bool *cancel;
    int fd;
    bool made; /* the temporary file is ours to remove */
    struct snapshot_header header;
    struct snapshot_sum sum; /* of the section's bytes */
    uint64_t left;           /* of the section */
    uint64_t at;             /* bytes written to the file */
    uint64_t flushed;        /* of them handed to the disk */
    size_t filled;
    uint8_t buffer[BUFFER];
};

void snapshot_out_free(struct snapshot_out *out)
{
    if (out == NULL)
        return;
    if (out->made)
        unlink(out->temporary);
    if (out->fd >= 0)
        close(out->fd);
    snapshot_sum_clear(&out->sum);
    free(out->temporary);
    free(out->path);
    free(out);
}

/* --- the file --- */

/* Whether the name still leads to the open file. */
static bool names(const char *path, int fd)
{
    struct stat name, file;
    return lstat(path, &name) == 0 && fstat(fd, &file) == 0 && name.st_dev == file.st_dev &&
           name.st_ino == file.st_ino;
}

/*
 * Removes what a killed writer left.  A writer that lives holds a lock on its file, and nobody
 * removes one without holding it.
 */
static enum rc remove_stale(const char *path, struct err *err)
{
    SCOPED(fd_close) int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return RC_OK;
    if (fd < 0 || fstat(fd, &st) != 0)
        FAIL_SYS(err, "snapshot %s: stands in the way", path);
    if (!S_ISREG(st.st_mode))
        FAIL(err, RC_STORE, "snapshot %s: stands in the way and is not a file", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        FAIL(err, RC_BUSY, "snapshot %s: another process writes it", path);
    if (names(path, fd) && unlink(path) != 0)
        FAIL_SYS(err, "snapshot %s: cannot be removed", path);
    return RC_OK;
}

static enum rc make_file(struct snapshot_out *out, struct err *err)
{
    const char *path = out->temporary;
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    out->fd = open(path, flags, 0600);
    if (out->fd < 0 && errno == EEXIST) {
        TRY(remove_stale(path, err));
        out->fd = open(path, flags, 0600);
    }
    if (out->fd < 0)
        FAIL_SYS(err, "snapshot %s: cannot be made", path);
    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0 || !names(path, out->fd))
        FAIL(err, RC_BUSY, "snapshot %s: another process writes it", path);
    out->made = true;
    if (fchmod(out->fd, 0600) != 0) /* whatever the umask took */
        FAIL_SYS(err, "snapshot %s: mode", path);
    return RC_OK;
}

/* A rename would replace a link or a pipe and fail on a folder only at the end. */
static enum rc check_target(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        FAIL(err, RC_STORE, "snapshot %s: is not a file", path);
    return RC_OK;
}

static enum rc copy_names(struct snapshot_out *out, const char *path, struct err *err)
{
    size_t size = strlen(path) + sizeof(".new");
    out->path = strdup(path);
    out->temporary = malloc(size);
    if (out->path == NULL || out->temporary == NULL || !snapshot_sum_new(&out->sum))
        FAIL(err, RC_NOMEM, "snapshot: no memory");
    snprintf(out->temporary, size, "%s.new", path);
    return RC_OK;
}

/* --- bytes --- */

static enum rc write_all(struct snapshot_out *out, const uint8_t *p, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t done = write(out->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            FAIL_SYS(err, "snapshot %s: cannot be written", out->temporary);
        p += done;
        n -= (size_t)done;
        out->at += (size_t)done;
    }
    return RC_OK;
}

static enum rc check_space(const struct snapshot_out *out, struct err *err)
{
    struct statvfs disk;
    if (fstatvfs(out->fd, &disk) != 0)
        FAIL_SYS(err, "snapshot %s: disk", out->temporary);
    if ((uint64_t)disk.f_bavail * disk.f_frsize < SPARE)
        FAIL(err, RC_STORE, "snapshot %s: disk almost full: %d MiB are left to the database",
             out->temporary, SPARE >> 20);
    return RC_OK;
}

/* Waits for the flush before the last, so that never more than two of them are under way. */
static enum rc flush_some(struct snapshot_out *out, struct err *err)
{
    if (out->at - out->flushed < FLUSH)
        return RC_OK;
    TRY(check_space(out, err));
    sync_file_range(out->fd, (off64_t)out->flushed, (off64_t)(out->at - out->flushed),
                    SYNC_FILE_RANGE_WRITE);
    if (out->flushed >= FLUSH)
        sync_file_range(out->fd, (off64_t)out->flushed - FLUSH, FLUSH,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                            SYNC_FILE_RANGE_WAIT_AFTER);
    out->flushed = out->at;
    return RC_OK;
}

static enum rc flush_buffer(struct snapshot_out *out, struct err *err)
{
    TRY(write_all(out, out->buffer, out->filled, err));
    out->filled = 0;
    if (out->cancel != NULL && atomic_load(out->cancel))
        FAIL(err, RC_BUSY, "snapshot %s: given up", out->path);
    return flush_some(out, err);
}

static enum rc put(struct snapshot_out *out, const void *p, size_t n, struct err *err)
{
    const uint8_t *from = p;
    while (n > 0) {
        size_t piece = n < BUFFER - out->filled ? n : BUFFER - out->filled;
        memcpy(out->buffer + out->filled, from, piece);
        out->filled += piece;
        from += piece;
        n -= piece;
        if (out->filled == BUFFER)
            TRY(flush_buffer(out, err));
    }
    return RC_OK;
}

/* --- sections --- */

enum rc snapshot_create(const char *path, const struct snapshot_head *head,
                        const atomic_bool *cancel, struct snapshot_out **ret, struct err *err)
{
    SCOPED(snapshot_out_free) struct snapshot_out *out = calloc(1, sizeof(*out));
    if (out == NULL)
        FAIL(err, RC_NOMEM, "snapshot: no memory");
    out->fd = -1;
    out->cancel = cancel;
    TRY(copy_names(out, path, err));
    TRY(check_target(path, err));
    TRY(make_file(out, err));
    TRY(check_space(out, err));

    memcpy(out->header.magic, snapshot_magic, sizeof(snapshot_magic));
    out->header.order = snapshot_order;
    out->header.version = SNAPSHOT_VERSION;
    out->header.head = *head;
    /* Its place; without length and checksum nobody believes it. */
    TRY(put(out, &out->header, sizeof(out->header), err));
    *ret = TAKE(out);
    return RC_OK;
}

static enum rc end_section(struct snapshot_out *out, struct err *err)
{
    if (out->header.sections == 0)
        return RC_OK;
    if (out->left != 0)
        FAIL(err, RC_STORE, "snapshot %s: section %llu is short of %llu bytes", out->path,
             (unsigned long long)out->header.sections, (unsigned long long)out->left);
    uint64_t sum = snapshot_sum_end(&out->sum);
    return put(out, &sum, sizeof(sum), err);
}

enum rc snapshot_section(struct snapshot_out *out, const char *tag, uint64_t length,
                         struct err *err)
{
    struct snapshot_section_head head = {.length = length};
    TRY(end_section(out, err));
    memcpy(head.tag, tag, strnlen(tag, SNAPSHOT_TAG));
    head.checksum = XXH3_64bits(&head, offsetof(struct snapshot_section_head, checksum));
    out->header.sections++;
    out->left = length;
    snapshot_sum_begin(&out->sum);
    return put(out, &head, sizeof(head), err);
}

enum rc snapshot_put(struct snapshot_out *out, const void *p, size_t n, struct err *err)
{
    const uint8_t *from = p;
    if (n > out->left)
        FAIL(err, RC_STORE, "snapshot %s: section %llu: more bytes than it was to have", out->path,
             (unsigned long long)out->header.sections);
    out->left -= n;
    /* Cut, so that a piece is summed while it is in the cache for the write. */
    for (size_t piece; n > 0; from += piece, n -= piece) {
        piece = n < BUFFER ? n : BUFFER;
        snapshot_sum_add(&out->sum, from, piece);
        TRY(put(out, from, piece, err));
    }
    return RC_OK;
}

static enum rc sync_folder(const char *path, struct err *err)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (n >= sizeof(folder))
        FAIL(err, RC_STORE, "snapshot: path too long");
    if (n > 0) {
        memcpy(folder, path, n);
        folder[n] = '\0';
    }
    SCOPED(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        FAIL_SYS(err, "snapshot: folder %s", folder);
    return RC_OK;
}

static enum rc write_header(struct snapshot_out *out, struct err *err)
{
    struct snapshot_header *header = &out->header;
    header->length = out->at;
    header->checksum = XXH3_64bits(header, offsetof(struct snapshot_header, checksum));
    if (pwrite(out->fd, header, sizeof(*header), 0) != sizeof(*header))
        FAIL_SYS(err, "snapshot %s: cannot be written", out->temporary);
    return RC_OK;
}

enum rc snapshot_commit(struct snapshot_out *out, uint64_t *ret_bytes, struct err *err)
{
    TRY(end_section(out, err));
    TRY(flush_buffer(out, err));
    TRY(write_header(out, err));
    if (fsync(out->fd) != 0)
        FAIL_SYS(err, "snapshot %s: cannot be written", out->temporary);
    TRY(check_target(out->path, err));
    if (rename(out->temporary, out->path) != 0)
        FAIL_SYS(err, "snapshot %s: cannot be renamed", out->temporary);
    out->made = false;
    if (ret_bytes != NULL)
        *ret_bytes = out->at;
    return sync_folder(out->path, err);
}
