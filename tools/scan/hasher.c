#include "tools/scan/hasher.h"

#include <string.h>
#include <sys/mman.h>

#include <nettle/sha2.h>

#include "hashing/worker_find.h"
#include "tools/scan/signals.h"

/* The limits are the service's defaults (service/setting_table.c): what a check would refuse, a
 * scan calls unreadable. */
enum { WORKER_RECYCLE = 1000, TICK_MS = 200 };
static const uint64_t gib = 1ull << 30;

enum rc hasher_programs_find(struct hasher_programs *ret, struct err *err)
{
    TRY(worker_find("hashgate-worker", ret->picture_path, sizeof ret->picture_path, err));
    TRY(worker_find("hashgate-worker-video", ret->clip_path, sizeof ret->clip_path, err));
    ret->picture = (struct worker_config){.program = ret->picture_path,
                                          .timeout_ms = 60 * 1000,
                                          .cpu_ms = 20 * 1000,
                                          .max_pixels = 100000000,
                                          .max_work = 4000000000,
                                          .max_duration_ms = 3600 * 1000,
                                          .max_frames = 5000,
                                          .max_jpeg_scans = 100,
                                          .memory = gib,
                                          .recycle_after = WORKER_RECYCLE};
    ret->clip = ret->picture;
    ret->clip.program = ret->clip_path;
    ret->clip.timeout_ms = 1800 * 1000;
    ret->clip.cpu_ms = 600 * 1000;
    ret->clip.max_work = UINT64_MAX; /* processor time is what limits a clip */
    ret->clip.max_duration_ms = 6 * 3600 * 1000;
    ret->clip.max_frames = 1000000;
    ret->clip.memory = 2 * gib;
    return RC_OK;
}

struct hasher {
    const struct hasher_programs *programs;
    const atomic_bool *stop;
    struct worker_host *picture, *clip; /* clip NULL: was not needed yet */
    struct frame_list frames;           /* of the medium in hand */
    size_t first;                       /* of the part in hand among them */
    struct bytes signals;               /* owned */
    struct medium_found found;
    struct err why;
};

enum rc hasher_new(const struct hasher_programs *programs, const atomic_bool *stop,
                   struct hasher **ret, struct err *err)
{
    SCOPED(hasher_free) struct hasher *h = calloc(1, sizeof *h);
    if (h == NULL)
        FAIL(err, RC_NOMEM, "no memory for a worker");
    h->programs = programs;
    h->stop = stop;
    TRY(worker_host_new(&programs->picture, &h->picture, err));
    *ret = TAKE(h);
    return RC_OK;
}

void hasher_free(struct hasher *h)
{
    if (h == NULL)
        return;
    worker_host_free(h->picture);
    worker_host_free(h->clip);
    frame_list_clear(&h->frames);
    free((void *)h->signals.p);
    free(h);
}

enum rc hasher_digest(int memfd, uint64_t length, uint8_t ret[32], struct err *err)
{
    struct sha256_ctx sha256;

    sha256_init(&sha256);
    if (length > 0) {
        void *p = mmap(NULL, length, PROT_READ, MAP_SHARED, memfd, 0);
        if (p == MAP_FAILED)
            FAIL_SYS(err, "cannot map a medium");
        sha256_update(&sha256, length, p);
        munmap(p, length);
    }
    sha256_digest(&sha256, SHA256_DIGEST_SIZE, ret);
    return RC_OK;
}

static enum rc on_begin(void *ctx, struct err *err)
{
    struct hasher *h = ctx;
    (void)err;
    frame_list_trim(&h->frames, h->first);
    return RC_OK;
}

static enum rc on_frame(void *ctx, const struct worker_frame *frame, bool *ret_enough,
                        struct err *err)
{
    struct hasher *h = ctx;
    (void)ret_enough;
    return frame_list_add(&h->frames, frame->ms, frame->track, frame->hashes, err);
}

static enum rc on_tick(void *ctx, struct err *err)
{
    const struct hasher *h = ctx;
    if (atomic_load(h->stop))
        FAIL(err, RC_BUSY, "stopped");
    return RC_OK;
}

/* The frames of a still have no time; a part that failed leaves those that it gave. */
static void end_part(struct hasher *h, const struct medium_found *found)
{
    if (found->duration_ms == 0)
        for (size_t i = h->first; i < h->frames.n; i++)
            h->frames.frame[i].ms = -1;
}

static enum rc run_part(struct hasher *h, struct worker_host *host, int memfd, uint64_t offset,
                        uint64_t length, struct medium_found *ret, struct err *err)
{
    const struct worker_sink sink = {
        .ctx = h, .begin = on_begin, .frame = on_frame, .tick = on_tick, .tick_ms = TICK_MS};
    struct medium_found found = {0};

    h->first = h->frames.n;
    TRY(worker_host_start(host, memfd, offset, length, true, err));
    TRY(worker_host_wait(host, &sink, &found, err));
    end_part(h, &found);
    *ret = found;
    return RC_OK;
}

static enum rc run_parts(struct hasher *h, int memfd, uint64_t length, struct err *err)
{
    struct medium_found *found = &h->found, clip;

    TRY(run_part(h, h->picture, memfd, 0, length, found, err));
    if (found->elsewhere_length == 0)
        return RC_OK;
    if (h->clip == NULL)
        TRY(worker_host_new(&h->programs->clip, &h->clip, err));
    TRY(run_part(h, h->clip, memfd, found->elsewhere_offset, found->elsewhere_length, &clip, err));
    if (clip.elsewhere_length > 0)
        FAIL(err, RC_UNDECODABLE, "a part of it is decoded by neither program");
    if (found->frames == 0) {
        *found = clip;
    } else {
        found->frames += clip.frames;
        found->duration_ms = clip.duration_ms;
    }
    return RC_OK;
}

/* That there is no picture in it is a finding; a format that is known and not decoded is a failure,
 * and so is a part that cannot be decoded behind one that could. */
static enum state_outcome outcome_of(const struct hasher *h, enum rc rc)
{
    if (rc == RC_OK)
        return STATE_HASHED;
    return h->why.no_picture && h->frames.n == 0 ? STATE_OTHER : STATE_FAILED;
}

enum rc hasher_run(struct hasher *h, int memfd, uint64_t length, struct state_content *ret,
                   struct err *err)
{
    free((void *)TAKE(h->signals.p));
    frame_list_clear(&h->frames);
    h->found = (struct medium_found){0};
    enum rc rc = run_parts(h, memfd, length, &h->why);
    if (rc != RC_OK && rc != RC_NOT_MEDIA && rc != RC_UNDECODABLE && rc != RC_LIMIT) {
        *err = h->why;
        return rc;
    }
    TRY(signals_pack(&h->frames, &h->signals, err));
    bool whole = rc == RC_OK;
    *ret = (struct state_content){.bytes = length,
                                  .outcome = outcome_of(h, rc),
                                  .reason = whole ? "" : h->why.msg,
                                  .type = whole ? h->found.type : "",
                                  .width = whole ? h->found.width : 0,
                                  .height = whole ? h->found.height : 0,
                                  .frames = whole ? h->found.frames : 0,
                                  .duration_ms = whole ? h->found.duration_ms : 0,
                                  .signals = h->signals};
    return RC_OK;
}
