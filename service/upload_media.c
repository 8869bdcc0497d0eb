#include "service/upload_media.h"

#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>

#include "hashing/base/clock.h"
#include "hashing/base/text.h"
#include "service/service.h"

/* Exact in a JSON number. */
#define FRAME_MS_MAX ((int64_t)1 << 53)

void upload_clear(struct upload *upload)
{
    free(upload->medium);
    *upload = (struct upload){0};
}

enum rc medium_take(struct bytes data, const struct part *part, struct medium *ret, struct err *err)
{
    const char *name = part == NULL ? "" : part->has_filename ? part->filename : part->name;
    int64_t ms = -1;

    if (part == NULL && data.n == 0)
        FAIL(err, RC_INPUT, "the body is empty: send one medium, or multipart/form-data");
    if (data.n == 0)
        FAIL(err, RC_INPUT, "%.100s: is empty", name);
    if (part != NULL && part->ms[0] != '\0' && !text_number(part->ms, 0, FRAME_MS_MAX, &ms))
        FAIL(err, RC_INPUT, "%.100s: X-Frame-Ms is not a whole number of milliseconds", name);

    memset(ret, 0, sizeof *ret);
    ret->data = data;
    ret->ms = ms;
    memcpy(ret->name, name, strlen(name) + 1);
    return RC_OK;
}

enum rc upload_take(const struct request *rq, struct upload *ret, struct err *err)
{
    SCOPED(mem_free) struct multipart *parts = NULL;
    SCOPED(upload_clear) struct upload upload = {.n = 1};
    bool multipart = multipart_is(rq->content_type);

    if (multipart) {
        if ((parts = calloc(1, sizeof *parts)) == NULL)
            FAIL(err, RC_NOMEM, "parts");
        TRY(multipart_parse(rq->content_type, rq->body, parts, err));
        if (parts->n == 0)
            FAIL(err, RC_INPUT, "the multipart body has no part");
        upload.n = parts->n;
    }
    if ((upload.medium = calloc(upload.n, sizeof *upload.medium)) == NULL)
        FAIL(err, RC_NOMEM, "media");
    for (size_t i = 0; i < upload.n; i++) {
        const struct part *part = multipart ? &parts->part[i] : NULL;
        TRY(medium_take(multipart ? part->data : rq->body, part, &upload.medium[i], err));
    }

    *ret = upload;
    upload = (struct upload){0};
    return RC_OK;
}

static void digest(struct medium *m)
{
    struct sha256_ctx sha256;
    sha256_init(&sha256);
    sha256_update(&sha256, m->data.n, m->data.p);
    sha256_digest(&sha256, sizeof m->sha256, m->sha256);
    if (!m->all_digests)
        return;

    struct sha1_ctx sha1;
    sha1_init(&sha1);
    sha1_update(&sha1, m->data.n, m->data.p);
    sha1_digest(&sha1, sizeof m->sha1, m->sha1);

    struct md5_ctx md5;
    md5_init(&md5);
    md5_update(&md5, m->data.n, m->data.p);
    md5_digest(&md5, sizeof m->md5, m->md5);
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

enum rc upload_examine(struct service *service, unsigned member, struct request *rq,
                       bool all_orientations, bool all_digests, struct medium *medium,
                       struct err *err)
{
    struct worker_host *worker = service->worker[member];
    uint64_t offset = (uint64_t)(medium->data.p - rq->body.p);
    int64_t began = clock_mono_ns();

    TRY(worker_host_start(worker, rq->body_fd, offset, medium->data.n, all_orientations, err));
    medium->all_digests = all_digests;
    digest(medium); /* while the worker decodes */
    enum rc rc = worker_host_wait(worker, &medium->hashes, err);
    metrics_medium(service->metrics, rc, clock_mono_ns() - began);
    return blame(medium, rc, err);
}

bool look_usable(const struct look_hash *look)
{
    return look->quality >= PDQ_MIN_QUALITY;
}

bool medium_usable(const struct medium *medium)
{
    for (uint32_t f = 0; f < medium->hashes.n; f++)
        for (unsigned l = 0; l < medium->hashes.frame[f].hashes.looks; l++)
            if (look_usable(&medium->hashes.frame[f].hashes.look[l]))
                return true;
    return false;
}

int64_t medium_frame_ms(const struct medium *medium, uint32_t f)
{
    if (medium->ms >= 0)
        return medium->ms;
    return medium->hashes.frames > 1 ? medium->hashes.frame[f].ms : -1;
}

static size_t frame_signals(const struct frame_hashes *frame, int64_t ms, bool all_orientations,
                            struct lookup_signal *ret)
{
    unsigned orientations = all_orientations ? ORIENTATIONS : 1;
    size_t n = 0;
    for (unsigned l = 0; l < frame->looks; l++) {
        if (!look_usable(&frame->look[l]))
            continue;
        for (unsigned o = 0; o < orientations; o++)
            ret[n++] = (struct lookup_signal){.type = SIGNAL_PDQ,
                                              .pdq = frame->look[l].hash[o],
                                              .orientation = (enum orientation)o,
                                              .look = (enum look)l,
                                              .ms = ms};
    }
    return n;
}

static struct lookup_signal digest_signal(enum signal_type type, const uint8_t *value, int64_t ms)
{
    struct lookup_signal s = {.type = type, .ms = ms};
    memcpy(s.digest, value, signal_size(type));
    return s;
}

size_t medium_signals(const struct medium *medium, bool all_orientations,
                      struct lookup_signal ret[MEDIUM_SIGNALS_MAX])
{
    size_t n = 0;
    for (uint32_t f = 0; f < medium->hashes.n; f++) {
        const struct frame_hashes *frame = &medium->hashes.frame[f].hashes;
        n += frame_signals(frame, medium_frame_ms(medium, f), all_orientations, ret + n);
    }
    ret[n++] = digest_signal(SIGNAL_SHA256, medium->sha256, medium->ms);
    if (medium->all_digests) {
        ret[n++] = digest_signal(SIGNAL_SHA1, medium->sha1, medium->ms);
        ret[n++] = digest_signal(SIGNAL_MD5, medium->md5, medium->ms);
    }
    return n;
}
