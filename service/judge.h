/*
 * From hashes to a recorded verdict: look up, decide, record.  Shared by check and match.
 */
#ifndef SERVICE_JUDGE_H
#define SERVICE_JUDGE_H

#include "service/verdict_json.h"

/* What the caller asked to be compared with, and what he calls it. */
struct judge_ask {
    struct bank_set banks;
    uint64_t since;
    const char *ref; /* "" for none */
};

/*
 * Looks n signals up and decides: unusable says that there was a picture and that none of its
 * PDQ hashes could be looked up, so that [check] unusable has a say.
 */
MUST_CHECK enum rc judge(struct service *service, const struct judge_ask *ask,
                         const struct lookup_signal *signals, size_t n, bool unusable,
                         struct judged *ret, struct err *err);

/* Records the matches of all subjects as one decision; does nothing when nothing matched. */
MUST_CHECK enum rc judge_record(struct service *service, const struct request *rq,
                                const struct ulid *check_id, const char *ref,
                                const struct judged *judged, size_t n, struct err *err);

/* Reads the labels of what matched, for a caller with `detail`. */
MUST_CHECK enum rc judge_labels(struct service *service, struct judged *judged, struct err *err);

#endif
