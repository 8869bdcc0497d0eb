/* /v1/keys: made once, shown once, revoked for good. */
#include <string.h>

#include "hashing/base/clock.h"
#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/handlers.h"
#include "service/json_in.h"
#include "service/service.h"

/* What struct caller has room for. */
enum { KEY_NAME_MAX = 100, KEY_BANKS_MAX = 32 };

static const double KEY_RATE_MAX = 1e9;

static void key_clear_scoped(struct key *key)
{
    key_clear(key);
}

static json_t *scopes_json(unsigned scopes)
{
    SCOPED(json_free) json_t *array = json_array();
    for (unsigned bit = 0; scope_name(bit) != NULL; bit++)
        if ((scopes >> bit & 1) != 0 && !answer_append(array, json_string(scope_name(bit))))
            return NULL;
    return TAKE(array);
}

/* null: every bank */
static json_t *banks_json(char *const *banks)
{
    if (banks == NULL)
        return json_null();
    SCOPED(json_free) json_t *array = json_array();
    for (; *banks != NULL; banks++)
        if (!answer_append(array, json_string(*banks)))
            return NULL;
    return TAKE(array);
}

/* A budget; null: the configured default. */
static json_t *budget_json(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

/* token: NULL but in the one answer that shows it. */
static json_t *key_json(const struct key *k, const char *token)
{
    return json_pack("{s:s, s:s*, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "id", k->id, "key",
                     token, "name", k->name, "scopes", scopes_json(k->scopes), "banks",
                     banks_json(k->banks), "rate", budget_json(k->rate), "burst",
                     budget_json(k->burst), "created", answer_time(k->created_ms), "expires",
                     answer_time(k->expires_ms), "revoked", answer_time(k->revoked_ms),
                     "created_by", k->created_by == NULL ? "" : k->created_by);
}

static enum rc scopes_read(const json_t *body, unsigned *ret, struct err *err)
{
    const json_t *scopes = json_object_get(body, "scopes");
    *ret = 0;
    if (!json_is_array(scopes) || json_array_size(scopes) == 0)
        FAIL(err, RC_INPUT, "scopes: must be a list of at least one scope");
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        const char *name = json_string_value(json_array_get(scopes, i));
        unsigned bits = name == NULL || strchr(name, ',') != NULL ? 0 : scopes_parse(name);
        if (bits == 0)
            FAIL(err, RC_INPUT,
                 "scopes[%zu]: must be check, match, detail, moderate, metrics or admin", i);
        *ret |= bits;
    }
    return RC_OK;
}

/* The banks that the key is limited to; NULL when it is not. */
static enum rc key_banks_read(const json_t *body, const struct blocklist *list, char ***ret,
                              struct err *err)
{
    const json_t *banks = json_object_get(body, "banks");
    size_t n = json_array_size(banks);

    *ret = NULL;
    if (banks == NULL || json_is_null(banks))
        return RC_OK;
    if (!json_is_array(banks) || n == 0 || n > KEY_BANKS_MAX)
        FAIL(err, RC_INPUT, "banks: must be a list of 1 to %d banks, or left out for all",
             KEY_BANKS_MAX);
    if ((*ret = calloc(n + 1, sizeof **ret)) == NULL)
        FAIL(err, RC_NOMEM, "key");
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(banks, i));
        if (name == NULL || !bank_name_valid(name) || blocklist_bank_number(list, name) < 0)
            FAIL(err, RC_INPUT, "banks[%zu]: there is no such bank", i);
        if (((*ret)[i] = strdup(name)) == NULL)
            FAIL(err, RC_NOMEM, "key");
    }
    return RC_OK;
}

static enum rc expiry_read(const json_t *body, int64_t *ret, struct err *err)
{
    const char *text = NULL;
    *ret = 0;
    TRY(json_in_text(body, "expires", "", false, 0, &text, err));
    if (text == NULL)
        return RC_OK;
    if (!text_untime(text, ret))
        FAIL(err, RC_INPUT, "expires: is not a time like 2027-01-31T00:00:00Z");
    if (*ret <= clock_wall_ms())
        FAIL(err, RC_INPUT, "expires: is in the past");
    return RC_OK;
}

static enum rc key_read(const json_t *body, const struct blocklist *list, struct key *key,
                        struct err *err)
{
    static const char *const members[] = {"name",  "scopes",  "banks", "rate",
                                          "burst", "expires", NULL};
    const char *name = NULL;

    TRY(json_in_only(body, members, "", err));
    TRY(json_in_text(body, "name", "", true, KEY_NAME_MAX, &name, err));
    TRY(scopes_read(body, &key->scopes, err));
    TRY(key_banks_read(body, list, &key->banks, err));
    TRY(json_in_number(body, "rate", "", 0, KEY_RATE_MAX, &key->rate, err));
    TRY(json_in_number(body, "burst", "", 0, KEY_RATE_MAX, &key->burst, err));
    TRY(expiry_read(body, &key->expires_ms, err));
    if ((key->name = strdup(name)) == NULL)
        FAIL(err, RC_NOMEM, "key");
    return RC_OK;
}

enum rc key_create(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *body = NULL;
    SCOPED(key_clear) struct key key = {0};
    struct actor actor = ask_actor(rq);
    char token[TOKEN_SIZE];

    TRY(json_in_object(rq->body, &body, err));
    TRY(key_read(body, service->list, &key, err));
    if ((key.created_by = strdup(actor.name)) == NULL)
        FAIL(err, RC_NOMEM, "key");
    token_new(token, key.token_sha256);
    TRY(store_key_create(service->store, &key, &actor, err));
    TRY(service_follow(service, err));
    enum rc rc = answer_json(rq, 201, key_json(&key, token), err);
    explicit_bzero(token, sizeof token);
    return rc;
}

struct listing {
    json_t *keys;
    bool bad;
};

static bool list_one(void *ctx, const struct key *key)
{
    struct listing *listing = ctx;
    listing->bad = !answer_append(listing->keys, key_json(key, NULL));
    return !listing->bad;
}

enum rc key_list(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    SCOPED(json_free) json_t *keys = json_array();
    struct listing listing = {.keys = keys};
    TRY(store_key_list(service->store, list_one, &listing, err));
    return answer_json(rq, 200, listing.bad ? NULL : json_pack("{s:O}", "keys", keys), err);
}

enum rc key_revoke(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    (void)member;
    struct actor actor = ask_actor(rq);
    struct ulid id;
    char text[ULID_SIZE];

    if (!ulid_parse(rq->path_arg[0], &id))
        FAIL(err, RC_NOTFOUND, "no key \"%.40s\"", rq->path_arg[0]);
    ulid_text(&id, text);
    TRY(store_key_revoke(service->store, text, &actor, err));
    TRY(service_follow(service, err));
    rq->reply.status = 204;
    return RC_OK;
}
