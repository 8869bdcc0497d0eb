#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "hashing/base/clock.h"
#include "hashing/worker_host_internal.h"

_Static_assert(sizeof((struct medium_found *)0)->type == WIRE_TYPE_SIZE, "types fit");

/* The three ways in which a job ends a worker. */

static enum rc over_time(struct worker_host *host, int64_t ms, const char *what, const char *key,
                         struct err *err)
{
    host_stop(host);
    atomic_fetch_add(&host->timed_out, 1);
    bool whole = ms % 1000 == 0;
    char setting[64] = "";
    if (host->config->section != NULL)
        snprintf(setting, sizeof setting, " ([%s] %s)", host->config->section, key);
    FAIL(err, RC_LIMIT, "hashing took longer than the limit of %lld %s%s%s",
         (long long)(whole ? ms / 1000 : ms), whole ? "s" : "ms", what, setting);
}

static enum rc over_wall_time(struct worker_host *host, struct err *err)
{
    return over_time(host, host->config->timeout_ms, "", "timeout", err);
}

/*
 * A medium is to blame for what a fresh worker does.  An older one may suffer from a medium before
 * this, and a SIGKILL comes from outside: then worker_host_wait() tries once more.
 */
static void blame(struct worker_host *host, bool killed)
{
    host->in_doubt = host->served > 1 || killed;
}

static enum rc died(struct worker_host *host, struct err *err)
{
    char death[64];
    int status = host_stop(host);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return over_time(host, host_cpu_ms(host->config), " of processor time", "cpu_limit", err);
    blame(host, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    atomic_fetch_add(&host->crashed, 1);
    child_death_text(status, death, sizeof death);
    FAIL(err, RC_UNDECODABLE, "the decoder crashed on this medium: %s", death);
}

static enum rc lied(struct worker_host *host, const char *what, struct err *err)
{
    host_stop(host);
    blame(host, false);
    atomic_fetch_add(&host->lied, 1);
    FAIL(err, RC_UNDECODABLE, "the decoder answered nonsense on this medium: %s", what);
}

/* One job's way from start to answer. */
struct run {
    const struct worker_sink *sink;
    struct medium_found found;
    uint64_t frames, previews;
    int64_t tick_ns; /* when the sink wants to be called next; INT64_MAX: never */
    bool done;
};

static void see_frame(struct run *run, const struct wire_reply *reply)
{
    if (run->frames + run->previews == 0) {
        run->found.width = reply->hashes.width;
        run->found.height = reply->hashes.height;
    }
    if ((reply->marks & WIRE_PREVIEW) != 0)
        run->previews++;
    else
        run->frames++;
    if (reply->ms > run->found.duration_ms)
        run->found.duration_ms = reply->ms;
}

/* What was seen of a medium that is not followed to its end. */
static void cut_short(struct worker_host *host, struct run *run)
{
    host_stop(host);
    run->found.cut_short = true;
    run->found.frames = (uint32_t)(run->frames > 0 ? run->frames : run->previews);
    run->done = true;
}

static enum rc take_frame(struct worker_host *host, const struct wire_reply *reply, struct run *run,
                          struct err *err)
{
    const struct frame_hashes *hashes = &reply->hashes;
    const struct worker_frame frame = {.ms = reply->ms,
                                       .track = reply->track,
                                       .key = (reply->marks & WIRE_KEY) != 0,
                                       .preview = (reply->marks & WIRE_PREVIEW) != 0,
                                       .hashes = hashes};
    bool enough = false;

    see_frame(run, reply);
    if (run->frames > host->config->max_frames || run->previews > host->config->max_frames)
        return lied(host, "too many frames", err);
    if ((uint64_t)hashes->width * hashes->height > host->config->max_pixels)
        return lied(host, "frame over max_pixels", err);
    const struct pdq_hash none = {{0}};
    for (unsigned look = 0; !host->job.all_orientations && look < LOOKS; look++)
        for (unsigned o = ORIENT_AS_IS + 1; o < ORIENTATIONS; o++)
            if (!pdq_equal(&hashes->look[look].hash[o], &none))
                return lied(host, "orientations that were not asked for", err);
    enum rc rc = run->sink->frame(run->sink->ctx, &frame, &enough, err);
    if (rc != RC_OK)
        host_stop(host);
    else if (enough)
        cut_short(host, run);
    return rc;
}

static enum rc refused(struct worker_host *host, const struct wire_reply *reply, struct err *err)
{
    /* Whatever broke the decode may have broken more than it said. */
    host->spent = reply->rc == RC_UNDECODABLE;
    if (reply->rc == RC_LIMIT && host->config->section != NULL) {
        /* One setting for both programs; each has the others for itself. */
        bool shared = strstr(reply->msg, "max_pixels") != NULL;
        FAIL(err, RC_LIMIT, "%s; [%s] in the configuration sets it", reply->msg,
             shared ? "hashing" : host->config->section);
    }
    err_set(err, (enum rc)reply->rc, HERE, "%s", reply->msg);
    err->no_picture = reply->marks == WIRE_NO_PICTURE;
    return (enum rc)reply->rc;
}

static enum rc take_done(struct worker_host *host, const struct wire_reply *reply, struct run *run,
                         struct err *err)
{
    struct medium_found *found = &run->found;

    if (reply->rc != RC_OK)
        return refused(host, reply, err);
    if (reply->frames != run->frames)
        return lied(host, "frames that were not sent", err);
    if ((uint64_t)reply->width * reply->height > host->config->max_pixels)
        return lied(host, "medium over max_pixels", err);
    if (reply->elsewhere_offset > host->job.length ||
        reply->elsewhere_length > host->job.length - reply->elsewhere_offset)
        return lied(host, "a part behind the medium's end", err);
    memcpy(found->type, reply->type, sizeof found->type);
    found->width = reply->width;
    found->height = reply->height;
    found->frames = reply->frames;
    found->duration_ms = reply->duration_ms;
    found->upright = (enum orientation)reply->upright;
    found->elsewhere_offset = reply->elsewhere_offset;
    found->elsewhere_length = reply->elsewhere_length;
    run->done = true;
    return RC_OK;
}

static enum rc tick(struct worker_host *host, struct run *run, struct err *err)
{
    run->tick_ns = clock_mono_ns() + run->sink->tick_ms * 1000000;
    enum rc rc = run->sink->tick(run->sink->ctx, err);
    if (rc != RC_OK)
        host_stop(host);
    return rc;
}

static enum rc take_reply(struct worker_host *host, struct run *run, struct err *err)
{
    int64_t until = run->tick_ns < host->deadline ? run->tick_ns : host->deadline;
    struct wire_reply reply;
    struct err why;
    size_t n;

    if (clock_mono_ns() >= run->tick_ns)
        TRY(tick(host, run, err));
    switch (child_listen(&host->process.child, until, &reply, sizeof reply, &n)) {
    case CHILD_SAID:
        break;
    case CHILD_GONE:
        return died(host, err);
    case CHILD_SILENT:
        return clock_mono_ns() < host->deadline ? RC_OK : over_wall_time(host, err);
    default:
        err_set_sys(err, errno, HERE, "cannot listen to the worker");
        host_stop(host);
        return RC_SYS;
    }
    /* One that talks all the time must not outlive its deadline either. */
    if (clock_mono_ns() >= host->deadline)
        return over_wall_time(host, err);
    if (wire_reply_check(&reply, n, host->job.job, &why) != RC_OK)
        return lied(host, why.msg, err);
    return reply.kind == WIRE_DONE ? take_done(host, &reply, run, err)
                                   : take_frame(host, &reply, run, err);
}

enum rc host_take_answer(struct worker_host *host, const struct worker_sink *sink,
                         struct medium_found *ret, struct err *err)
{
    struct run run = {.sink = sink, .tick_ns = INT64_MAX};

    if (sink->begin != NULL) {
        enum rc rc = sink->begin(sink->ctx, err);
        if (rc != RC_OK) {
            host_stop(host);
            return rc;
        }
    }
    if (sink->tick != NULL)
        run.tick_ns = clock_mono_ns() + sink->tick_ms * 1000000;
    while (!run.done)
        TRY(take_reply(host, &run, err));
    *ret = run.found;
    return RC_OK;
}
