#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "db/snapshot_format.h"

/* Read in pieces that are still in the cache when their checksum is taken. */
enum { PIECE = 1 << 18 };

struct snapshot_in {
    char *path;
    int fd;
    struct snapshot_header header;
    XXH3_state_t *sum; /* of the section's bytes */
    uint64_t section;  /* number, from 1; 0: before the first */
    char tag[SNAPSHOT_TAG + 1];
    uint64_t left; /* of the section */
    uint64_t at;   /* where the next read begins */
};

void snapshot_close(struct snapshot_in *in)
{
    if (in == NULL)
        return;
    if (in->fd >= 0)
        close(in->fd);
    XXH3_freeState(in->sum);
    free(in->path);
    free(in);
}

/* --- bytes --- */

static enum rc read_piece(struct snapshot_in *in, uint8_t *p, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t got = pread(in->fd, p, n, (off_t)in->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            FAIL_SYS(err, "snapshot %s: cannot be read", in->path);
        if (got == 0)
            FAIL(err, RC_STORE, "snapshot %s: became shorter while it was read", in->path);
        p += got;
        n -= (size_t)got;
        in->at += (uint64_t)got;
    }
    return RC_OK;
}

/* --- the file --- */

static enum rc open_file(const char *path, int *ret_fd, uint64_t *ret_size, struct err *err)
{
    SCOPED(fd_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        FAIL(err, RC_NOTFOUND, "snapshot %s: does not exist", path);
    if (fd < 0 && errno == ELOOP)
        FAIL(err, RC_STORE, "snapshot %s: is a symbolic link", path);
    if (fd < 0 || fstat(fd, &st) != 0)
        FAIL_SYS(err, "snapshot %s: cannot be opened", path);
    if (!S_ISREG(st.st_mode))
        FAIL(err, RC_STORE, "snapshot %s: is not a file", path);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        FAIL(err, RC_STORE, "snapshot %s: someone else may have written it", path);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = fd_take(&fd);
    return RC_OK;
}

static enum rc check_header(const struct snapshot_in *in, uint64_t size, struct err *err)
{
    const struct snapshot_header *header = &in->header;
    if (memcmp(header->magic, snapshot_magic, sizeof(snapshot_magic)) != 0)
        FAIL(err, RC_STORE, "snapshot %s: is no snapshot", in->path);
    if (header->order != snapshot_order)
        FAIL(err, RC_STORE, "snapshot %s: is of another kind of machine", in->path);
    if (header->version != SNAPSHOT_VERSION)
        FAIL(err, RC_STORE, "snapshot %s: has version %u, not %d", in->path,
             (unsigned)header->version, SNAPSHOT_VERSION);
    if (header->checksum != XXH3_64bits(header, offsetof(struct snapshot_header, checksum)))
        FAIL(err, RC_STORE, "snapshot %s: the header's checksum is wrong", in->path);
    if (header->length != size)
        FAIL(err, RC_STORE, "snapshot %s: has %llu bytes instead of %llu", in->path,
             (unsigned long long)size, (unsigned long long)header->length);
    if (header->head.generation == 0 || header->head.audit_seq == 0)
        FAIL(err, RC_STORE, "snapshot %s: is of no list", in->path);
    return RC_OK;
}

enum rc snapshot_open(const char *path, struct snapshot_head *ret_head, struct snapshot_in **ret,
                      struct err *err)
{
    SCOPED(snapshot_close) struct snapshot_in *in = calloc(1, sizeof(*in));
    if (in == NULL)
        FAIL(err, RC_NOMEM, "snapshot: no memory");
    in->fd = -1;
    in->path = strdup(path);
    in->sum = XXH3_createState();
    if (in->path == NULL || in->sum == NULL)
        FAIL(err, RC_NOMEM, "snapshot: no memory");

    uint64_t size = 0;
    TRY(open_file(path, &in->fd, &size, err));
    if (size < sizeof(in->header))
        FAIL(err, RC_STORE, "snapshot %s: is no snapshot", path);
    TRY(read_piece(in, (uint8_t *)&in->header, sizeof(in->header), err));
    TRY(check_header(in, size, err));
    *ret_head = in->header.head;
    *ret = TAKE(in);
    return RC_OK;
}

/* --- sections --- */

static enum rc end_section(struct snapshot_in *in, struct err *err)
{
    uint64_t sum = 0;
    if (in->section == 0)
        return RC_OK;
    if (in->left != 0)
        FAIL(err, RC_STORE, "snapshot %s: section %s: %llu bytes too long", in->path, in->tag,
             (unsigned long long)in->left);
    if (in->at + sizeof(sum) > in->header.length)
        FAIL(err, RC_STORE, "snapshot %s: ends within section %s", in->path, in->tag);
    TRY(read_piece(in, (uint8_t *)&sum, sizeof(sum), err));
    if (sum != XXH3_64bits_digest(in->sum))
        FAIL(err, RC_STORE, "snapshot %s: section %s: the checksum is wrong", in->path, in->tag);
    return RC_OK;
}

/* The checksum of a section is verified with its last byte, that of an empty one at once. */
static enum rc begin_section(struct snapshot_in *in, const struct snapshot_section_head *head,
                             struct err *err)
{
    in->section++;
    memcpy(in->tag, head->tag, SNAPSHOT_TAG);
    in->left = head->length;
    XXH3_64bits_reset(in->sum);
    return in->left == 0 ? end_section(in, err) : RC_OK;
}

enum rc snapshot_next(struct snapshot_in *in, const char *tag, uint64_t *ret_length,
                      struct err *err)
{
    struct snapshot_section_head head;
    if (in->left != 0)
        FAIL(err, RC_STORE, "snapshot %s: section %s: %llu bytes too long", in->path, in->tag,
             (unsigned long long)in->left);
    if (in->section == in->header.sections || in->at + sizeof(head) > in->header.length)
        FAIL(err, RC_STORE, "snapshot %s: ends before section %s", in->path, tag);
    TRY(read_piece(in, (uint8_t *)&head, sizeof(head), err));
    if (head.checksum != XXH3_64bits(&head, offsetof(struct snapshot_section_head, checksum)))
        FAIL(err, RC_STORE, "snapshot %s: the checksum of the head of section %s is wrong",
             in->path, tag);
    if (strncmp(head.tag, tag, SNAPSHOT_TAG) != 0)
        FAIL(err, RC_STORE, "snapshot %s: holds %.*s where section %s belongs", in->path,
             SNAPSHOT_TAG, head.tag, tag);
    if (head.length > in->header.length - in->at)
        FAIL(err, RC_STORE, "snapshot %s: ends within section %s", in->path, tag);
    TRY(begin_section(in, &head, err));
    *ret_length = head.length;
    return RC_OK;
}

enum rc snapshot_take(struct snapshot_in *in, void *p, size_t n, struct err *err)
{
    uint8_t *to = p;
    if (n == 0)
        return RC_OK;
    if (n > in->left)
        FAIL(err, RC_STORE, "snapshot %s: section %s: is too short", in->path, in->tag);
    for (size_t piece; n > 0; to += piece, n -= piece, in->left -= piece) {
        piece = n < PIECE ? n : PIECE;
        TRY(read_piece(in, to, piece, err));
        XXH3_64bits_update(in->sum, to, piece);
    }
    return in->left == 0 ? end_section(in, err) : RC_OK;
}

enum rc snapshot_end(struct snapshot_in *in, struct err *err)
{
    if (in->left != 0 || in->section != in->header.sections || in->at != in->header.length)
        FAIL(err, RC_STORE, "snapshot %s: holds more than the list", in->path);
    return RC_OK;
}
