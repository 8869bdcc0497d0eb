#include "tools/scan/scan.h"

#include <pthread.h>
#include <string.h>

#include "hashing/base/clock.h"
#include "tools/scan/progress.h"

/* One scan under way; this part is the caller's thread's. */
struct scanning {
    const struct scan_options *options;
    struct state *state;
    atomic_bool *stop;
    struct pipeline *pipeline;
    struct progress progress;
    enum state_trust trust;
    int64_t root; /* in hand */
    uint64_t gone;

    /* the asking thread */
    struct match_config match;
    struct match_counts matches;
    atomic_bool finished; /* no more contents come */
    pthread_t asker;
    enum rc asked;
    struct err why_not_asked;
};

/* FNV-1a with a finish that spreads it over all bits; never to be changed: machines that share an
 * archive must agree. */
bool scan_in_shard(struct bytes under, struct state_shard shard)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < under.n; i++)
        h = (h ^ under.p[i]) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    return h % shard.n == shard.i - 1;
}

/* The state's own files change all the time. */
static bool is_state(const struct scanning *s, struct bytes name)
{
    static const char *const ends[] = {"", "-wal", "-journal", "-shm"};
    size_t n = strlen(s->options->state_path);
    if (name.n < n || memcmp(name.p, s->options->state_path, n) != 0)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (name.n - n == strlen(ends[i]) && memcmp(name.p + n, ends[i], name.n - n) == 0)
            return true;
    return false;
}

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct scanning *s = ctx;
    enum state_known known;

    if (!scan_in_shard(item->under, s->options->shard) || is_state(s, item->name))
        return RC_OK;
    atomic_fetch_add(&s->progress.seen, 1);
    TRY(state_see(s->state, s->root, item, s->trust, &known, err));
    return known == STATE_NEW ? pipeline_take(s->pipeline, s->root, item, err) : RC_OK;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    struct scanning *s = ctx;
    const struct state_file file = {
        .name = name, .root = s->root, .identity = identity, .reason = why->msg};
    TRY(state_keep_under(s->state, name, err));
    return state_put_file(s->state, &file, err);
}

/* Every root is gone through whole before what was not met in it is taken for gone. */
static enum rc end_root(struct scanning *s, struct err *err)
{
    uint64_t gone = 0;
    pipeline_drain(s->pipeline);
    if (atomic_load(s->stop))
        FAIL(err, RC_BUSY, "stopped");
    TRY(state_root_done(s->state, s->root, &gone, err));
    s->gone += gone;
    return RC_OK;
}

static enum rc walk_root(struct scanning *s, const char *path, struct err *err)
{
    const struct source_visitor visitor = {
        .ctx = s, .item = on_item, .trouble = on_trouble, .stop = s->stop};
    SCOPED(mem_free) char *name = realpath(path, NULL);
    struct err why;

    if (name == NULL) {
        err_set_sys(&why, errno, HERE, "cannot open it");
        TRY(state_root(s->state, bytes_str(path), &s->root, err));
        return on_trouble(s, bytes_str(path), NULL, &why, err);
    }
    if (strcmp(name, "/") == 0)
        *name = '\0';
    TRY(state_root(s->state, bytes_str(*name != '\0' ? name : "/"), &s->root, err));
    enum rc rc =
        walk_run(&(struct walk){.name = name, .options = &s->options->walk}, &visitor, &why);
    if (rc == RC_SYS && !atomic_load(s->stop))
        return on_trouble(s, bytes_str(*name != '\0' ? name : "/"), NULL, &why, err);
    if (rc != RC_OK) {
        *err = why;
        return rc;
    }
    return end_root(s, err);
}

/* What a list named before and does not name now is not gone: nobody looked. */
static enum rc walk_names(struct scanning *s, struct err *err)
{
    const struct source_visitor visitor = {
        .ctx = s, .item = on_item, .trouble = on_trouble, .stop = s->stop};
    SCOPED(mem_free) char *base = realpath(".", NULL);

    if (base == NULL)
        FAIL_SYS(err, "cannot tell the current folder");
    TRY(state_root(s->state, bytes_str("-"), &s->root, err));
    struct walk_list list = {.in = s->options->list,
                             .end = s->options->list_end,
                             .base = strcmp(base, "/") == 0 ? "" : base,
                             .options = &s->options->walk};
    TRY(walk_list_run(&list, &visitor, err));
    pipeline_drain(s->pipeline);
    return RC_OK;
}

static enum rc walk_all(struct scanning *s, struct err *err)
{
    for (int i = 0; i < s->options->n_paths; i++)
        TRY(walk_root(s, s->options->paths[i], err));
    return s->options->list != NULL ? walk_names(s, err) : RC_OK;
}

/* How many files there are, if each root was gone through before. */
static enum rc expect(struct scanning *s, struct err *err)
{
    uint64_t total = 0;
    for (int i = 0; i < s->options->n_paths; i++) {
        SCOPED(mem_free) char *name = realpath(s->options->paths[i], NULL);
        uint64_t files = 0;
        int64_t root;
        if (name == NULL)
            return RC_OK;
        TRY(state_root(s->state, bytes_str(name), &root, err));
        TRY(state_root_files(s->state, root, &files, err));
        if (files == 0)
            return RC_OK;
        total += files;
    }
    if (s->options->list == NULL)
        atomic_store(&s->progress.total, total);
    return RC_OK;
}

static void *run_asker(void *ctx)
{
    struct scanning *s = ctx;
    s->asked = match_follow(&s->match, &s->finished, &s->why_not_asked);
    /* A service that will not answer is told at once, not after a week. */
    if (s->asked != RC_OK)
        atomic_store(s->stop, true);
    return NULL;
}

static void prepare(struct scanning *s, const struct scan_options *options, struct client *client,
                    struct state *state, atomic_bool *stop)
{
    s->options = options;
    s->state = state;
    s->stop = stop;
    s->trust = options->checksum       ? STATE_TRUST_NONE
               : options->retry_errors ? STATE_TRUST_GOOD
                                       : STATE_TRUST;
    s->progress.state = state;
    s->progress.show = options->progress;
    s->progress.matches = &s->matches;
    s->match = (struct match_config){.client = client,
                                     .offline = options->offline,
                                     .state = state,
                                     .max_rate = options->max_rate,
                                     .stop = stop,
                                     .counts = &s->matches};
}

/* With the asking thread and the progress running. */
static enum rc walk_and_hash(struct scanning *s, struct err *err)
{
    struct err later;
    enum rc rc = walk_all(s, err);
    /* The threads' own failure is why the walk was stopped, if they have one. */
    enum rc hashed = pipeline_finish(s->pipeline, &later);
    if (hashed != RC_OK) {
        *err = later;
        return hashed;
    }
    return rc;
}

static enum rc run_threads(struct scanning *s, struct err *err)
{
    TRY(progress_start(&s->progress, err));
    errno = pthread_create(&s->asker, NULL, run_asker, s);
    if (errno != 0) {
        err_set_sys(err, errno, HERE, "cannot start a thread");
        progress_end(&s->progress);
        return RC_SYS;
    }
    enum rc rc = walk_and_hash(s, err);
    if (rc != RC_OK)
        atomic_store(s->stop, true);
    atomic_store(&s->finished, true);
    pthread_join(s->asker, NULL);
    progress_end(&s->progress);
    if (s->asked != RC_OK && s->asked != RC_BUSY && (rc == RC_OK || rc == RC_BUSY)) {
        *err = s->why_not_asked;
        return s->asked;
    }
    return rc == RC_OK ? s->asked : rc;
}

/* Stopped is no failure: the scan goes on with the next call. */
static enum rc end(struct scanning *s, enum rc rc, int64_t began_ns, struct scan_done *ret,
                   struct err *err)
{
    *ret = (struct scan_done){.seen = atomic_load(&s->progress.seen),
                              .gone = s->gone,
                              .took_ms = (clock_mono_ns() - began_ns) / 1000000,
                              .stopped = rc == RC_BUSY};
    if (s->pipeline != NULL)
        ret->hashed = atomic_load(&pipeline_counts(s->pipeline)->hashed);
    enum rc settled = state_settle(s->state, true, rc == RC_OK || rc == RC_BUSY ? err : NULL);
    return rc == RC_OK || rc == RC_BUSY ? settled : rc;
}

enum rc scan_run(const struct scan_options *options, struct client *client, struct state *state,
                 atomic_bool *stop, struct scan_done *ret, struct err *err)
{
    SCOPED(mem_free) struct hasher_programs *programs = calloc(1, sizeof *programs);
    SCOPED(pipeline_free) struct pipeline *pipeline = NULL;
    struct scanning s = {0};
    int64_t began_ns = clock_mono_ns();

    if (programs == NULL)
        FAIL(err, RC_NOMEM, "no memory for a scan");
    TRY(hasher_programs_find(programs, err));
    TRY(state_run_begin(state, options->shard, err));
    prepare(&s, options, client, state, stop);
    TRY(expect(&s, err));
    const struct pipeline_config config = {.programs = programs,
                                           .state = state,
                                           .jobs = options->jobs,
                                           .trust = options->retry_errors ? STATE_TRUST_GOOD
                                                                          : STATE_TRUST,
                                           .stop = stop};
    TRY(pipeline_new(&config, &pipeline, err));
    s.pipeline = pipeline;
    s.progress.files = pipeline_counts(pipeline);
    return end(&s, run_threads(&s, err), began_ns, ret, err);
}

enum rc scan_rematch(const struct scan_options *options, int64_t since, struct client *client,
                     struct state *state, atomic_bool *stop, struct scan_done *ret, struct err *err)
{
    struct scanning s = {0};
    struct state_totals totals;
    int64_t began_ns = clock_mono_ns();

    prepare(&s, options, client, state, stop);
    TRY(state_totals(state, true, &totals, err));
    atomic_store(&s.progress.total, totals.contents);
    TRY(progress_start(&s.progress, err));
    enum rc rc = match_again(&s.match, since, err);
    progress_end(&s.progress);
    return end(&s, rc, began_ns, ret, err);
}
