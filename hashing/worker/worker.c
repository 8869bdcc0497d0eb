/*
 * Decodes and hashes one medium at a time inside the sandbox.
 *
 * Started by worker_host.c as `hashgate-worker MEMORY` with the channel at MESSAGE_FD and nothing
 * else.  It keeps nothing between jobs and leaves when the service does.
 */
#include "hashing/worker/worker.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/sandbox/box.h"
#include "hashing/sandbox/message.h"
#include "hashing/worker/channel.h"

enum { EXIT_USAGE = 2, EXIT_SANDBOX = 3, EXIT_CHANNEL = 4 };

struct job_run {
    uint64_t job;
    uint32_t frames, max_frames;
};

static enum rc send_frame(void *ctx, const struct frame_hashes *hashes,
                          const struct frame_place *place, struct err *err)
{
    struct job_run *run = ctx;
    if (!place->preview && run->frames++ == run->max_frames)
        FAIL(err, RC_LIMIT, "more frames than max_frames %u", run->max_frames);
    struct wire_reply reply;
    channel_reply_init(&reply, run->job, WIRE_FRAME);
    reply.ms = place->ms;
    reply.track = place->track;
    reply.marks = (place->key ? WIRE_KEY : 0) | (place->preview ? WIRE_PREVIEW : 0);
    reply.hashes.width = hashes->width;
    reply.hashes.height = hashes->height;
    reply.hashes.looks = hashes->looks;
    /* Looks that turned out to be the plain one are worked out but not used. */
    for (unsigned look = 0; look < hashes->looks && look < LOOKS; look++)
        reply.hashes.look[look] = hashes->look[look];
    return channel_send(&reply, err);
}

static enum rc decode_job(const struct worker_kind *kind, const struct wire_job *job, int fd,
                          struct medium_info *ret, struct err *err)
{
    const struct decode_limits limits = {.max_pixels = job->max_pixels,
                                         .max_work = job->max_work,
                                         .max_frames = job->max_frames,
                                         .max_duration_ms = job->max_duration_ms,
                                         .max_jpeg_scans = job->max_jpeg_scans,
                                         .preview_after_ms = job->preview_after_ms};
    struct job_run run = {.job = job->job, .max_frames = job->max_frames};
    struct channel_medium medium;
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;

    TRY(frame_hasher_new(job->all_orientations != 0, &hasher, err));
    TRY(channel_map(fd, job, &medium, err));
    const struct frame_sink sink = {.hasher = hasher, .on_frame = send_frame, .ctx = &run};
    enum rc rc = decode_medium(kind->decoders, medium.in, &limits, &sink, ret, err);
    channel_unmap(&medium);
    return rc;
}

/* The service knows four outcomes of a medium; whatever else happened was this medium's doing. */
static enum rc outcome_of(enum rc rc)
{
    switch (rc) {
    case RC_OK:
    case RC_NOT_MEDIA:
    case RC_LIMIT:
        return rc;
    case RC_NOMEM:
        return RC_LIMIT;
    default:
        return RC_UNDECODABLE;
    }
}

static enum rc run_job(const struct worker_kind *kind, const struct wire_job *job, int fd,
                       uint64_t memory, struct err *err)
{
    struct medium_info info = {0};
    struct err why = {0};
    struct wire_reply reply;

    enum rc rc = decode_job(kind, job, fd, &info, &why);
    channel_reply_init(&reply, job->job, WIRE_DONE);
    reply.rc = outcome_of(rc);
    if (rc == RC_OK) {
        reply.width = info.width;
        reply.height = info.height;
        reply.frames = info.frames;
        reply.upright = info.upright;
        reply.duration_ms = info.duration_ms;
        reply.elsewhere_offset = info.elsewhere_offset;
        reply.elsewhere_length = info.elsewhere_length;
        message_text(reply.type, sizeof reply.type, info.type);
    } else if (rc == RC_NOMEM) {
        snprintf(reply.msg, sizeof reply.msg,
                 "needs more memory than the limit of %llu MiB (memory)",
                 (unsigned long long)(memory >> 20));
    } else {
        reply.marks = why.no_picture ? WIRE_NO_PICTURE : 0;
        message_text(reply.msg, sizeof reply.msg, why.msg[0] != '\0' ? why.msg : rc_name(rc));
    }
    return channel_send(&reply, err);
}

static enum rc say_hello(enum rc sandbox, const char *text, struct err *err)
{
    struct wire_reply reply;
    channel_reply_init(&reply, 0, WIRE_HELLO);
    reply.rc = sandbox == RC_OK ? RC_OK : RC_SYS;
    message_text(reply.msg, sizeof reply.msg, text);
    return channel_send(&reply, err);
}

static void warm_up(const struct worker_kind *kind, char *text, size_t size)
{
    const char *disagreed = NULL;
    const char *kernel = frame_hasher_self_test(&disagreed);
    kind->warm_up();
    if (disagreed != NULL)
        snprintf(text, size, "%s (%s is wrong on this machine)", kernel, disagreed);
    else
        snprintf(text, size, "%s", kernel);
}

/* Until the service hangs up or sends what is no job. */
static void serve(const struct worker_kind *kind, uint64_t memory)
{
    struct err err;
    for (;;) {
        struct wire_job job;
        int fd = -1;
        if (channel_receive(&job, &fd, &err) != RC_OK)
            return;
        enum rc rc = run_job(kind, &job, fd, memory, &err);
        close(fd);
        if (rc != RC_OK)
            return;
    }
}

/* _exit: what libraries do at exit is not among the calls that the sandbox allows. */
int worker_main(int argc, char **argv, const struct worker_kind *kind)
{
    int64_t memory;
    char kernel[64];
    struct err err;

    if (argc != 2 || !text_number(argv[1], 1, INT64_MAX, &memory)) {
        fprintf(stderr, "%s is started by hashgated, not by hand.\n",
                program_invocation_short_name);
        return EXIT_USAGE;
    }
    (void)!setpriority(PRIO_PROCESS, 0, kind->nice);
    warm_up(kind, kernel, sizeof kernel);
    if (box_enter((uint64_t)memory, BOX_MAPS_MEDIUM, &err) != RC_OK) {
        (void)!say_hello(RC_SYS, err.msg, &err);
        _exit(EXIT_SANDBOX);
    }
    if (say_hello(RC_OK, kernel, &err) != RC_OK)
        _exit(EXIT_CHANNEL);
    serve(kind, (uint64_t)memory);
    _exit(0);
}
