#include "service/decoders.h"

#include <unistd.h>

#include "hashing/base/text.h"
#include "hashing/worker_find.h"
#include "service/log.h"

enum { WORKER_RECYCLE = 1000 /* jobs after which a worker is replaced by a fresh one */ };

static enum rc find(const char *wanted, const char *section, const char *name, char *ret,
                    size_t size, struct err *err)
{
    struct err why;

    if (wanted != NULL && wanted[0] != '\0') {
        if (!text_copy(ret, size, wanted) || access(wanted, X_OK) != 0)
            FAIL(err, RC_INPUT, "[%s] worker_program: cannot execute %s", section, wanted);
        return RC_OK;
    }
    enum rc rc = worker_find(name, ret, size, &why);
    if (rc != RC_OK)
        FAIL(err, rc, "%s; set [%s] worker_program", why.msg, section);
    return RC_OK;
}

enum rc decoder_programs_find(const struct config *config, struct decoder_programs *ret,
                              struct err *err)
{
    TRY(find(config->worker_program, "hashing", "hashgate-worker", ret->picture_path,
             sizeof ret->picture_path, err));
    TRY(find(config->video_worker_program, "video", "hashgate-worker-video", ret->clip_path,
             sizeof ret->clip_path, err));
    ret->picture = (struct worker_config){
        .program = ret->picture_path,
        .section = "hashing",
        .timeout_ms = config->hashing_timeout_ms,
        .cpu_ms = config->hashing_cpu_ms,
        .max_pixels = config->max_pixels,
        .max_work = config->max_work,
        .max_duration_ms = config->max_duration_ms,
        .max_frames = config->max_frames,
        .max_jpeg_scans = config->max_jpeg_scans,
        .memory = config->memory,
        .recycle_after = WORKER_RECYCLE,
    };
    ret->clip = ret->picture;
    ret->clip.program = ret->clip_path;
    ret->clip.section = "video";
    ret->clip.timeout_ms = config->video_timeout_ms;
    ret->clip.cpu_ms = config->video_cpu_ms;
    ret->clip.max_work = UINT64_MAX; /* processor time is what limits a clip */
    ret->clip.max_duration_ms = config->video_max_duration_ms;
    ret->clip.preview_after_ms = config->video_preview_ms;
    ret->clip.max_frames = config->video_max_frames;
    ret->clip.memory = config->video_memory;
    return RC_OK;
}

enum rc decoders_start(struct decoders *d, const struct decoder_programs *programs, bool clips,
                       struct err *err)
{
    TRY(worker_host_new(&programs->picture, &d->picture, err));
    return clips ? worker_host_new(&programs->clip, &d->clip, err) : RC_OK;
}

static void keep(struct worker_host *host)
{
    struct err err;
    if (host != NULL && worker_host_upkeep(host, &err) != RC_OK)
        log_err(LOG_WARNING, "worker", &err);
}

void decoders_upkeep(struct decoders *d)
{
    keep(d->picture);
    keep(d->clip);
}

void decoders_clear(struct decoders *d)
{
    worker_host_free(d->picture);
    worker_host_free(d->clip);
    *d = (struct decoders){0};
}
