/*
 * From hashes to a recorded verdict: look up, decide, record.  For check, which looks frames up as
 * they come; match, which has all of them, looks up and records many media at a time.
 */
#ifndef SERVICE_JUDGE_H
#define SERVICE_JUDGE_H

#include "service/request.h"
#include "service/verdict_json.h"

/* What the caller asked to be compared with, and what he calls it. */
struct judge_ask {
    struct bank_set banks;
    uint64_t since;
    const char *ref; /* "" for none */
};

/* The look-ups of one subject under way. */
struct judging;
MUST_CHECK enum rc judging_new(struct service *service, const struct judge_ask *ask,
                               struct judging **ret, struct err *err);
void judging_free(struct judging *judging);
SCOPED_DEFINE(judging_free, struct judging *)

/* Looks up what comes, in batches. */
MUST_CHECK enum rc judging_add(struct judging *judging, const struct lookup_signal *signals,
                               size_t n, struct err *err);

/* Whether nothing that may still come could change the verdict: it is a block.  Cheap: asks only
 * now and then. */
MUST_CHECK enum rc judging_is_certain(struct judging *judging, bool *ret, struct err *err);

/*
 * Decides.  unusable: there was a picture and none of its PDQ hashes could be looked up, so that
 * [check] unusable has a say; timed: whether the times of frames mean anything.
 */
MUST_CHECK enum rc judging_end(struct judging *judging, bool unusable, bool timed,
                               struct judged *ret, struct err *err);

/* Decides what judged->lookup holds already, as judging_end() does. */
void judge_found(struct service *service, bool unusable, struct judged *judged);

/* Records the matches of all subjects as one decision; does nothing when nothing matched. */
MUST_CHECK enum rc judge_record(struct service *service, const struct request *rq,
                                const struct ulid *check_id, const char *ref,
                                const struct judged *const *judged, size_t n, struct err *err);

/* Reads the labels of what matched, for a caller with `detail`. */
MUST_CHECK enum rc judge_labels(struct service *service, struct judged *judged, struct err *err);

#endif
