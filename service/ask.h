/*
 * What handlers read out of a request beside its body, and how they answer: query parameters,
 * labels, who acts, which banks the caller sees.
 */
#ifndef SERVICE_ASK_H
#define SERVICE_ASK_H

#include <jansson.h>

#include "db/records.h"
#include "service/request.h"

enum {
    REASON_MAX = 2000, /* bytes, as of every limit here */
    CASE_MAX = 256,
    SOURCE_MAX = 256,
    LABEL_MAX = 128,
    REF_MAX = 256
};

/* A query parameter as text that may be stored; absent: NULL, or RC_INPUT when required. */
MUST_CHECK enum rc ask_text(const struct request *rq, const char *name, bool required, size_t max,
                            const char **ret, struct err *err);

/* A whole number; absent leaves *ret. */
MUST_CHECK enum rc ask_number(const struct request *rq, const char *name, int64_t min, int64_t max,
                              int64_t *ret, struct err *err);

/* Which of the NULL-terminated words a parameter is; absent: the first. */
MUST_CHECK enum rc ask_word(const struct request *rq, const char *name, const char *const *words,
                            unsigned *ret, struct err *err);

/* Comma separated labels (NULL: none) into owned ones. */
MUST_CHECK enum rc ask_labels(const char *text, struct labels *ret, struct err *err);

/* Whether the caller may see this bank. */
bool ask_sees(const struct caller *caller, const char *bank);

/*
 * The bank of the path.  RC_NOTFOUND with the same words for one that is not there and one that
 * the caller does not see.
 */
MUST_CHECK enum rc ask_bank(const struct request *rq, const char **ret, struct err *err);

struct actor ask_actor(const struct request *rq);

/* Steals json; NULL (it could not be built) is RC_NOMEM. */
MUST_CHECK enum rc answer_json(struct request *rq, unsigned status, json_t *json, struct err *err);

/* A time as JSON; null for 0. */
json_t *answer_time(int64_t wall_ms);
json_t *answer_labels(const struct labels *labels);

/* Appends, stealing value; false when value is NULL or there is no memory. */
bool answer_append(json_t *array, json_t *value);

#endif
