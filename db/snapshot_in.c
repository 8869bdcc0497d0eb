#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "db/snapshot_format.h"

enum {
    MANY_PIECES = 8, /* worth more threads than one */
    THREADS = 4
};

struct snapshot_in {
    char *path;
    int fd;
    struct snapshot_header header;
    struct snapshot_sum sum; /* of the section's bytes */
    uint64_t section;        /* number, from 1; 0: before the first */
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
    snapshot_sum_clear(&in->sum);
    free(in->path);
    free(in);
}

/* --- bytes --- */

static enum rc read_at(const struct snapshot_in *in, uint64_t at, uint8_t *p, size_t n,
                       struct err *err)
{
    while (n > 0) {
        ssize_t got = pread(in->fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            FAIL_SYS(err, "snapshot %s: cannot be read", in->path);
        if (got == 0)
            FAIL(err, RC_STORE, "snapshot %s: became shorter while it was read", in->path);
        p += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return RC_OK;
}

static enum rc read_next(struct snapshot_in *in, void *p, size_t n, struct err *err)
{
    TRY(read_at(in, in->at, p, n, err));
    in->at += n;
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
    if (in->path == NULL || !snapshot_sum_new(&in->sum))
        FAIL(err, RC_NOMEM, "snapshot: no memory");

    uint64_t size = 0;
    TRY(open_file(path, &in->fd, &size, err));
    if (size < sizeof(in->header))
        FAIL(err, RC_STORE, "snapshot %s: is no snapshot", path);
    TRY(read_next(in, &in->header, sizeof(in->header), err));
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
    TRY(read_next(in, &sum, sizeof(sum), err));
    if (sum != snapshot_sum_end(&in->sum))
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
    snapshot_sum_begin(&in->sum);
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
    TRY(read_next(in, &head, sizeof(head), err));
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

/* --- whole pieces, by several threads: the kernel's copy is what takes the time --- */

struct pieces {
    const struct snapshot_in *in;
    uint8_t *to;
    size_t n;
    uint64_t *sum; /* of each */
    atomic_size_t next;
    atomic_bool failed;
};

struct piece_reader {
    struct pieces *pieces;
    pthread_t thread;
    bool started;
    enum rc rc;
    struct err err;
};

static void *read_pieces(void *arg)
{
    struct piece_reader *reader = arg;
    struct pieces *pieces = reader->pieces;
    size_t i;
    while ((i = atomic_fetch_add(&pieces->next, 1)) < pieces->n && !atomic_load(&pieces->failed)) {
        uint8_t *to = pieces->to + i * SNAPSHOT_PIECE;
        uint64_t at = pieces->in->at + i * SNAPSHOT_PIECE;
        reader->rc = read_at(pieces->in, at, to, SNAPSHOT_PIECE, &reader->err);
        if (reader->rc != RC_OK) {
            atomic_store(&pieces->failed, true);
            break;
        }
        pieces->sum[i] = XXH3_64bits(to, SNAPSHOT_PIECE);
    }
    return NULL;
}

/* The first reader is this thread; one that cannot be started is not missed. */
static enum rc read_by_all(struct pieces *pieces, struct err *err)
{
    struct piece_reader reader[THREADS] = {{.pieces = pieces}};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 1; i < THREADS && i < processors; i++) {
        reader[i].pieces = pieces;
        reader[i].started = pthread_create(&reader[i].thread, NULL, read_pieces, &reader[i]) == 0;
    }
    read_pieces(&reader[0]);
    for (size_t i = 1; i < THREADS; i++)
        if (reader[i].started)
            pthread_join(reader[i].thread, NULL);
    for (size_t i = 0; i < THREADS; i++)
        if (reader[i].rc != RC_OK) {
            if (err != NULL)
                *err = reader[i].err;
            return reader[i].rc;
        }
    return RC_OK;
}

static enum rc take_pieces(struct snapshot_in *in, uint8_t *to, size_t n, struct err *err)
{
    SCOPED(mem_free) uint64_t *sum = calloc(n, sizeof(*sum));
    if (sum == NULL)
        FAIL(err, RC_NOMEM, "snapshot: no memory");
    struct pieces pieces = {.in = in, .to = to, .n = n, .sum = sum};
    TRY(read_by_all(&pieces, err));
    for (size_t i = 0; i < n; i++)
        snapshot_sum_piece(&in->sum, sum[i]);
    in->at += n * SNAPSHOT_PIECE;
    return RC_OK;
}

/* Up to n bytes, at least one; *ret_n is how many. */
static enum rc take_some(struct snapshot_in *in, uint8_t *to, size_t n, size_t *ret_n,
                         struct err *err)
{
    size_t room = SNAPSHOT_PIECE - in->sum.in_piece;
    if (in->sum.in_piece == 0 && n / SNAPSHOT_PIECE >= MANY_PIECES) {
        *ret_n = n / SNAPSHOT_PIECE * SNAPSHOT_PIECE;
        return take_pieces(in, to, n / SNAPSHOT_PIECE, err);
    }
    *ret_n = n < room ? n : room;
    TRY(read_next(in, to, *ret_n, err));
    snapshot_sum_add(&in->sum, to, *ret_n);
    return RC_OK;
}

enum rc snapshot_take(struct snapshot_in *in, void *p, size_t n, struct err *err)
{
    uint8_t *to = p;
    if (n == 0)
        return RC_OK;
    if (n > in->left)
        FAIL(err, RC_STORE, "snapshot %s: section %s: is too short", in->path, in->tag);
    for (size_t some; n > 0; to += some, n -= some, in->left -= some)
        TRY(take_some(in, to, n, &some, err));
    return in->left == 0 ? end_section(in, err) : RC_OK;
}

enum rc snapshot_end(struct snapshot_in *in, struct err *err)
{
    if (in->left != 0 || in->section != in->header.sections || in->at != in->header.length)
        FAIL(err, RC_STORE, "snapshot %s: holds more than the list", in->path);
    return RC_OK;
}
