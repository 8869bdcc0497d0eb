#include "service/upload_media.h"

#include <stdlib.h>
#include <string.h>

void upload_clear(struct upload *upload)
{
    for (size_t i = 0; upload->medium != NULL && i < upload->n; i++)
        medium_clear(&upload->medium[i]);
    free(upload->medium);
    *upload = (struct upload){0};
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

size_t frame_signals(const struct frame_hashes *frame, int64_t ms, bool all_orientations,
                     struct lookup_signal ret[FRAME_SIGNALS_MAX])
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

size_t medium_digests(const struct medium *medium, struct lookup_signal ret[MEDIUM_DIGESTS_MAX])
{
    size_t n = 0;
    ret[n++] = digest_signal(SIGNAL_SHA256, medium->sha256, medium->ms);
    if (medium->all_digests) {
        ret[n++] = digest_signal(SIGNAL_SHA1, medium->sha1, medium->ms);
        ret[n++] = digest_signal(SIGNAL_MD5, medium->md5, medium->ms);
    }
    return n;
}
