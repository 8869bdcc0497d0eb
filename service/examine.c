#include "service/examine.h"

#include <string.h>

#include "hashing/base/clock.h"
#include "hashing/clip_sampler.h"
#include "service/service.h"

enum { TICK_MS = 200 };

/* One medium under way. */
struct examining {
    const struct service *service;
    const struct examine_how *how;
    struct medium *medium;
    struct clip_sampler sampler;
    size_t first; /* of the part's frames among those kept */
    bool usable;  /* a frame of the part may be matched */
};

/* A worker starts on the part, or another one starts over. */
static enum rc on_begin(void *ctx, struct err *err)
{
    struct examining *x = ctx;
    (void)err;
    frame_list_trim(&x->medium->kept, x->first);
    x->sampler = clip_sampler_of(x->sampler.interval_ms);
    x->usable = false;
    return RC_OK;
}

static enum rc on_frame(void *ctx, const struct worker_frame *frame, bool *ret_enough,
                        struct err *err)
{
    struct examining *x = ctx;
    const struct frame_hashes *hashes = frame->hashes;
    int64_t ms = x->medium->ms >= 0 ? x->medium->ms : frame->ms;

    for (unsigned l = 0; l < hashes->looks; l++)
        x->usable = x->usable || look_usable(&hashes->look[l]);
    if (!frame->preview &&
        clip_sampler_keeps(&x->sampler, frame->ms, frame->track, frame->key, hashes))
        TRY(frame_list_add(&x->medium->kept, ms, frame->track, hashes, err));
    return x->how->frame != NULL ? x->how->frame(x->how->ctx, ms, frame, ret_enough, err) : RC_OK;
}

static enum rc on_tick(void *ctx, struct err *err)
{
    struct examining *x = ctx;
    if (atomic_load(&x->service->abandoning))
        FAIL(err, RC_BUSY, "the service is stopping; try again");
    return x->how->tick != NULL ? x->how->tick(x->how->ctx, err) : RC_OK;
}

/* The frames of a still have no time but the platform's. */
static void end_part(struct examining *x, const struct medium_found *found)
{
    struct medium *m = x->medium;

    m->usable = m->usable || x->usable;
    if (found->duration_ms > 0 || m->ms >= 0)
        return;
    for (size_t i = x->first; i < m->kept.n; i++)
        m->kept.frame[i].ms = -1;
}

/* A part of the medium by one worker. */
static enum rc examine_part(struct examining *x, struct worker_host *worker,
                            const struct request *rq, uint64_t offset, uint64_t length,
                            struct medium_found *ret, struct err *err)
{
    const struct worker_sink sink = {
        .ctx = x, .begin = on_begin, .frame = on_frame, .tick = on_tick, .tick_ms = TICK_MS};
    bool first =
        x->medium->found.frames == 0 && offset == (uint64_t)(x->medium->data.p - rq->body.p);

    x->first = x->medium->kept.n;
    TRY(worker_host_start(worker, rq->body_fd, offset, length, x->how->all_orientations, err));
    if (first)
        medium_digest(x->medium); /* while the worker decodes */
    TRY(worker_host_wait(worker, &sink, ret, err));
    end_part(x, ret);
    return RC_OK;
}

/* A clip alone is what it is; behind a photograph it lends that its frames and its length. */
static void add_clip(struct medium_found *found, const struct medium_found *clip)
{
    if (found->frames == 0) {
        char type[sizeof found->type];
        memcpy(type, found->type, sizeof type);
        *found = *clip;
        if (found->type[0] == '\0') /* it was cut short, and the other program's word must do */
            memcpy(found->type, type, sizeof type);
        return;
    }
    found->frames += clip->frames;
    found->duration_ms = clip->duration_ms;
    found->cut_short = clip->cut_short;
}

static enum rc examine_clip(struct examining *x, struct worker_host *worker,
                            const struct request *rq, struct err *err)
{
    struct medium_found *found = &x->medium->found, clip;
    uint64_t offset = (uint64_t)(x->medium->data.p - rq->body.p) + found->elsewhere_offset;

    TRY(examine_part(x, worker, rq, offset, found->elsewhere_length, &clip, err));
    if (clip.elsewhere_length > 0)
        FAIL(err, RC_UNDECODABLE, "a part of it is decoded by neither program");
    add_clip(found, &clip);
    return RC_OK;
}

static enum rc examine(struct examining *x, struct service *service, unsigned member,
                       const struct request *rq, struct err *err)
{
    const struct decoders *decoders =
        rq->crew == CREW_VIDEO ? &service->video[member] : &service->media[member];
    struct medium *m = x->medium;

    TRY(examine_part(x, decoders->picture, rq, (uint64_t)(m->data.p - rq->body.p), m->data.n,
                     &m->found, err));
    if (m->found.elsewhere_length == 0 || m->found.cut_short) {
        if (m->data.n > service->config->max_upload)
            FAIL(err, RC_TOO_LARGE, "a picture may be %llu bytes ([http] max_upload)",
                 (unsigned long long)service->config->max_upload);
        return RC_OK;
    }
    if (rq->crew != CREW_VIDEO)
        return RC_ELSEWHERE;
    return examine_clip(x, decoders->clip, rq, err);
}

/* Says which of several files an error speaks of. */
static enum rc blame(const struct medium *m, enum rc rc, struct err *err)
{
    bool of_medium = rc == RC_NOT_MEDIA || rc == RC_UNDECODABLE || rc == RC_LIMIT;
    if (!of_medium || m->name[0] == '\0' || err == NULL)
        return rc;
    struct err inner = *err;
    return err_set(err, rc, inner.at, "%.80s: %s", m->name, inner.msg);
}

enum rc examine_medium(struct service *service, unsigned member, const struct request *rq,
                       const struct examine_how *how, struct medium *medium, struct err *err)
{
    struct examining x = {.service = service,
                          .how = how,
                          .medium = medium,
                          .sampler = clip_sampler_of(service->config->video_interval_ms)};
    int64_t began = clock_mono_ns();

    medium->all_digests = how->all_digests;
    enum rc rc = examine(&x, service, member, rq, err);
    if (rc != RC_ELSEWHERE)
        metrics_medium(service->metrics, rc, clock_mono_ns() - began);
    return blame(medium, rc, err);
}
