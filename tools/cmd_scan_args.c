/* What a scan was asked for. */
#include "tools/cmd_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "hashing/base/text.h"
#include "tools/scan/path.h"

/* The option's number, or `otherwise` when it was not given. */
static enum rc number_arg(const struct args *args, int key, const char *name, int64_t min,
                          int64_t max, int64_t otherwise, int64_t *ret, struct err *err)
{
    *ret = otherwise;
    if (arg(args, key) != NULL && !text_number(arg(args, key), min, max, ret))
        FAIL(err, RC_INPUT, "--%s must be a number from %lld to %lld", name, (long long)min,
             (long long)max);
    return RC_OK;
}

/* The values of a repeatable option, in order; returns how many. */
static unsigned list_arg(const struct args *args, int key, const char *ret[LIST_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < args->n_list; i++)
        if (args->list[i].key == key)
            ret[n++] = args->list[i].value;
    return n;
}

static enum rc shard_arg(const struct args *args, struct state_shard *ret, struct err *err)
{
    const char *text = arg(args, 'S');
    char i[12];
    int64_t shard = 1, shards = 1;
    if (text != NULL) {
        const char *slash = strchr(text, '/');
        snprintf(i, sizeof i, "%.*s", slash != NULL ? (int)(slash - text) : 0, text);
        if (slash == NULL || !text_number(slash + 1, 1, 100000, &shards) ||
            !text_number(i, 1, shards, &shard))
            FAIL(err, RC_INPUT, "--shard must be I/N with I from 1 to N");
    }
    *ret = (struct state_shard){.i = (uint32_t)shard, .n = (uint32_t)shards};
    return RC_OK;
}

enum rc scan_asked_state(const struct args *args, char **ret, struct err *err)
{
    const char *given = arg(args, 's'), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;

    if (given != NULL)
        return path_absolute(NULL, given, ret, err);
    if (xdg != NULL && *xdg == '/')
        n = asprintf(ret, "%s/hashgate/scan.db", xdg);
    else if (home != NULL && *home == '/')
        n = asprintf(ret, "%s/.local/state/hashgate/scan.db", home);
    else
        FAIL(err, RC_INPUT, "there is no home for the state: give --state FILE");
    if (n < 0)
        FAIL(err, RC_NOMEM, "no memory for a name");
    return RC_OK;
}

void scan_asked_clear(struct scan_asked *asked)
{
    if (asked->scan.list != NULL && asked->scan.list != stdin)
        fclose(asked->scan.list);
    free(asked->state_path);
    offline_free(asked->offline);
    act_clear(&asked->act);
}

static bool read_limit(const char *text, bool size, uint64_t *ret)
{
    int64_t number;
    uint64_t bytes;
    if (size ? !text_size(text, &bytes) || bytes > INT64_MAX
             : !text_number(text, 1, INT64_MAX, &number))
        return false;
    *ret = size ? bytes : (uint64_t)number;
    return *ret > 0;
}

/* NAME=NUMBER or SIZE, by the names that messages call the budgets. */
static enum rc archive_limit(const char *text, struct unpack_limits *limits, struct err *err)
{
    int64_t depth = limits->depth;
    const struct {
        const char *name;
        uint64_t *limit;
        bool size;
    } names[] = {
        {"members", &limits->members, false},
        {"total_bytes", &limits->total_bytes, true},
        {"member_bytes", &limits->member_bytes, true},
        {"ratio", &limits->ratio, false},
    };
    size_t n = strcspn(text, "="), i = 0;
    const char *number = text[n] == '=' ? text + n + 1 : "";

    if (n == 5 && strncmp(text, "depth", n) == 0) {
        if (!text_number(number, 1, UNPACK_DEPTH_MAX, &depth))
            FAIL(err, RC_INPUT, "--archive-limit depth must be a number from 1 to %d",
                 UNPACK_DEPTH_MAX);
        limits->depth = (unsigned)depth;
        return RC_OK;
    }
    while (i < sizeof names / sizeof *names &&
           (strncmp(text, names[i].name, n) != 0 || names[i].name[n] != '\0'))
        i++;
    if (i == sizeof names / sizeof *names)
        FAIL(err, RC_INPUT,
             "--archive-limit must be NAME=N with depth, members, total_bytes, "
             "member_bytes or ratio");
    if (!read_limit(number, names[i].size, names[i].limit))
        FAIL(err, RC_INPUT, "--archive-limit %s must be %s", names[i].name,
             names[i].size ? "a size (as 64MiB)" : "a positive number");
    return RC_OK;
}

static enum rc read_archive_limits(const struct args *args, struct scan_options *scan,
                                   struct err *err)
{
    const char *limits[LIST_MAX];
    unsigned n = list_arg(args, 'L', limits);

    scan->archives = unpack_default_limits;
    for (unsigned i = 0; i < n; i++)
        TRY(archive_limit(limits[i], &scan->archives, err));
    return RC_OK;
}

static enum rc read_walk(const struct args *args, struct scan_asked *asked, struct err *err)
{
    struct scan_options *scan = &asked->scan;
    int64_t depth;

    scan->walk.n_exclude = list_arg(args, 'x', asked->exclude);
    scan->walk.exclude = asked->exclude;
    TRY(number_arg(args, 'd', "max-depth", 1, WALK_DEPTH_MAX, 0, &depth, err));
    scan->walk.max_depth = (unsigned)depth;
    scan->walk.other_filesystems = arg(args, 'a') != NULL;
    scan->list_end = arg(args, '0') != NULL ? '\0' : '\n';
    const char *list = arg(args, 'T');
    if (list == NULL && arg(args, '0') == NULL)
        return RC_OK;
    if (list == NULL || strcmp(list, "-") == 0)
        scan->list = stdin;
    else if ((scan->list = fopen(list, "re")) == NULL)
        FAIL_SYS(err, "cannot open the list %s", list);
    return RC_OK;
}

enum rc scan_asked_read_tell(const struct args *args, struct scan_asked *asked, struct err *err)
{
    if (args->json && arg(args, 'c') != NULL)
        FAIL(err, RC_INPUT, "--json and --csv are two answers");
    asked->form = args->json ? TELL_JSON : arg(args, 'c') != NULL ? TELL_CSV : TELL_TABLE;
    asked->what.all = arg(args, 'A') != NULL;
    asked->page = arg(args, 'o');
    return asked->page != NULL ? tell_file_check(asked->page, err) : RC_OK;
}

/* The lists of --offline, which take the service's place. */
static enum rc read_offline(const struct args *args, struct scan_asked *asked, struct err *err)
{
    const char *lists[LIST_MAX];
    int64_t threshold;
    uint64_t skipped = 0;
    unsigned n = list_arg(args, 'O', lists);

    TRY(number_arg(args, 't', "threshold", 0, 63, PDQ_THRESHOLD, &threshold, err));
    if (n == 0 && arg(args, 't') != NULL)
        FAIL(err, RC_INPUT, "--threshold is of --offline; a service has each bank's own");
    if (n == 0)
        return RC_OK;
    if (asked->since >= 0)
        FAIL(err, RC_INPUT, "a list has no generations: --since is of the service");
    TRY(offline_new(lists, n, (unsigned)threshold, &asked->offline, &skipped, err));
    if (skipped > 0)
        fprintf(stderr, "hashgate: scan: %llu md5 and sha1 of the lists are not looked up\n",
                (unsigned long long)skipped);
    asked->scan.offline = asked->offline;
    return RC_OK;
}

enum rc scan_asked_read(const struct args *args, struct scan_asked *asked, struct err *err)
{
    struct scan_options *scan = &asked->scan;
    int64_t jobs, rate, nice, since;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    TRY(number_arg(args, 'j', "jobs", 1, PIPELINE_JOBS_MAX,
                   processors < PIPELINE_JOBS_MAX ? processors : PIPELINE_JOBS_MAX, &jobs, err));
    TRY(number_arg(args, 'R', "max-rate", 1, INT64_MAX / 1000000000, 0, &rate, err));
    TRY(number_arg(args, 'n', "nice", 0, 19, 0, &nice, err));
    TRY(number_arg(args, 'g', "since", 0, INT64_MAX, -1, &since, err));
    asked->since = since;
    TRY(shard_arg(args, &scan->shard, err));
    TRY(read_walk(args, asked, err));
    TRY(read_archive_limits(args, scan, err));
    TRY(scan_asked_read_tell(args, asked, err));
    TRY(scan_asked_state(args, &asked->state_path, err));
    scan->paths = args->names;
    scan->n_paths = args->n_names;
    scan->jobs = (unsigned)(jobs > 0 ? jobs : 1);
    scan->max_rate = (uint64_t)rate;
    scan->checksum = arg(args, 'k') != NULL;
    scan->retry_errors = arg(args, 'e') != NULL;
    scan->progress = isatty(STDERR_FILENO) == 1;
    scan->state_path = asked->state_path;
    TRY(read_offline(args, asked, err));
    if (arg(args, 'q') != NULL)
        TRY(act_parse(arg(args, 'q'), &asked->act, err));
    else if (arg(args, 'y') != NULL)
        FAIL(err, RC_INPUT, "--yes does what --action says, and there is none");
    asked->act.meant = arg(args, 'y') != NULL;
    asked->rematch = arg(args, 'm') != NULL || since >= 0;
    if (asked->rematch && (scan->n_paths > 0 || scan->list != NULL))
        FAIL(err, RC_INPUT, "--rematch asks for all that the state knows, and takes no PATH");
    if (!asked->rematch && scan->n_paths == 0 && scan->list == NULL)
        FAIL(err, RC_INPUT, "nothing to scan: give a PATH, or names by -T FILE");
    for (int i = 0; i < scan->n_paths; i++)
        if (*scan->paths[i] == '\0')
            FAIL(err, RC_INPUT, "an empty PATH names nothing: '.' is the current folder");
    if (nice > 0 && setpriority(PRIO_PROCESS, 0, (int)nice) != 0)
        FAIL_SYS(err, "cannot be nice");
    return RC_OK;
}
