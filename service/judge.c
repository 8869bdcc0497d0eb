#include "service/judge.h"

#include <stdlib.h>

#include "hashing/base/clock.h"
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

enum rc judging_end(struct judging *j, bool unusable, bool timed, struct judged *ret,
                    struct err *err)
{
    struct service *service = j->service;

    int64_t began = clock_mono_ns();
    TRY(lookup_report(j->run, &ret->lookup, err));
    metrics_lookup(service->metrics, j->asked, j->spent_ns + clock_mono_ns() - began);
    for (size_t i = 0; i < ret->lookup.n; i++) {
        ret->entry[i] = blocklist_entry_id(service->list, ret->lookup.matches[i].entry);
        if (!timed)
            ret->lookup.matches[i].ms = -1;
    }
    ret->usable = !unusable;
    ret->verdict = ret->lookup.verdict;
    /* An observing bank that matched must not loosen what is asked of flat pictures. */
    if (unusable && ret->verdict == VERDICT_ALLOW && service->config->unusable_review)
        ret->verdict = VERDICT_REVIEW;
    if (unusable)
        metrics_unusable(service->metrics);
    metrics_verdict(service->metrics, ret->verdict);
    return RC_OK;
}

enum rc judge(struct service *service, const struct judge_ask *ask,
              const struct lookup_signal *signals, size_t n, bool unusable, struct judged *ret,
              struct err *err)
{
    SCOPED(judging_free) struct judging *judging = NULL;

    TRY(judging_new(service, ask, &judging, err));
    TRY(judging_add(judging, signals, n, err));
    return judging_end(judging, unusable, true, ret, err);
}

static struct decision_match decision_match(const struct judged *j, size_t i)
{
    const struct match *m = &j->lookup.matches[i];
    const struct bank_rule *rule = &j->lookup.rules[i];
    return (struct decision_match){
        .entry = j->entry[i],
        .bank = m->bank,
        .action = rule->action,
        .type = m->type,
        .distance = m->distance,
        .threshold = m->type == SIGNAL_PDQ ? rule->threshold : 0,
        .orientation = m->orientation,
        .look = m->look,
        .ms = m->ms,
        .entry_ms = m->entry_ms,
    };
}

enum rc judge_record(struct service *service, const struct request *rq, const struct ulid *check_id,
                     const char *ref, const struct judged *const *judged, size_t n, struct err *err)
{
    size_t total = 0;
    struct decision decision = {.check_id = *check_id,
                                .at_ms = clock_wall_ms(),
                                .key_id = rq->caller.id,
                                .ref = ref,
                                .verdict = VERDICT_ALLOW,
                                .generation = judged[0]->lookup.generation};

    for (size_t i = 0; i < n; i++)
        total += judged[i]->lookup.n;
    if (total == 0)
        return RC_OK;
    SCOPED(mem_free) struct decision_match *matches = calloc(total, sizeof *matches);
    if (matches == NULL)
        FAIL(err, RC_NOMEM, "decision");
    for (size_t i = 0; i < n; i++) {
        if (judged[i]->verdict > decision.verdict)
            decision.verdict = judged[i]->verdict;
        for (size_t k = 0; k < judged[i]->lookup.n; k++)
            matches[decision.n_matches++] = decision_match(judged[i], k);
    }
    decision.matches = matches;
    return store_decision_add(service->store, &decision, err);
}

enum rc judge_labels(struct service *service, struct judged *judged, struct err *err)
{
    if (judged->lookup.n == 0)
        return RC_OK;
    return store_entry_labels(service->store, judged->entry, judged->lookup.n, judged->labels, err);
}
