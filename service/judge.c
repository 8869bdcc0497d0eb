#include "service/judge.h"

#include <stdlib.h>

#include "hashing/base/clock.h"
#include "service/decisions.h"
#include "service/service.h"

enum { CERTAIN_MS = 100 /* how often to ask whether the verdict is certain */ };

struct judging {
    struct service *service;
    struct lookup_run *run;
    size_t asked;
    int64_t spent_ns, looked_ns;
};

enum rc judging_new(struct service *service, const struct judge_ask *ask, struct judging **ret,
                    struct err *err)
{
    SCOPED(judging_free) struct judging *j = calloc(1, sizeof *j);
    if (j == NULL)
        FAIL(err, RC_NOMEM, "look-up");
    j->service = service;
    j->looked_ns = clock_mono_ns();
    TRY(lookup_open(service->list, &ask->banks, ask->since, &j->run, err));
    *ret = TAKE(j);
    return RC_OK;
}

void judging_free(struct judging *j)
{
    if (j == NULL)
        return;
    lookup_free(j->run);
    free(j);
}

enum rc judging_add(struct judging *j, const struct lookup_signal *signals, size_t n,
                    struct err *err)
{
    int64_t began = clock_mono_ns();
    enum rc rc = lookup_ask(j->run, signals, n, err);
    j->spent_ns += clock_mono_ns() - began;
    j->asked += n;
    return rc;
}

enum rc judging_is_certain(struct judging *j, bool *ret, struct err *err)
{
    int64_t began = clock_mono_ns();

    *ret = false;
    if (began - j->looked_ns < (int64_t)CERTAIN_MS * 1000000)
        return RC_OK;
    TRY(lookup_flush(j->run, err));
    j->looked_ns = clock_mono_ns();
    j->spent_ns += j->looked_ns - began;
    *ret = lookup_verdict_so_far(j->run) == VERDICT_BLOCK;
    return RC_OK;
}

void judge_found(struct service *service, bool unusable, struct judged *judged)
{
    for (size_t i = 0; i < judged->lookup.n; i++)
        judged->entry[i] = blocklist_entry_id(service->list, judged->lookup.matches[i].entry);
    judged->usable = !unusable;
    judged->verdict = judged->lookup.verdict;
    /* An observing bank that matched must not loosen what is asked of flat pictures. */
    if (unusable && judged->verdict == VERDICT_ALLOW && service->config->unusable_review)
        judged->verdict = VERDICT_REVIEW;
    if (unusable)
        metrics_unusable(service->metrics);
    metrics_verdict(service->metrics, judged->verdict);
}

enum rc judging_end(struct judging *j, bool unusable, bool timed, struct judged *ret,
                    struct err *err)
{
    int64_t began = clock_mono_ns();
    TRY(lookup_report(j->run, &ret->lookup, err));
    metrics_lookup(j->service->metrics, j->asked, j->spent_ns + clock_mono_ns() - began);
    for (size_t i = 0; i < ret->lookup.n && !timed; i++)
        ret->lookup.matches[i].ms = -1;
    judge_found(j->service, unusable, ret);
    return RC_OK;
}

enum rc judge_record(struct service *service, const struct request *rq, const struct ulid *check_id,
                     const char *ref, const struct judged *const *judged, size_t n, struct err *err)
{
    SCOPED(decisions_clear) struct decisions decisions = {0};
    TRY(decisions_note(&decisions, rq, check_id, ref, judged, n, err));
    return decisions_write(&decisions, service->store, err);
}

enum rc judge_labels(struct service *service, struct judged *judged, struct err *err)
{
    if (judged->lookup.n == 0)
        return RC_OK;
    return store_entry_labels(service->store, judged->entry, judged->lookup.n, judged->labels, err);
}
