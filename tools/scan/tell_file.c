/* The page as a file: beside its place first, so that nobody sees half of one. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "hashing/base/scoped.h"
#include "tools/scan/tell.h"

static enum rc part_of(const char *path, char **ret, struct err *err)
{
    if (asprintf(ret, "%s.new", path) < 0)
        FAIL(err, RC_NOMEM, "no memory for a name");
    return RC_OK;
}

static int open_part(const char *part, int more)
{
    return open(part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | more, 0600);
}

static enum rc cannot_write(const char *path, int why, struct err *err)
{
    SCOPED(mem_free) char *shown = tell_name(bytes_str(path));
    char text[128];
    FAIL(err, RC_INPUT, "cannot write the report %s: %s", shown != NULL ? shown : "",
         strerror_r(why, text, sizeof text));
}

/* What another scan is writing there at the moment is left alone. */
enum rc tell_file_check(const char *path, struct err *err)
{
    SCOPED(mem_free) char *part = NULL;
    struct stat st;

    if (*path == '\0')
        FAIL(err, RC_INPUT, "an empty name is no place for the report");
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return cannot_write(path, EISDIR, err);
    TRY(part_of(path, &part, err));
    SCOPED(fd_close) int fd = open_part(part, O_EXCL);
    if (fd >= 0) {
        unlink(part);
        return RC_OK;
    }
    if (errno == EEXIST)
        fd = open_part(part, 0);
    return fd >= 0 ? RC_OK : cannot_write(path, errno, err);
}

enum rc tell_file(struct state *state, bool everything, const struct scan_done *done,
                  const char *path, struct err *err)
{
    SCOPED(mem_free) char *part = NULL;

    TRY(part_of(path, &part, err));
    int fd = open_part(part, O_TRUNC);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL)
        FAIL_SYS(err, "cannot write %s", part);
    enum rc rc = tell_page(state, everything, done, out, err);
    bool written = ferror(out) == 0;
    written = fclose(out) == 0 && written;
    TRY(rc);
    if (!written || rename(part, path) != 0)
        FAIL_SYS(err, "cannot write %s", path);
    return RC_OK;
}
