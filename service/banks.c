/* /v1/banks and /v1/banks/{bank} */
#include <string.h>

#include "service/ask.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/service.h"

enum { THRESHOLD_MAX = 63, DESCRIPTION_MAX = 4000 };

static json_t *bank_json(const struct bank *b)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:o, s:I, s:o, s:o, s:I}",
                     "name", b->name, "description", b->description, "action",
                     action_name(b->action), "threshold", (int)b->threshold, "bank_match_percent",
                     (int)b->bank_match_percent, "query_match_percent", (int)b->query_match_percent,
                     "match_run", (int)b->match_run, "owner", b->owner, "sharing", b->sharing,
                     "labels", answer_labels(&b->labels), "entries", (json_int_t)b->entries,
                     "created", answer_time(b->created_ms), "updated", answer_time(b->updated_ms),
                     "generation", (json_int_t)b->generation);
}

static void bank_clear_scoped(struct bank *bank)
{
    bank_clear(bank);
}

/* What a body says of a bank; absent members are NULL or not given. */
struct bank_said {
    const char *name, *description, *owner, *sharing, *reason;
    bool has_action, has_labels;
    enum action action;
    struct number_said {
        bool given;
        unsigned value;
    } threshold, bank_match_percent, query_match_percent, match_run;
    struct labels labels; /* borrowed */
};

static enum rc said_number(const json_t *body, const char *name, int64_t min, int64_t max,
                           struct number_said *ret, struct err *err)
{
    int64_t value = 0;
    TRY(json_in_int(body, name, "", false, min, max, &value, &ret->given, err));
    ret->value = (unsigned)value;
    return RC_OK;
}

static enum rc said_rules(const json_t *body, struct bank_said *said, struct err *err)
{
    const char *action = NULL;

    TRY(json_in_text(body, "action", "", false, 0, &action, err));
    said->has_action = action != NULL;
    if (action != NULL && !action_parse(action, &said->action))
        FAIL(err, RC_INPUT, "action: \"%.40s\" is not block, review or observe", action);
    TRY(said_number(body, "threshold", 0, THRESHOLD_MAX, &said->threshold, err));
    TRY(said_number(body, "bank_match_percent", 1, 100, &said->bank_match_percent, err));
    TRY(said_number(body, "query_match_percent", 0, 100, &said->query_match_percent, err));
    TRY(said_number(body, "match_run", 0, MATCH_RUN_MAX, &said->match_run, err));
    if (said->match_run.given && said->match_run.value == 1)
        FAIL(err, RC_INPUT, "match_run: 1 is no run; give 0 for none, or 2 to %d", MATCH_RUN_MAX);
    return json_in_labels(body, "labels", &said->labels, &said->has_labels, err);
}

static enum rc said_read(const json_t *body, bool create, struct bank_said *ret, struct err *err)
{
#define RULES "action", "threshold", "bank_match_percent", "query_match_percent", "match_run"
    static const char *const of_create[] = {"name",    "description", RULES, "owner",
                                            "sharing", "labels",      NULL};
    static const char *const of_change[] = {"description", RULES,    "owner", "sharing",
                                            "labels",      "reason", NULL};
#undef RULES
    struct bank_said said = {0};

    TRY(json_in_only(body, create ? of_create : of_change, "", err));
    TRY(json_in_text(body, "name", "", create, 0, &said.name, err));
    TRY(json_in_text(body, "description", "", false, DESCRIPTION_MAX, &said.description, err));
    TRY(json_in_text(body, "owner", "", false, SOURCE_MAX, &said.owner, err));
    TRY(json_in_text(body, "sharing", "", false, SOURCE_MAX, &said.sharing, err));
    TRY(json_in_text(body, "reason", "", false, REASON_MAX, &said.reason, err));
    TRY(said_rules(body, &said, err));
    *ret = said;
    return RC_OK;
}

/* An owned copy for the store's struct. */
static enum rc own(const char *text, char **ret, struct err *err)
{
    if ((*ret = strdup(text == NULL ? "" : text)) == NULL)
        FAIL(err, RC_NOMEM, "bank");
    return RC_OK;
}

static unsigned number_or(const struct number_said *said, unsigned otherwise)
{
    return said->given ? said->value : otherwise;
}

static const unsigned *number_or_null(const struct number_said *said)
{
    return said->given ? &said->value : NULL;
}

static enum rc bank_fill(const struct bank_said *said, struct bank *bank, struct err *err)
{
    memcpy(bank->name, said->name, strlen(said->name) + 1);
    bank->action = said->has_action ? said->action : ACTION_BLOCK;
    bank->threshold = number_or(&said->threshold, PDQ_THRESHOLD);
    bank->bank_match_percent = number_or(&said->bank_match_percent, BANK_MATCH_PERCENT);
    bank->query_match_percent = number_or(&said->query_match_percent, QUERY_MATCH_PERCENT);
    bank->match_run = number_or(&said->match_run, MATCH_RUN);
    TRY(own(said->description, &bank->description, err));
    TRY(own(said->owner, &bank->owner, err));
    TRY(own(said->sharing, &bank->sharing, err));
    for (size_t i = 0; i < said->labels.n; i++) {
        TRY(own(said->labels.label[i], &bank->labels.label[i], err));
        bank->labels.n++;
    }
    return RC_OK;
}

enum rc bank_create(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *body = NULL;
    SCOPED(bank_clear) struct bank bank = {0};
    struct bank_said said;
    struct actor actor = ask_actor(rq);

    TRY(json_in_object(rq->body, &body, err));
    TRY(said_read(body, true, &said, err));
    if (!bank_name_valid(said.name))
        FAIL(err, RC_INPUT, "name: \"%.80s\" is not like ^[A-Z][A-Z0-9_]{0,63}$", said.name);
    if (!ask_sees(&rq->caller, said.name))
        FAIL(err, RC_DENIED, "this key is limited to some banks, and %s is none of them",
             said.name);
    TRY(bank_fill(&said, &bank, err));
    TRY(store_bank_create(service->store, &bank, &actor, err));
    TRY(service_follow(service, err));
    snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/banks/%s", bank.name);
    return answer_json(rq, 201, bank_json(&bank), err);
}

enum rc bank_change(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *body = NULL;
    SCOPED(bank_clear) struct bank bank = {0};
    struct actor actor = ask_actor(rq);
    struct bank_said said;
    const char *name;

    TRY(ask_bank(rq, &name, err));
    TRY(json_in_object(rq->body, &body, err));
    TRY(said_read(body, false, &said, err));
    struct bank_patch patch = {.description = said.description,
                               .owner = said.owner,
                               .sharing = said.sharing,
                               .action = said.has_action ? &said.action : NULL,
                               .threshold = number_or_null(&said.threshold),
                               .bank_match_percent = number_or_null(&said.bank_match_percent),
                               .query_match_percent = number_or_null(&said.query_match_percent),
                               .match_run = number_or_null(&said.match_run),
                               .labels = said.has_labels ? &said.labels : NULL,
                               .reason = said.reason};
    if (json_object_size(body) == (said.reason != NULL ? 1u : 0u))
        FAIL(err, RC_INPUT,
             "nothing to change: give description, action, threshold, bank_match_percent, "
             "query_match_percent, match_run, owner, sharing or labels");
    TRY(store_bank_update(service->store, name, &patch, &actor, &bank, err));
    TRY(service_follow(service, err));
    return answer_json(rq, 200, bank_json(&bank), err);
}

enum rc bank_show(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(bank_clear) struct bank bank = {0};
    const char *name;

    TRY(ask_bank(rq, &name, err));
    TRY(store_bank_get(service->store, name, &bank, err));
    return answer_json(rq, 200, bank_json(&bank), err);
}

struct listing {
    const struct caller *caller;
    json_t *banks;
    bool bad;
};

static bool list_one(void *ctx, const struct bank *bank)
{
    struct listing *listing = ctx;
    if (ask_sees(listing->caller, bank->name))
        listing->bad = !answer_append(listing->banks, bank_json(bank));
    return !listing->bad;
}

enum rc bank_list(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *banks = json_array();
    struct listing listing = {.caller = &rq->caller, .banks = banks};

    TRY(store_bank_list(service->store, list_one, &listing, err));
    return answer_json(rq, 200, listing.bad ? NULL : json_pack("{s:O}", "banks", banks), err);
}
