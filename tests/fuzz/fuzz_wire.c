/* What a worker that was taken over may send, and what it may be sent. */
#include "hashing/sandbox/message.h"
#include "hashing/worker/wire.h"
#include "tests/fuzz/fuzz.h"

/* Printable ASCII and, from the first NUL on, nothing but zeros. */
static void must_be_text(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    MUST(n < size);
    for (size_t i = 0; i < size; i++)
        MUST(i < n ? text[i] >= 0x20 && text[i] <= 0x7e : text[i] == '\0');
}

static void job(struct bytes in)
{
    struct wire_job job = {0};
    struct err err;
    memcpy(&job, in.p, in.n < sizeof job ? in.n : sizeof job);
    enum rc rc = wire_job_check(&job, &err);
    if (rc != RC_OK) {
        must_refuse(rc, RC_INPUT, &err);
        return;
    }
    MUST(job.job != 0 && job.max_pixels > 0 && job.max_jpeg_scans > 0);
    MUST(job.max_frames > 0 && job.max_frames <= WIRE_FRAMES_MAX && job.max_work > 0);
    MUST(job.length <= INT64_MAX && job.offset <= (uint64_t)INT64_MAX - job.length);
}

static void check_frame(const struct wire_reply *reply)
{
    const struct frame_hashes *h = &reply->hashes;
    MUST(reply->rc == RC_OK && reply->ms >= 0 && h->width > 0 && h->height > 0);
    MUST(h->looks == 1 || h->looks == LOOKS);
    for (unsigned i = 0; i < h->looks; i++)
        MUST(h->look[i].quality <= 100);
}

static void check_done(const struct wire_reply *reply)
{
    bool ok = reply->rc == RC_OK;
    MUST(ok || reply->rc == RC_NOT_MEDIA || reply->rc == RC_UNDECODABLE || reply->rc == RC_LIMIT);
    MUST(ok == (reply->msg[0] == '\0') && ok == (reply->type[0] != '\0'));
    bool seen = reply->frames > 0;
    MUST(ok == (seen || reply->elsewhere_length > 0) && reply->frames <= WIRE_FRAMES_MAX);
    MUST(seen == (reply->width > 0) && seen == (reply->height > 0));
}

/* A short input is a reply whose rest is zero, or mutations would rarely have the one size. */
static void reply(struct bytes in)
{
    struct wire_reply reply = {0};
    struct err err;
    memcpy(&reply, in.p, in.n < sizeof reply ? in.n : sizeof reply);
    size_t n = in.n < sizeof reply ? sizeof reply : in.n;

    must_refuse(wire_reply_check(&reply, n, reply.job + 1, &err), RC_INPUT, &err);
    enum rc rc = wire_reply_check(&reply, n, reply.job, &err);
    if (rc != RC_OK) {
        must_refuse(rc, RC_INPUT, &err);
        return;
    }
    MUST(n == sizeof reply);
    must_be_text(reply.type, sizeof reply.type);
    must_be_text(reply.msg, sizeof reply.msg);
    MUST((reply.kind == WIRE_HELLO) == (reply.job == 0));
    if (reply.kind == WIRE_FRAME)
        check_frame(&reply);
    else if (reply.kind == WIRE_DONE)
        check_done(&reply);
    else
        MUST(reply.kind == WIRE_HELLO && reply.frames == 0 && reply.hashes.looks == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(mem_free) char *text = text_of(bytes_of(data, size));
    char out[WIRE_MSG_SIZE];
    if (size == 0)
        return 0;
    job(bytes_of(data, size));
    reply(bytes_of(data, size));
    message_text(out, sizeof out, text);
    must_be_text(out, sizeof out);
    return 0;
}
