#include "service/upload.h"

#include "service/ask.h"
#include "service/json_in.h"
#include "service/judge.h"
#include "service/service.h"

/* One check under way. */
struct check {
    struct judge_ask ask;
    bool all_orientations, detail;
    bool frames; /* the files are the frames of one medium */
    struct ulid id;
    struct upload upload;
    size_t n; /* subjects: one verdict each */
    struct judged *judged;
};

static void check_clear_scoped(struct check *check)
{
    for (size_t i = 0; check->judged != NULL && i < check->n; i++)
        judged_clear(&check->judged[i]);
    free(check->judged);
    upload_clear(&check->upload);
}

/* What the query and the key ask for. */
static enum rc check_begin(struct service *service, const struct request *rq, struct check *check,
                           struct err *err)
{
    unsigned orientations = 0, as = 0;
    TRY(caller_banks(&rq->caller, service->list, query_get(&rq->query, "banks"), &check->ask.banks,
                     err));
    TRY(ask_word(rq, "orientations", (const char *const[]){"all", "as-is", NULL}, &orientations,
                 err));
    TRY(ask_word(rq, "as", (const char *const[]){"items", "frames", NULL}, &as, err));
    TRY(ask_text(rq, "ref", false, REF_MAX, &check->ask.ref, err));
    if (check->ask.ref == NULL)
        check->ask.ref = "";
    check->all_orientations = orientations == 0;
    check->frames = as == 1;
    check->detail = (rq->caller.scopes & SCOPE_DETAIL) != 0;
    check->id = ulid_new();
    return RC_OK;
}

static enum rc examine(struct service *service, unsigned member, struct request *rq,
                       struct check *check, struct err *err)
{
    const struct digests *listed = blocklist_digests(service->list);
    bool all_digests =
        digests_count(listed, DIGEST_SHA1) > 0 || digests_count(listed, DIGEST_MD5) > 0;

    for (size_t i = 0; i < check->upload.n; i++)
        TRY(upload_examine(service, member, rq, check->all_orientations, all_digests,
                           &check->upload.medium[i], err));
    return RC_OK;
}

/* Each file is a subject of its own, or all of them are the frames of one. */
static enum rc divide(struct check *check, struct err *err)
{
    size_t n = check->frames ? 1 : check->upload.n;
    if ((check->judged = calloc(n, sizeof *check->judged)) == NULL)
        FAIL(err, RC_NOMEM, "check");
    check->n = n;
    for (size_t i = 0; i < n; i++) {
        check->judged[i].media = &check->upload.medium[i];
        check->judged[i].n = check->frames ? check->upload.n : 1;
    }
    return RC_OK;
}

static enum rc judge_subject(struct service *service, const struct check *check,
                             struct judged *judged, struct err *err)
{
    SCOPED(mem_free)
    struct lookup_signal *signals = calloc(judged->n, MEDIUM_SIGNALS_MAX * sizeof *signals);
    bool usable = false;
    size_t n = 0;

    if (signals == NULL)
        FAIL(err, RC_NOMEM, "signals");
    for (size_t i = 0; i < judged->n; i++) {
        n += medium_signals(&judged->media[i], check->all_orientations, signals + n);
        usable = usable || medium_usable(&judged->media[i]);
    }
    return judge(service, &check->ask, signals, n, !usable, judged, err);
}

static enum rc look_up_and_decide(struct service *service, struct check *check, struct err *err)
{
    TRY(divide(check, err));
    for (size_t i = 0; i < check->n; i++)
        TRY(judge_subject(service, check, &check->judged[i], err));
    for (size_t i = 0; check->detail && i < check->n; i++)
        TRY(judge_labels(service, &check->judged[i], err));
    return RC_OK;
}

static enum rc record(struct service *service, const struct request *rq, const struct check *check,
                      struct err *err)
{
    return judge_record(service, rq, &check->id, check->ask.ref, check->judged, check->n, err);
}

static json_t *items_json(const struct check *check)
{
    SCOPED(json_free) json_t *items = json_array();
    for (size_t i = 0; i < check->n; i++) {
        SCOPED(json_free) json_t *item = json_pack("{s:s}", "name", check->upload.medium[i].name);
        SCOPED(json_free) json_t *rest = verdict_json_item(&check->judged[i], check->detail);
        if (json_object_update(item, rest) != 0 || !answer_append(items, TAKE(item)))
            return NULL;
    }
    return TAKE(items);
}

static json_t *check_json(const struct check *check)
{
    enum verdict verdict = VERDICT_ALLOW;
    char id[ULID_SIZE];

    for (size_t i = 0; i < check->n; i++)
        if (check->judged[i].verdict > verdict)
            verdict = check->judged[i].verdict;
    ulid_text(&check->id, id);
    SCOPED(json_free)
    json_t *json = json_pack("{s:s, s:s, s:I}", "check_id", id, "verdict", verdict_name(verdict),
                             "generation", (json_int_t)check->judged[0].lookup.generation);
    if (check->n > 1)
        return json_object_set_new(json, "items", items_json(check)) == 0 ? TAKE(json) : NULL;
    SCOPED(json_free) json_t *rest = verdict_json_item(&check->judged[0], check->detail);
    return json_object_update(json, rest) == 0 ? TAKE(json) : NULL;
}

enum rc upload_check(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    SCOPED(check_clear) struct check check = {0};

    TRY(check_begin(service, rq, &check, err));
    TRY(upload_take(rq, &check.upload, err));
    TRY(examine(service, member, rq, &check, err));
    TRY(look_up_and_decide(service, &check, err));
    TRY(record(service, rq, &check, err));
    return answer_json(rq, 200, check_json(&check), err);
}
