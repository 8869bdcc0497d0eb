#include "hashing/worker/wire.h"

#include <string.h>

#include "hashing/sandbox/message.h"

enum rc wire_job_check(const struct wire_job *job, struct err *err)
{
    if (job->magic != WIRE_MAGIC)
        FAIL(err, RC_INPUT, "job: magic");
    if (job->version != WIRE_VERSION)
        FAIL(err, RC_INPUT, "job: version");
    if (job->job == 0)
        FAIL(err, RC_INPUT, "job: number");
    uint64_t end;
    if (__builtin_add_overflow(job->offset, job->length, &end) || end > INT64_MAX)
        FAIL(err, RC_INPUT, "job: offset and length");
    if (job->max_pixels == 0)
        FAIL(err, RC_INPUT, "job: max_pixels");
    if (job->max_work == 0)
        FAIL(err, RC_INPUT, "job: max_work");
    if (job->max_duration_ms <= 0)
        FAIL(err, RC_INPUT, "job: max_duration_ms");
    if (job->preview_after_ms < 0)
        FAIL(err, RC_INPUT, "job: preview_after_ms");
    if (job->max_frames == 0 || job->max_frames > WIRE_FRAMES_MAX)
        FAIL(err, RC_INPUT, "job: max_frames");
    if (job->max_jpeg_scans == 0)
        FAIL(err, RC_INPUT, "job: max_jpeg_scans");
    if (job->all_orientations > 1)
        FAIL(err, RC_INPUT, "job: all_orientations");
    if (job->unused != 0)
        FAIL(err, RC_INPUT, "job: unused");
    if (job->cpu_seconds == 0)
        FAIL(err, RC_INPUT, "job: cpu_seconds");
    return RC_OK;
}

/* Whether the fields that only FRAME uses are as they were zeroed, padding included. */
static bool frame_fields_zero(const struct wire_reply *reply)
{
    static const struct frame_hashes none;
    return reply->ms == 0 && reply->track == 0 && memcmp(&reply->hashes, &none, sizeof none) == 0;
}

static bool medium_fields_zero(const struct wire_reply *reply)
{
    return reply->width == 0 && reply->height == 0 && reply->frames == 0 && reply->upright == 0 &&
           reply->duration_ms == 0 && reply->elsewhere_offset == 0 &&
           reply->elsewhere_length == 0 && reply->type[0] == '\0';
}

static enum rc check_hello(const struct wire_reply *reply, struct err *err)
{
    if (reply->rc != RC_OK && reply->rc != RC_SYS)
        FAIL(err, RC_INPUT, "hello: rc");
    if (!frame_fields_zero(reply) || !medium_fields_zero(reply) || reply->marks != 0)
        FAIL(err, RC_INPUT, "hello: unused fields");
    if (reply->msg[0] == '\0')
        FAIL(err, RC_INPUT, "hello: msg");
    return RC_OK;
}

static bool hash_zero(const struct pdq_hash *hash)
{
    return (hash->w[0] | hash->w[1] | hash->w[2] | hash->w[3]) == 0;
}

static enum rc check_looks(const struct frame_hashes *hashes, struct err *err)
{
    if (hashes->looks != 1 && hashes->looks != LOOKS)
        FAIL(err, RC_INPUT, "frame: looks");
    for (unsigned look = 0; look < LOOKS; look++) {
        const struct look_hash *l = &hashes->look[look];
        bool used = look < hashes->looks;
        if (l->quality > (used ? 100 : 0))
            FAIL(err, RC_INPUT, "frame: quality of look %u", look);
        for (unsigned o = 0; o < ORIENTATIONS; o++)
            if (!used && !hash_zero(&l->hash[o]))
                FAIL(err, RC_INPUT, "frame: hash of unused look %u", look);
    }
    return RC_OK;
}

static enum rc check_frame(const struct wire_reply *reply, struct err *err)
{
    if (reply->rc != RC_OK)
        FAIL(err, RC_INPUT, "frame: rc");
    if (reply->ms < 0)
        FAIL(err, RC_INPUT, "frame: ms");
    if (reply->marks > WIRE_MARKS)
        FAIL(err, RC_INPUT, "frame: marks");
    if (reply->hashes.width == 0 || reply->hashes.height == 0)
        FAIL(err, RC_INPUT, "frame: size");
    if (!medium_fields_zero(reply) || reply->msg[0] != '\0')
        FAIL(err, RC_INPUT, "frame: unused fields");
    return check_looks(&reply->hashes, err);
}

/*
 * A medium without a frame was not examined, so it must not pass for one that was: it is the other
 * program's.
 */
static enum rc check_found(const struct wire_reply *reply, struct err *err)
{
    uint64_t end;

    if (reply->frames == 0 && reply->elsewhere_length == 0)
        FAIL(err, RC_INPUT, "done: frames");
    if (reply->frames > WIRE_FRAMES_MAX)
        FAIL(err, RC_INPUT, "done: frames");
    if ((reply->width == 0 || reply->height == 0) != (reply->frames == 0))
        FAIL(err, RC_INPUT, "done: size");
    if (reply->upright >= ORIENTATIONS)
        FAIL(err, RC_INPUT, "done: upright");
    if (reply->duration_ms < 0)
        FAIL(err, RC_INPUT, "done: duration_ms");
    if (__builtin_add_overflow(reply->elsewhere_offset, reply->elsewhere_length, &end) ||
        (reply->elsewhere_length == 0 && reply->elsewhere_offset != 0))
        FAIL(err, RC_INPUT, "done: elsewhere");
    if (reply->type[0] == '\0')
        FAIL(err, RC_INPUT, "done: type");
    if (reply->msg[0] != '\0')
        FAIL(err, RC_INPUT, "done: msg");
    return RC_OK;
}

static enum rc check_done(const struct wire_reply *reply, struct err *err)
{
    bool may_mark = reply->rc == RC_NOT_MEDIA || reply->rc == RC_UNDECODABLE;
    if (!frame_fields_zero(reply) ||
        (reply->marks != 0 && !(may_mark && reply->marks == WIRE_NO_PICTURE)))
        FAIL(err, RC_INPUT, "done: unused fields");
    switch (reply->rc) {
    case RC_OK:
        return check_found(reply, err);
    case RC_NOT_MEDIA:
    case RC_UNDECODABLE:
    case RC_LIMIT:
        if (!medium_fields_zero(reply))
            FAIL(err, RC_INPUT, "done: unused fields");
        if (reply->msg[0] == '\0')
            FAIL(err, RC_INPUT, "done: msg");
        return RC_OK;
    default:
        FAIL(err, RC_INPUT, "done: rc");
    }
}

enum rc wire_reply_check(const struct wire_reply *reply, size_t n, uint64_t job, struct err *err)
{
    if (n != sizeof *reply)
        FAIL(err, RC_INPUT, "reply: %zu bytes", n);
    if (reply->magic != WIRE_MAGIC)
        FAIL(err, RC_INPUT, "reply: magic");
    if (reply->version != WIRE_VERSION)
        FAIL(err, RC_INPUT, "reply: version");
    if (reply->job != job)
        FAIL(err, RC_INPUT, "reply: job");
    if (!message_text_ok(reply->type, sizeof reply->type))
        FAIL(err, RC_INPUT, "reply: type");
    if (!message_text_ok(reply->msg, sizeof reply->msg))
        FAIL(err, RC_INPUT, "reply: msg");
    /* A worker says hello before its first job and never again. */
    if ((reply->kind == WIRE_HELLO) != (job == 0))
        FAIL(err, RC_INPUT, "reply: kind");
    switch (reply->kind) {
    case WIRE_HELLO:
        return check_hello(reply, err);
    case WIRE_FRAME:
        return check_frame(reply, err);
    case WIRE_DONE:
        return check_done(reply, err);
    default:
        FAIL(err, RC_INPUT, "reply: kind");
    }
}
