#include "service/judge.h"

#include "hashing/base/clock.h"
#include "service/service.h"

enum rc judge(struct service *service, const struct judge_ask *ask,
              const struct lookup_signal *signals, size_t n, bool unusable, struct judged *ret,
              struct err *err)
{
    int64_t began = clock_mono_ns();
    TRY(lookup_once(service->list, signals, n, &ask->banks, ask->since, &ret->lookup, err));
    metrics_lookup(service->metrics, n, clock_mono_ns() - began);

    for (size_t i = 0; i < ret->lookup.n; i++)
        ret->entry[i] = blocklist_entry_id(service->list, ret->lookup.matches[i].entry);
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
                     const char *ref, const struct judged *judged, size_t n, struct err *err)
{
    size_t total = 0;
    struct decision decision = {.check_id = *check_id,
                                .at_ms = clock_wall_ms(),
                                .key_id = rq->caller.id,
                                .ref = ref,
                                .verdict = VERDICT_ALLOW,
                                .generation = judged[0].lookup.generation};

    for (size_t i = 0; i < n; i++)
        total += judged[i].lookup.n;
    if (total == 0)
        return RC_OK;
    SCOPED(mem_free) struct decision_match *matches = calloc(total, sizeof *matches);
    if (matches == NULL)
        FAIL(err, RC_NOMEM, "decision");
    for (size_t i = 0; i < n; i++) {
        if (judged[i].verdict > decision.verdict)
            decision.verdict = judged[i].verdict;
        for (size_t k = 0; k < judged[i].lookup.n; k++)
            matches[decision.n_matches++] = decision_match(&judged[i], k);
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
