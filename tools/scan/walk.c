#include "tools/scan/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "hashing/base/scoped.h"
#include "hashing/base/sealed.h"

/* One walk under way: a stack of open folders, and the name of what is in hand. */
struct walking {
    const struct walk_options *options;
    const struct source_visitor *visitor;
    uint64_t resolve; /* openat2's flags */
    unsigned depth;   /* open folders */
    struct level {
        DIR *folder;
        size_t name_n; /* length of its name */
    } level[WALK_DEPTH_MAX];
    size_t root_n, name_n;
    char name[SOURCE_NAME_MAX + 1];
};

static void walking_free(struct walking *w)
{
    while (w->depth > 0)
        closedir(w->level[--w->depth].folder);
    free(w);
}
SCOPED_DEFINE(walking_free, struct walking *)

static int open_at(const struct walking *w, int folder, const char *name, int flags)
{
    const int always = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY;
    const struct open_how how = {.flags = (unsigned)(always | flags), .resolve = w->resolve};
    return (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
}

static struct source_identity identity_of(const struct stat *st)
{
    return (struct source_identity){.size = (uint64_t)st->st_size,
                                    .mtime_ns =
                                        st->st_mtim.tv_sec * 1000000000ll + st->st_mtim.tv_nsec,
                                    .device = st->st_dev,
                                    .inode = st->st_ino};
}

/* A file in its folder, for as long as it is visited. */
struct at {
    const struct walking *walking;
    int folder;
    const char *name; /* its last component */
    int fd;           /* -1: not opened yet */
};

static enum rc open_item(struct source_item *item, int *ret_fd, struct err *err)
{
    struct at *at = item->ctx;
    struct stat st;

    if (at->fd < 0)
        at->fd = open_at(at->walking, at->folder, at->name, 0);
    if (at->fd < 0 && (errno == ENOENT || errno == ELOOP || errno == EXDEV || errno == ENXIO))
        FAIL(err, RC_NOTFOUND, "it is gone");
    if (at->fd < 0)
        FAIL_SYS(err, "cannot open it");
    if (fstat(at->fd, &st) != 0)
        FAIL_SYS(err, "cannot stat it");
    if (!S_ISREG(st.st_mode))
        FAIL(err, RC_NOTFOUND, "it is no file any more");
    item->identity = identity_of(&st);
    *ret_fd = at->fd;
    return RC_OK;
}

static enum rc load(struct source_item *item, uint64_t max, int *ret_memfd, uint64_t *ret_length,
                    struct err *err)
{
    SCOPED(fd_close) int memfd = -1;
    struct stat st;
    uint64_t length = 0;
    int fd;

    TRY(open_item(item, &fd, err));
    const struct source_identity before = item->identity;
    if (before.size > max)
        FAIL(err, RC_TOO_LARGE, "it is larger than %llu MiB", (unsigned long long)(max >> 20));
    TRY(sealed_read(fd, max, &memfd, &length, err));
    if (fstat(fd, &st) != 0)
        FAIL_SYS(err, "cannot stat it");
    const struct source_identity after = identity_of(&st);
    if (after.size != before.size || length != after.size || after.mtime_ns != before.mtime_ns)
        FAIL(err, RC_BUSY, "it changed while it was read");
    *ret_memfd = fd_take(&memfd);
    *ret_length = length;
    return RC_OK;
}

static struct bytes name_in_hand(const struct walking *w)
{
    return bytes_of(w->name, w->name_n);
}

static enum rc visit_file(struct walking *w, int folder, const char *last, const struct stat *st,
                          struct err *err)
{
    struct at at = {.walking = w, .folder = folder, .name = last, .fd = -1};
    size_t skip = w->root_n < w->name_n ? w->root_n + 1 : (size_t)(last - w->name);
    struct source_item item = {.name = name_in_hand(w),
                               .under = bytes_of(w->name + skip, w->name_n - skip),
                               .identity = identity_of(st),
                               .load = load,
                               .open = open_item,
                               .ctx = &at};
    enum rc rc = w->visitor->item(w->visitor->ctx, &item, err);
    fd_close_scoped(&at.fd);
    return rc;
}

/* Sets the name in hand to the folder's and this component; false when it is too long. */
static bool name_child(struct walking *w, size_t folder_n, const char *last)
{
    size_t n = strlen(last);
    if (folder_n + 1 + n > SOURCE_NAME_MAX)
        return false;
    w->name[folder_n] = '/';
    memcpy(w->name + folder_n + 1, last, n + 1);
    w->name_n = folder_n + 1 + n;
    return true;
}

static bool excluded(const struct walking *w, const char *last)
{
    const char *under = w->name + w->root_n + 1;
    for (unsigned i = 0; i < w->options->n_exclude; i++) {
        const char *pattern = w->options->exclude[i];
        const char *subject = strchr(pattern, '/') != NULL ? under : last;
        if (fnmatch(pattern, subject, FNM_PATHNAME) == 0)
            return true;
    }
    return false;
}

/* Something could not be looked at, for what errno says. */
static enum rc tell_trouble(struct walking *w, const char *what, struct err *err)
{
    struct err why;
    err_set_sys(&why, errno, HERE, "%s", what);
    return w->visitor->trouble(w->visitor->ctx, name_in_hand(w), NULL, &why, err);
}

/* What was replaced or removed meanwhile, and what lies behind a mount, is passed by. */
static bool passed_by(int why)
{
    return why == ENOENT || why == ENOTDIR || why == ELOOP || why == EXDEV;
}

static enum rc enter(struct walking *w, int parent, const char *last, struct err *err)
{
    if (w->depth == WALK_DEPTH_MAX) {
        errno = ENAMETOOLONG;
        return tell_trouble(w, "the folder is nested too deep", err);
    }
    SCOPED(fd_close) int fd = open_at(w, parent, last, O_DIRECTORY);
    if (fd < 0)
        return passed_by(errno) ? RC_OK : tell_trouble(w, "cannot open the folder", err);
    DIR *folder = fdopendir(fd);
    if (folder == NULL)
        FAIL_SYS(err, "no memory for a folder");
    fd_take(&fd);
    w->level[w->depth++] = (struct level){.folder = folder, .name_n = w->name_n};
    return RC_OK;
}

static enum rc visit_entry(struct walking *w, const struct level *level, const char *name,
                           struct err *err)
{
    int folder = dirfd(level->folder);
    struct stat st;

    if (!name_child(w, level->name_n, name)) {
        w->name_n = level->name_n;
        errno = ENAMETOOLONG;
        return tell_trouble(w, "a name in the folder is too long", err);
    }
    const char *last = w->name + level->name_n + 1;
    if (excluded(w, last))
        return RC_OK;
    if (fstatat(folder, last, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
        return passed_by(errno) ? RC_OK : tell_trouble(w, "cannot stat it", err);
    if (S_ISREG(st.st_mode))
        return visit_file(w, folder, last, &st, err);
    if (S_ISDIR(st.st_mode) && (w->options->max_depth == 0 || w->depth < w->options->max_depth))
        return enter(w, folder, last, err);
    return RC_OK;
}

static enum rc step(struct walking *w, struct err *err)
{
    struct level *level = &w->level[w->depth - 1];

    if (w->visitor->stop != NULL && atomic_load(w->visitor->stop))
        FAIL(err, RC_BUSY, "stopped");
    errno = 0;
    const struct dirent *entry = readdir(level->folder);
    if (entry != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            return RC_OK;
        return visit_entry(w, level, entry->d_name, err);
    }
    int why = errno;
    w->name_n = level->name_n;
    w->name[w->name_n] = '\0';
    closedir(level->folder);
    w->depth--;
    errno = why;
    return why == 0 || why == ENOENT ? RC_OK : tell_trouble(w, "cannot read the folder", err);
}

static enum rc walk_open(const struct walk *walk, const struct source_visitor *visitor,
                         struct walking **ret, struct err *err)
{
    SCOPED(walking_free) struct walking *w = calloc(1, sizeof *w);
    if (w == NULL)
        FAIL(err, RC_NOMEM, "no memory for a walk");
    w->options = walk->options;
    w->visitor = visitor;
    w->resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char *name = strcmp(walk->name, "/") == 0 ? "" : walk->name; /* a slash follows it */
    w->root_n = w->name_n = strlen(name);
    if (w->name_n > SOURCE_NAME_MAX)
        FAIL(err, RC_INPUT, "the name of the root is too long");
    memcpy(w->name, name, w->name_n + 1);
    *ret = TAKE(w);
    return RC_OK;
}

/* The root's own name was resolved by the caller, so that it holds no link; from here on nothing
 * leads out of it. */
static enum rc start(struct walking *w, struct err *err)
{
    const char *path = w->name_n > 0 ? w->name : "/";
    struct stat st;

    if (lstat(path, &st) != 0)
        FAIL_SYS(err, "cannot stat it");
    if (S_ISREG(st.st_mode)) {
        char *slash = strrchr(w->name, '/');
        *slash = '\0';
        SCOPED(fd_close)
        int folder = open_at(w, AT_FDCWD, *w->name != '\0' ? w->name : "/", O_DIRECTORY);
        *slash = '/';
        if (folder < 0)
            FAIL_SYS(err, "cannot open its folder");
        w->resolve |= RESOLVE_BENEATH;
        return visit_file(w, folder, slash + 1, &st, err);
    }
    if (!S_ISDIR(st.st_mode))
        return RC_OK;
    SCOPED(fd_close) int fd = open_at(w, AT_FDCWD, path, O_DIRECTORY);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL)
        FAIL_SYS(err, "cannot open the folder");
    fd_take(&fd);
    w->level[w->depth++] = (struct level){.folder = folder, .name_n = w->name_n};
    w->resolve |= RESOLVE_BENEATH | (w->options->other_filesystems ? 0 : RESOLVE_NO_XDEV);
    return RC_OK;
}

enum rc walk_run(void *walk, const struct source_visitor *visitor, struct err *err)
{
    SCOPED(walking_free) struct walking *w = NULL;

    TRY(walk_open(walk, visitor, &w, err));
    TRY(start(w, err));
    while (w->depth > 0)
        TRY(step(w, err));
    return RC_OK;
}
