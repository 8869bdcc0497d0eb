#include "service/upload.h"

#include <stdlib.h>

#include "hashing/clip_sampler.h"
#include "service/ask.h"
#include "service/examine.h"
#include "service/json_in.h"
#include "service/judge.h"
#include "service/long_check.h"
#include "service/service.h"
#include "service/upload_media.h"

/* Between two look-ups of frames that are the same: what a run of a clip needs, and no more. */
enum { SAME_FRAME_MS = 250 };

/* One verdict: a file, or files that are the frames of one medium. */
struct subject {
    struct judging *judging;
    struct judged judged;
    struct frame_hashes before; /* the frame that was looked up last, and when it stood */
    int64_t before_ms;
    bool begun, timed;
};

/* One check under way. */
struct check {
    struct service *service;
    struct judge_ask ask;
    bool all_orientations, detail;
    bool frames; /* the files are the frames of one medium */
    bool whole;  /* look at all of it, also when the verdict is certain */
    struct upload upload;
    size_t n; /* subjects */
    struct subject *subject;
    struct subject *in_hand; /* whose medium is examined */
    struct long_check late;
};

static void check_clear_scoped(struct check *check)
{
    for (size_t i = 0; check->subject != NULL && i < check->n; i++) {
        judged_clear(&check->subject[i].judged);
        judging_free(check->subject[i].judging);
    }
    free(check->subject);
    upload_clear(&check->upload);
}

/* What the query and the key ask for. */
static enum rc check_begin(struct service *service, struct request *rq, struct check *check,
                           struct err *err)
{
    unsigned orientations = 0, as = 0, examine = 0;
    TRY(caller_banks(&rq->caller, service->list, query_get(&rq->query, "banks"), &check->ask.banks,
                     err));
    TRY(ask_word(rq, "orientations", (const char *const[]){"all", "as-is", NULL}, &orientations,
                 err));
    TRY(ask_word(rq, "as", (const char *const[]){"items", "frames", NULL}, &as, err));
    TRY(ask_word(rq, "examine", (const char *const[]){"enough", "all", NULL}, &examine, err));
    TRY(ask_text(rq, "ref", false, REF_MAX, &check->ask.ref, err));
    if (check->ask.ref == NULL)
        check->ask.ref = "";
    check->service = service;
    check->all_orientations = orientations == 0;
    check->frames = as == 1;
    check->whole = examine == 1;
    check->detail = (rq->caller.scopes & SCOPE_DETAIL) != 0;
    check->late.service = service;
    check->late.rq = rq;
    check->late.id = ulid_new();
    check->late.ref = check->ask.ref;
    return RC_OK;
}

/* Each file is a subject of its own, or all of them are the frames of one. */
static enum rc divide(struct check *check, struct err *err)
{
    size_t n = check->frames ? 1 : check->upload.n;
    if ((check->subject = calloc(n, sizeof *check->subject)) == NULL)
        FAIL(err, RC_NOMEM, "check");
    check->n = n;
    for (size_t i = 0; i < n; i++) {
        check->subject[i].judged.media = &check->upload.medium[i];
        check->subject[i].judged.n = check->frames ? check->upload.n : 1;
        TRY(judging_new(check->service, &check->ask, &check->subject[i].judging, err));
    }
    return RC_OK;
}

static bool same_frame(const struct frame_hashes *a, const struct frame_hashes *b)
{
    if (a->looks != b->looks)
        return false;
    for (unsigned l = 0; l < a->looks; l++)
        for (unsigned o = 0; o < ORIENTATIONS; o++)
            if (!pdq_equal(&a->look[l].hash[o], &b->look[l].hash[o]))
                return false;
    return true;
}

/* Looks a frame up, unless it was just looked up. */
static enum rc look_up(struct check *check, struct subject *s, int64_t ms,
                       const struct frame_hashes *hashes, struct err *err)
{
    struct lookup_signal signals[FRAME_SIGNALS_MAX];

    if (s->begun && ms >= s->before_ms && ms - s->before_ms < SAME_FRAME_MS &&
        same_frame(&s->before, hashes))
        return RC_OK;
    s->begun = true;
    s->before = *hashes;
    s->before_ms = ms;
    size_t n = frame_signals(hashes, ms, check->all_orientations, signals);
    return judging_add(s->judging, signals, n, err);
}

/* Only a clip is worth stopping: its worker is replaced for it. */
static enum rc on_frame(void *ctx, int64_t ms, const struct worker_frame *frame, bool *ret_enough,
                        struct err *err)
{
    struct check *check = ctx;

    TRY(look_up(check, check->in_hand, ms, frame->hashes, err));
    if (check->whole || check->late.rq->crew != CREW_VIDEO || frame->ms == 0)
        return RC_OK;
    return judging_is_certain(check->in_hand->judging, ret_enough, err);
}

static enum rc on_tick(void *ctx, struct err *err)
{
    struct check *check = ctx;
    return long_check_tick(&check->late, err);
}

static enum rc examine_one(struct check *check, unsigned member, size_t i,
                           const struct examine_how *how, struct err *err)
{
    struct medium *medium = &check->upload.medium[i];
    struct lookup_signal digests[MEDIUM_DIGESTS_MAX];
    struct subject *s = &check->subject[check->frames ? 0 : i];

    check->in_hand = s;
    s->begun = false;
    TRY(examine_medium(check->service, member, check->late.rq, how, medium, err));
    s->judged.usable = s->judged.usable || medium->usable;
    s->judged.cut_short = s->judged.cut_short || medium->found.cut_short;
    s->timed = s->timed || medium->ms >= 0 || medium->found.duration_ms > 0;
    return judging_add(s->judging, digests, medium_digests(medium, digests), err);
}

/* Hashes every file in the sandbox and looks its frames up as they come. */
static enum rc examine(struct check *check, unsigned member, struct err *err)
{
    const struct digests *listed = blocklist_digests(check->service->list);
    const bool clips = check->late.rq->crew == CREW_VIDEO;
    const struct examine_how how = {.all_orientations = check->all_orientations,
                                    .all_digests = digests_count(listed, DIGEST_SHA1) > 0 ||
                                                   digests_count(listed, DIGEST_MD5) > 0,
                                    .ctx = check,
                                    .frame = on_frame,
                                    .tick = clips ? on_tick : NULL};

    if (clips && check->late.rq->prefer_async)
        TRY(long_check_go(&check->late, err));
    for (size_t i = 0; i < check->upload.n; i++)
        TRY(examine_one(check, member, i, &how, err));
    return RC_OK;
}

static enum rc decide(struct check *check, struct err *err)
{
    for (size_t i = 0; i < check->n; i++) {
        struct subject *s = &check->subject[i];
        TRY(judging_end(s->judging, !s->judged.usable, s->timed, &s->judged, err));
        if (check->detail)
            TRY(judge_labels(check->service, &s->judged, err));
    }
    return RC_OK;
}

static enum rc record(const struct check *check, struct err *err)
{
    SCOPED(mem_free) const struct judged **judged = calloc(check->n, sizeof *judged);
    if (judged == NULL)
        FAIL(err, RC_NOMEM, "decision");
    for (size_t i = 0; i < check->n; i++)
        judged[i] = &check->subject[i].judged;
    return judge_record(check->service, check->late.rq, &check->late.id, check->ask.ref, judged,
                        check->n, err);
}

static json_t *items_json(const struct check *check)
{
    SCOPED(json_free) json_t *items = json_array();
    for (size_t i = 0; i < check->n; i++) {
        SCOPED(json_free) json_t *item = json_pack("{s:s}", "name", check->upload.medium[i].name);
        SCOPED(json_free)
        json_t *rest = verdict_json_item(&check->subject[i].judged, check->detail);
        if (json_object_update(item, rest) != 0 || !answer_append(items, TAKE(item)))
            return NULL;
    }
    return TAKE(items);
}

static json_t *check_json(const struct check *check)
{
    const struct judged *first = &check->subject[0].judged;
    enum verdict verdict = VERDICT_ALLOW;
    char id[ULID_SIZE];

    for (size_t i = 0; i < check->n; i++)
        if (check->subject[i].judged.verdict > verdict)
            verdict = check->subject[i].judged.verdict;
    ulid_text(&check->late.id, id);
    SCOPED(json_free)
    json_t *json = json_pack("{s:s, s:s, s:I}", "check_id", id, "verdict", verdict_name(verdict),
                             "generation", (json_int_t)first->lookup.generation);
    if (check->n > 1)
        return json_object_set_new(json, "items", items_json(check)) == 0 ? TAKE(json) : NULL;
    SCOPED(json_free) json_t *rest = verdict_json_item(first, check->detail);
    return json_object_update(json, rest) == 0 ? TAKE(json) : NULL;
}

/* The way of an upload. */
static enum rc check_run(struct service *service, struct request *rq, unsigned member,
                         struct check *check, struct err *err)
{
    TRY(check_begin(service, rq, check, err));
    TRY(upload_take(rq, &check->upload, err));
    TRY(divide(check, err));
    TRY(examine(check, member, err));
    TRY(decide(check, err));
    return record(check, err);
}

enum rc upload_check(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    SCOPED(check_clear) struct check check = {0};

    enum rc rc = check_run(service, rq, member, &check, err);
    if (check.late.late) {
        long_check_end(&check.late, rc, rc == RC_OK ? check_json(&check) : NULL, err);
        return RC_OK;
    }
    TRY(rc);
    return answer_json(rq, 200, check_json(&check), err);
}
