#include "tools/scan/act.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hashing/base/text.h"
#include "tools/scan/path.h"
#include "tools/scan/tell.h"

enum { NAMES_MAX = 100000, STEP = 4 << 20 };

/* The record is read long after, from anywhere: a folder in it is absolute. */
static enum rc act_of(enum act_kind kind, const char *word, const char *value, struct act *ret,
                      struct err *err)
{
    SCOPED(mem_free) char *folder = NULL;
    char *text = NULL;

    if (kind == ACT_QUARANTINE)
        TRY(path_absolute(NULL, value, &folder, err));
    if (asprintf(&text, "%s%s", word, folder != NULL ? folder : value) < 0)
        FAIL(err, RC_NOMEM, "no memory for a name");
    *ret = (struct act){.kind = kind, .text = text, .value = text + strlen(word)};
    return RC_OK;
}

void act_clear(struct act *act)
{
    free(act->text);
    act->text = NULL;
}

enum rc act_parse(const char *text, struct act *ret, struct err *err)
{
    static const char *const words[] = {"quarantine ", "exec "};
    for (unsigned kind = 0; kind < 2; kind++) {
        size_t n = strlen(words[kind]);
        if (strncmp(text, words[kind], n) != 0)
            continue;
        const char *value = text + n + strspn(text + n, " ");
        if (*value == '\0')
            break;
        return act_of((enum act_kind)kind, words[kind], value, ret, err);
    }
    FAIL(err, RC_INPUT, "--action must be 'quarantine DIR' or 'exec CMD'");
}

/* --- quarantine --- */

static const char not_the_same[] = "it is not what was hashed any more";

static bool is_what_was_hashed(const struct stat *st, const struct source_identity *id)
{
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == id->size &&
           st->st_mtim.tv_sec * 1000000000ll + st->st_mtim.tv_nsec == id->mtime_ns &&
           st->st_ino == id->inode && st->st_dev == id->device;
}

/* The file's folder, open, and the last part of its name. */
static enum rc open_folder(const struct state_due *due, int *ret, const char **ret_last,
                           struct err *err)
{
    char *slash = strrchr(due->name, '/');
    if (due->member)
        FAIL(err, RC_INPUT, "it lies in an archive, which stays as it is");
    if (due->name[0] != '/' || slash[1] == '\0')
        FAIL(err, RC_INPUT, "it is no file of this machine");
    *slash = '\0';
    int fd = open(slash == due->name ? "/" : due->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (fd < 0)
        FAIL_SYS(err, "cannot open its folder");
    *ret = fd;
    *ret_last = slash + 1;
    return RC_OK;
}

/* To another file system. */
static enum rc copy(int folder, const char *last, int to, const char *name,
                    const struct source_identity *id, struct err *err)
{
    SCOPED(fd_close) int in = openat(folder, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (in < 0 || fstat(in, &st) != 0)
        FAIL_SYS(err, "cannot open it");
    if (!is_what_was_hashed(&st, id))
        FAIL(err, RC_INPUT, "%s", not_the_same);
    SCOPED(fd_close) int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n = -1;

    if (out < 0)
        return RC_CONFLICT;
    while ((n = sendfile(out, in, NULL, STEP)) > 0)
        ;
    if (n < 0 || fsync(out) != 0 || unlinkat(folder, last, 0) != 0) {
        err_set_sys(err, errno, HERE, "cannot copy it");
        unlinkat(to, name, 0);
        return RC_SYS;
    }
    return RC_OK;
}

/* RC_CONFLICT when there is a file of this name already.  What took the file's place in the moment
 * before is given back. */
static enum rc move_to(int folder, const char *last, int to, const char *name,
                       const struct source_identity *id, struct err *err)
{
    struct stat st;
    if (renameat2(folder, last, to, name, RENAME_NOREPLACE) != 0) {
        if (errno == EEXIST)
            return RC_CONFLICT;
        if (errno == EXDEV)
            return copy(folder, last, to, name, id, err);
        FAIL_SYS(err, "cannot move it");
    }
    if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_what_was_hashed(&st, id))
        return RC_OK;
    if (renameat2(to, name, folder, last, RENAME_NOREPLACE) != 0)
        FAIL_SYS(err, "%s, and lies in the quarantine as %s", not_the_same, name);
    FAIL(err, RC_INPUT, "%s", not_the_same);
}

static enum rc outcome_of(char **ret, const char *what, const char *dir, const char *name,
                          struct err *err)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (asprintf(ret, "%s%.*s%s%s", what, (int)n, dir, n > 1 ? "/" : "", name) < 0)
        FAIL(err, RC_NOMEM, "no memory for a name");
    return RC_OK;
}

/* *ret: what came of it, owned by the caller. */
static enum rc quarantine(const char *dir, const struct state_due *due, char **ret, struct err *err)
{
    char hex[65], name[80];
    const char *last = NULL;
    struct stat st, here, there;
    SCOPED(fd_close) int folder = -1;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        FAIL_SYS(err, "cannot make %s", dir);
    SCOPED(fd_close) int to = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        FAIL_SYS(err, "cannot open %s", dir);
    TRY(open_folder(due, &folder, &last, err));
    if (fstatat(folder, last, &st, AT_SYMLINK_NOFOLLOW) != 0 || fstat(folder, &here) != 0 ||
        fstat(to, &there) != 0)
        FAIL_SYS(err, "cannot stat it");
    if (here.st_ino == there.st_ino && here.st_dev == there.st_dev)
        return outcome_of(ret, "it lies there already", "", "", err);
    if (!is_what_was_hashed(&st, &due->identity))
        FAIL(err, RC_INPUT, "%s", not_the_same);
    text_hex(due->sha256, sizeof due->sha256, hex);
    for (unsigned i = 1; i < NAMES_MAX; i++) {
        snprintf(name, sizeof name, i == 1 ? "%s" : "%s.%u", hex, i);
        enum rc rc = move_to(folder, last, to, name, &due->identity, err);
        if (rc == RC_OK)
            return outcome_of(ret, "moved to ", dir, name, err);
        if (rc != RC_CONFLICT)
            return rc;
    }
    FAIL(err, RC_CONFLICT, "%s holds too many copies of it", dir);
}

/* --- exec --- */

/* Standard input is nothing, for the names of a scan may come by it, and standard output is
 * standard error, for the other holds what the scan tells. */
static int plug(posix_spawn_file_actions_t *files)
{
    int failed = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    return failed != 0 ? failed
                       : posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
}

/* With the caller's environment but the key: a command needs none. */
static enum rc spawn(char *const *argv, pid_t *ret, struct err *err)
{
    posix_spawn_file_actions_t files;
    size_t n = 0, kept = 0;
    while (environ[n] != NULL)
        n++;
    SCOPED(mem_free) char **env = calloc(n + 1, sizeof *env);
    if (env == NULL || posix_spawn_file_actions_init(&files) != 0)
        FAIL(err, RC_NOMEM, "no memory for a command");
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "HASHGATE_KEY=", 13) != 0)
            env[kept++] = environ[i];
    errno = plug(&files);
    if (errno == 0)
        errno = posix_spawn(ret, argv[0], &files, NULL, argv, env);
    int failed = errno;
    posix_spawn_file_actions_destroy(&files);
    errno = failed;
    if (failed != 0)
        FAIL_SYS(err, "cannot run /bin/sh");
    return RC_OK;
}

static enum rc execute(const char *command, const struct state_due *due, struct err *err)
{
    char hex[65];
    pid_t child;
    int status = 0;

    text_hex(due->sha256, sizeof due->sha256, hex);
    char *const argv[] = {
        (char *)"/bin/sh", (char *)"-c", (char *)command, (char *)"hashgate", due->name, hex, NULL};
    TRY(spawn(argv, &child, err));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            FAIL_SYS(err, "cannot wait for the command");
    if (WIFSIGNALED(status))
        FAIL(err, RC_SYS, "the command was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        FAIL(err, RC_SYS, "the command ended with %d", WEXITSTATUS(status));
    return RC_OK;
}

static enum rc tell(const struct act *act, const struct state_due *due, const char *outcome,
                    struct err *err)
{
    SCOPED(mem_free) char *name = tell_name(bytes_of(due->name, due->name_n));
    SCOPED(mem_free) char *text = tell_name(bytes_str(act->text));
    SCOPED(mem_free) char *shown = tell_name(bytes_str(outcome));
    if (name == NULL || text == NULL || shown == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    fprintf(stderr, "%s: %s: %s\n", text, name, shown);
    return RC_OK;
}

static enum rc act_on(const struct act *act, struct state *state, const struct state_due *due,
                      uint64_t *failed, struct err *err)
{
    SCOPED(mem_free) char *done = NULL;
    struct err why;

    if (!act->meant)
        return tell(act, due, "would be done (give --yes)", err);
    TRY(state_put_act(state, due, act->text, "", false, err));
    enum rc rc = act->kind == ACT_QUARANTINE ? quarantine(act->value, due, &done, &why)
                                             : execute(act->value, due, &why);
    const char *outcome = rc != RC_OK ? why.msg : done != NULL ? done : "done";
    *failed += rc != RC_OK;
    TRY(state_put_act(state, due, act->text, outcome, rc == RC_OK, err));
    return tell(act, due, outcome, err);
}

enum rc act_all(const struct act *act, struct state *state, bool everything,
                const atomic_bool *stop, uint64_t *ret_failed, struct err *err)
{
    SCOPED(state_due_clear) struct state_due due = {0};
    uint64_t failed = 0;

    for (;;) {
        struct state_due next = {0};
        bool found = false;
        if (atomic_load(stop))
            FAIL(err, RC_BUSY, "stopped");
        TRY(state_next_due(state, everything, act->text, &due, &next, &found, err));
        if (!found)
            break;
        state_due_clear(&due);
        due = next;
        TRY(act_on(act, state, &due, &failed, err));
    }
    *ret_failed = failed;
    return RC_OK;
}
