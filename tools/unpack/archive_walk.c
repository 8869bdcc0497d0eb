#include "tools/unpack/archive_walk.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hashing/base/scoped.h"
#include "hashing/sandbox/message.h"

enum {
    READ_SIZE = 256 << 10,
    RETRIES = 16,   /* libarchive may ask to be called again */
    FILTERS_MAX = 3 /* a tar.gz has one; each may multiply what comes by a thousand */
};

struct walk {
    const struct unpack_job *job;
    int fd;
    uint64_t at; /* in the archive */
    uint64_t member;
    uint8_t *buf;
    struct archive *archive;
};

static void walk_clear_scoped(struct walk *walk)
{
    if (walk->archive != NULL)
        archive_read_free(walk->archive);
    free(walk->buf);
}

enum rc unpack_send(struct unpack_head *head, const void *rest, size_t n, struct err *err)
{
    head->magic = UNPACK_MAGIC;
    head->version = UNPACK_VERSION;
    head->length = (uint32_t)n;
    const struct iovec parts[] = {{.iov_base = head, .iov_len = sizeof *head},
                                  {.iov_base = (void *)rest, .iov_len = n}};
    if (!message_send(MESSAGE_FD, parts, 2, -1, 0))
        FAIL_SYS(err, "cannot send");
    return RC_OK;
}

static enum rc send_outcome(enum unpack_said said, uint64_t member, uint64_t place,
                            const struct err *why, struct err *err)
{
    struct unpack_head head = {.said = said, .member = member, .rc = why->rc};
    char text[UNPACK_TEXT_SIZE];
    if (why->rc == RC_OK) {
        head.place = place;
        return unpack_send(&head, NULL, 0, err);
    }
    message_text(text, sizeof text, why->msg);
    return unpack_send(&head, text, sizeof text, err);
}

/* What libarchive reads by. */

static la_ssize_t on_read(struct archive *archive, void *ctx, const void **ret)
{
    struct walk *walk = ctx;
    uint64_t left = walk->job->size - walk->at;
    ssize_t n;
    do
        n = pread(walk->fd, walk->buf, left < READ_SIZE ? left : READ_SIZE, (off_t)walk->at);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(archive, errno, "cannot be read");
        return ARCHIVE_FATAL;
    }
    if (n == 0 && left > 0) {
        archive_set_error(archive, EIO, "became shorter while it was read");
        return ARCHIVE_FATAL;
    }
    walk->at += (uint64_t)n;
    *ret = walk->buf;
    return n;
}

static la_int64_t on_skip(struct archive *archive, void *ctx, la_int64_t request)
{
    struct walk *walk = ctx;
    uint64_t left = walk->job->size - walk->at;
    (void)archive;
    if (request < 0)
        return 0;
    uint64_t n = (uint64_t)request < left ? (uint64_t)request : left;
    walk->at += n;
    return (la_int64_t)n;
}

static la_int64_t on_seek(struct archive *archive, void *ctx, la_int64_t offset, int whence)
{
    struct walk *walk = ctx;
    int64_t base = whence == SEEK_SET   ? 0
                   : whence == SEEK_CUR ? (int64_t)walk->at
                                        : (int64_t)walk->job->size;
    int64_t to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0 || (uint64_t)to > walk->job->size) {
        archive_set_error(archive, EINVAL, "points outside of itself");
        return ARCHIVE_FATAL;
    }
    walk->at = (uint64_t)to;
    return to;
}

/* What libarchive could not do. */
static enum rc describe(struct walk *walk, const char *what, struct err *err)
{
    const char *text = archive_error_string(walk->archive);
    if (archive_errno(walk->archive) == ENOMEM)
        FAIL(err, RC_LIMIT, "needs more memory than the limit (memory)");
    FAIL(err, RC_UNDECODABLE, "%s%s", what, text != NULL ? text : "damaged");
}

/*
 * Only what is read without another program, which libarchive would start for lrzip and the like,
 * and no format of which Debian's build needs a parser of XML.
 */
static bool support(struct archive *a)
{
    int (*const each[])(struct archive *) = {
        archive_read_support_filter_gzip,    archive_read_support_filter_bzip2,
        archive_read_support_filter_xz,      archive_read_support_filter_lzma,
        archive_read_support_filter_lzip,    archive_read_support_filter_zstd,
        archive_read_support_filter_lz4,     archive_read_support_filter_compress,
        archive_read_support_format_tar,     archive_read_support_format_zip,
        archive_read_support_format_7zip,    archive_read_support_format_cpio,
        archive_read_support_format_iso9660, archive_read_support_format_rar,
        archive_read_support_format_rar5,    archive_read_support_format_raw,
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        if (each[i](a) != ARCHIVE_OK)
            return false;
    return archive_read_set_read_callback(a, on_read) == ARCHIVE_OK &&
           archive_read_set_skip_callback(a, on_skip) == ARCHIVE_OK &&
           archive_read_set_seek_callback(a, on_seek) == ARCHIVE_OK;
}

static enum rc open_archive(struct walk *walk, struct err *err)
{
    walk->buf = malloc(READ_SIZE);
    walk->archive = archive_read_new();
    if (walk->buf == NULL || walk->archive == NULL || !support(walk->archive))
        FAIL(err, RC_LIMIT, "needs more memory than the limit (memory)");
    /* What GNU tar shows with -i: whatever is appended behind the end. */
    (void)archive_read_set_format_option(walk->archive, "tar", "read_concatenated_archives", "1");
    if (archive_read_set_callback_data(walk->archive, walk) != ARCHIVE_OK ||
        archive_read_open1(walk->archive) != ARCHIVE_OK)
        return describe(walk, "", err);
    if (archive_filter_count(walk->archive) - 1 > FILTERS_MAX)
        FAIL(err, RC_LIMIT, "compressed more than %d times over", FILTERS_MAX);
    return RC_OK;
}

/* ARCHIVE_OK, ARCHIVE_EOF, or *ret_rc says what failed. */
static int next_entry(struct walk *walk, struct archive_entry **ret)
{
    int rc = ARCHIVE_RETRY;
    for (int i = 0; rc == ARCHIVE_RETRY && i < RETRIES; i++)
        rc = archive_read_next_header(walk->archive, ret);
    return rc == ARCHIVE_WARN ? ARCHIVE_OK : rc;
}

static enum unpack_kind kind_of(struct archive_entry *entry)
{
    /* Some formats keep a file's bytes with its last name. */
    bool bytes = archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0;
    if (archive_entry_hardlink(entry) != NULL && !bytes)
        return UNPACK_HARDLINK;
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
        return UNPACK_FOLDER;
    case AE_IFLNK:
        return UNPACK_SYMLINK;
    case AE_IFCHR:
    case AE_IFBLK:
        return UNPACK_DEVICE;
    case AE_IFIFO:
        return UNPACK_FIFO;
    case AE_IFSOCK:
        return UNPACK_SOCKET;
    default:
        return UNPACK_FILE;
    }
}

static enum rc send_member(struct walk *walk, struct archive_entry *entry, enum unpack_kind kind,
                           struct err *err)
{
    const char *name = archive_entry_pathname(entry);
    if (name == NULL)
        name = archive_entry_pathname_utf8(entry);
    if (name == NULL || *name == '\0')
        name = "(no name)";
    size_t n = strnlen(name, UNPACK_NAME_MAX);
    struct unpack_head head = {.said = UNPACK_MEMBER, .member = ++walk->member, .kind = kind};
    int64_t ns;
    if (archive_entry_mtime_is_set(entry) &&
        !__builtin_mul_overflow((int64_t)archive_entry_mtime(entry), INT64_C(1000000000), &ns) &&
        !__builtin_add_overflow(ns, (int64_t)archive_entry_mtime_nsec(entry), &ns))
        head.mtime_ns = ns;
    return unpack_send(&head, name, n, err);
}

static enum rc send_block(struct walk *walk, const uint8_t *p, size_t n, uint64_t place,
                          struct err *err)
{
    while (n > 0) {
        size_t part = n < UNPACK_DATA_MAX ? n : UNPACK_DATA_MAX;
        struct unpack_head head = {.said = UNPACK_DATA, .member = walk->member, .place = place};
        TRY(unpack_send(&head, p, part, err));
        p += part;
        place += part;
        n -= part;
    }
    return RC_OK;
}

static enum rc over_member_bytes(const struct walk *walk, struct err *why)
{
    FAIL(why, RC_LIMIT, "has more than %llu bytes (member_bytes)",
         (unsigned long long)walk->job->member_bytes);
}

/* The member's bytes; RC_OK also when they end in `why`.  *ret_fatal: nothing follows. */
static enum rc send_bytes(struct walk *walk, struct archive_entry *entry, uint64_t *ret_length,
                          struct err *why, bool *ret_fatal, struct err *err)
{
    const uint64_t max = walk->job->member_bytes;
    uint64_t declared = archive_entry_size_is_set(entry) ? (uint64_t)archive_entry_size(entry) : 0;
    uint64_t at = 0;
    int retries = 0;

    if (archive_entry_is_encrypted(entry)) {
        err_set(why, RC_UNDECODABLE, HERE, "is encrypted");
        return RC_OK;
    }
    if (declared > max) {
        (void)over_member_bytes(walk, why);
        return RC_OK;
    }
    for (;;) {
        const void *p = NULL;
        size_t n = 0;
        la_int64_t place = 0;
        int rc = archive_read_data_block(walk->archive, &p, &n, &place);
        if (rc == ARCHIVE_EOF)
            break;
        if (rc == ARCHIVE_RETRY && retries++ < RETRIES)
            continue;
        if (rc != ARCHIVE_OK) {
            *ret_fatal = rc == ARCHIVE_FATAL;
            (void)describe(walk, "", why);
            return RC_OK;
        }
        if (place < 0 || (uint64_t)place < at || (uint64_t)place > max ||
            n > max - (uint64_t)place) {
            (void)over_member_bytes(walk, why);
            return RC_OK;
        }
        TRY(send_block(walk, p, n, (uint64_t)place, err));
        at = (uint64_t)place + n;
    }
    /* A sparse file may end in a hole. */
    bool sparse = archive_entry_sparse_count(entry) > 0;
    *ret_length = sparse && declared > at ? declared : at;
    return RC_OK;
}

static enum rc walk_member(struct walk *walk, struct archive_entry *entry, bool *ret_fatal,
                           struct err *why, struct err *err)
{
    enum unpack_kind kind = kind_of(entry);
    struct err outcome = {.rc = RC_OK};
    uint64_t length = 0;

    TRY(send_member(walk, entry, kind, err));
    if (kind == UNPACK_FILE)
        TRY(send_bytes(walk, entry, &length, &outcome, ret_fatal, err));
    if (*ret_fatal)
        *why = outcome;
    return send_outcome(UNPACK_END, walk->member, length, &outcome, err);
}

static void not_an_archive(struct err *why)
{
    err_set(why, RC_NOT_MEDIA, HERE, "is not an archive that is read here");
}

/* RC_SYS of the channel; what is wrong with the archive goes to why. */
static enum rc walk_members(struct walk *walk, struct err *why, struct err *err)
{
    for (bool fatal = false; !fatal;) {
        struct archive_entry *entry;
        int rc = next_entry(walk, &entry);
        if (rc == ARCHIVE_EOF)
            return RC_OK;
        if (rc != ARCHIVE_OK) {
            (void)describe(walk, walk->member == 0 ? "" : "the rest cannot be read: ", why);
            return RC_OK;
        }
        bool raw = archive_format(walk->archive) == ARCHIVE_FORMAT_RAW;
        if (raw && archive_filter_count(walk->archive) <= 1) {
            not_an_archive(why);
            return RC_OK;
        }
        TRY(walk_member(walk, entry, &fatal, why, err));
    }
    return RC_OK;
}

enum rc archive_walk(const struct unpack_job *job, int fd, struct err *err)
{
    SCOPED(walk_clear) struct walk walk = {.job = job, .fd = fd};
    struct err why = {.rc = RC_OK};

    if (job->size == 0)
        not_an_archive(&why);
    else if (open_archive(&walk, &why) == RC_OK)
        TRY(walk_members(&walk, &why, err));
    return send_outcome(UNPACK_DONE, 0, 0, &why, err);
}

void archive_warm_up(void)
{
    /* Names are bytes: UTF-8 stays what it is and the rest is not turned. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    /* A zone by rule: mktime() would look at /etc/localtime each time.  Zip's times have no zone.
     */
    (void)setenv("TZ", "UTC0", 1);
    tzset();
}
