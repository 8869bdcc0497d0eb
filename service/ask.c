#include "service/ask.h"

#include <string.h>

#include "hashing/base/text.h"
#include "service/json_in.h"

enum rc ask_text(const struct request *rq, const char *name, bool required, size_t max,
                 const char **ret, struct err *err)
{
    const char *text = query_get(&rq->query, name);
    if (required && (text == NULL || text[strspn(text, " \t\n")] == '\0'))
        FAIL(err, RC_INPUT, "%s: is required", name);
    if (text != NULL)
        TRY(text_in_check(text, max, name, err));
    *ret = text;
    return RC_OK;
}

enum rc ask_number(const struct request *rq, const char *name, int64_t min, int64_t max,
                   int64_t *ret, struct err *err)
{
    const char *text = query_get(&rq->query, name);
    if (text != NULL && !text_number(text, min, max, ret))
        FAIL(err, RC_INPUT, "%s: is not a number from %lld to %lld", name, (long long)min,
             (long long)max);
    return RC_OK;
}

enum rc ask_word(const struct request *rq, const char *name, const char *const *words,
                 unsigned *ret, struct err *err)
{
    const char *text = query_get(&rq->query, name);
    char known[128] = "";
    size_t used = 0;
    unsigned i = 0;

    if (text == NULL)
        text = words[0];
    for (; words[i] != NULL && strcmp(words[i], text) != 0; i++) {
        int n = snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", words[i]);
        if (n > 0 && used + (size_t)n < sizeof known)
            used += (size_t)n;
    }
    if (words[i] == NULL)
        FAIL(err, RC_INPUT, "%s: \"%.40s\" is none of: %s", name, text, known);
    *ret = i;
    return RC_OK;
}

enum rc ask_labels(const char *text, struct labels *ret, struct err *err)
{
    SCOPED(mem_free) char *copy = text == NULL ? NULL : strdup(text);
    struct labels labels = {0};
    enum rc rc = RC_OK;

    if (text != NULL && copy == NULL)
        FAIL(err, RC_NOMEM, "labels");
    char *left = copy;
    for (char *one; rc == RC_OK && (one = strsep(&left, ",")) != NULL;) {
        rc = label_in_check(one, "label", err);
        if (rc == RC_OK && labels.n == LABELS_MAX)
            rc = err_set(err, RC_INPUT, HERE, "label: more than %d labels", LABELS_MAX);
        if (rc == RC_OK && (labels.label[labels.n] = strdup(one)) == NULL)
            rc = err_set(err, RC_NOMEM, HERE, "labels");
        if (rc == RC_OK)
            labels.n++;
    }
    if (rc != RC_OK) {
        labels_clear(&labels);
        return rc;
    }
    *ret = labels;
    return RC_OK;
}

bool ask_sees(const struct caller *caller, const char *bank)
{
    if (caller->sees_all)
        return true;
    for (unsigned i = 0; i < caller->n_banks; i++)
        if (strcmp(caller->banks[i], bank) == 0)
            return true;
    return false;
}

enum rc ask_bank(const struct request *rq, const char **ret, struct err *err)
{
    const char *name = rq->path_arg[0];
    if (!bank_name_valid(name) || !ask_sees(&rq->caller, name))
        FAIL(err, RC_NOTFOUND, "no bank \"%.80s\"", name);
    *ret = name;
    return RC_OK;
}

struct actor ask_actor(const struct request *rq)
{
    return (struct actor){.key_id = rq->caller.id, .name = rq->caller.name, .request_id = rq->id};
}

enum rc answer_json(struct request *rq, unsigned status, json_t *json, struct err *err)
{
    if (json == NULL)
        FAIL(err, RC_NOMEM, "answer");
    return reply_json(&rq->reply, status, json, err);
}

json_t *answer_time(int64_t wall_ms)
{
    char text[TEXT_TIME_SIZE];
    if (wall_ms == 0)
        return json_null();
    text_time(wall_ms, text);
    return json_string(text);
}

json_t *answer_labels(const struct labels *labels)
{
    SCOPED(json_free) json_t *array = json_array();
    for (size_t i = 0; i < labels->n; i++)
        if (!answer_append(array, json_string(labels->label[i])))
            return NULL;
    return TAKE(array);
}

bool answer_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}
