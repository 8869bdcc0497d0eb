#include "tools/scan/scan.h"

#include <pthread.h>
#include <string.h>

#include "hashing/base/clock.h"
#include "hashing/worker_find.h"
#include "tools/scan/census.h"
#include "tools/scan/roots.h"
#include "tools/scan/s3.h"

/* One scan under way; this part is the caller's thread's. */
struct scanning {
    const struct scan_options *options;
    struct state *state;
    atomic_bool *stop;
    struct pipeline *pipeline;
    struct intake intake;
    struct roots roots;
    struct progress progress;
    struct census census;
    uint64_t gone, hashed;

    /* the asking thread */
    struct match_config match;
    struct match_counts matches;
    atomic_bool finished; /* no more contents come */
    pthread_t asker;
    enum rc asked;
    struct err why_not_asked;
};

static void scanning_clear_scoped(struct scanning *s)
{
    intake_clear(&s->intake);
}

/* The programs of the sandbox. */
struct programs {
    struct hasher_programs hashers;
    char unpacker[4096];
};

static enum rc walk_all(struct scanning *s, struct err *err)
{
    TRY(roots_walk(&s->roots, err));
    /* All must be in the state before what is not in it is taken for gone. */
    TRY(intake_drain(&s->intake, err));
    return state_drop_gone(s->state, &s->gone, err);
}

static bool counts(void *ctx, struct bytes under)
{
    const struct scanning *s = ctx;
    return intake_in_shard(under, s->options->shard);
}

/* Only for whoever looks at the progress; what a list or a bucket will name is unknown. */
static void start_census(struct scanning *s)
{
    const struct scan_options *options = s->options;
    for (int i = 0; i < options->n_paths; i++)
        if (s3_is_url(options->paths[i]))
            return;
    if (options->list != NULL || !options->progress)
        return;
    s->census = (struct census){.paths = options->paths,
                                .n_paths = options->n_paths,
                                .walk = &options->walk,
                                .counts = counts,
                                .ctx = s,
                                .total = &s->progress.total};
    census_start(&s->census);
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
    s->progress.state = state;
    s->progress.show = options->progress;
    s->roots = (struct roots){.options = options,
                              .state = state,
                              .intake = &s->intake,
                              .progress = &s->progress,
                              .stop = stop};
    s->progress.matches = &s->matches;
    s->match = (struct match_config){.client = client,
                                     .offline = options->offline,
                                     .jobs = options->jobs,
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
                              .unopened = s->roots.unopened,
                              .took_ms = (clock_mono_ns() - began_ns) / 1000000,
                              .hashed = s->hashed,
                              .stopped = rc == RC_BUSY};
    enum rc settled = state_settle(s->state, true, rc == RC_OK || rc == RC_BUSY ? err : NULL);
    return rc == RC_OK || rc == RC_BUSY ? settled : rc;
}

static struct intake_config intake_config_of(struct scanning *s, const char *unpacker)
{
    const struct scan_options *options = s->options;
    return (struct intake_config){
        .state = s->state,
        .pipeline = s->pipeline,
        .shard = options->shard,
        .trust = options->checksum       ? STATE_TRUST_NONE
                 : options->retry_errors ? STATE_TRUST_GOOD
                                         : STATE_TRUST,
        .skip = options->state_path,
        .unpack = {.program = unpacker, .limits = options->archives},
        .walked = &s->progress.walked,
        .seen = &s->progress.seen,
        .stop = s->stop,
    };
}

/* With everything made that it is done with. */
static enum rc run(struct scanning *s, const struct programs *programs, struct err *err)
{
    SCOPED(pipeline_free) struct pipeline *pipeline = NULL;
    const struct pipeline_config config = {.programs = &programs->hashers,
                                           .state = s->state,
                                           .jobs = s->options->jobs,
                                           .trust = s->options->retry_errors ? STATE_TRUST_GOOD
                                                                             : STATE_TRUST,
                                           .stop = s->stop};
    TRY(pipeline_new(&config, &pipeline, err));
    s->pipeline = pipeline;
    s->progress.files = pipeline_counts(pipeline);
    s->intake.config = intake_config_of(s, programs->unpacker);
    start_census(s);
    enum rc rc = run_threads(s, err);
    census_end(&s->census);
    s->hashed = atomic_load(&pipeline_counts(pipeline)->hashed);
    return rc;
}

enum rc scan_run(const struct scan_options *options, struct client *client, struct state *state,
                 atomic_bool *stop, struct scan_done *ret, struct err *err)
{
    SCOPED(mem_free) struct programs *programs = calloc(1, sizeof *programs);
    SCOPED(scanning_clear) struct scanning s = {0};
    int64_t began_ns = clock_mono_ns();

    if (programs == NULL)
        FAIL(err, RC_NOMEM, "no memory for a scan");
    TRY(hasher_programs_find(&programs->hashers, err));
    TRY(worker_find("hashgate-unpack", programs->unpacker, sizeof programs->unpacker, err));
    TRY(state_run_begin(state, options->shard, err));
    prepare(&s, options, client, state, stop);
    return end(&s, run(&s, programs, err), began_ns, ret, err);
}

enum rc scan_rematch(const struct scan_options *options, int64_t since, struct client *client,
                     struct state *state, atomic_bool *stop, struct scan_done *ret, struct err *err)
{
    SCOPED(scanning_clear) struct scanning s = {0};
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
