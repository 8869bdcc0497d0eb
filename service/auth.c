#include "service/auth.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "hashing/base/clock.h"
#include "hashing/base/text.h"
#include "service/budget.h"

#define TOKEN_PREFIX "hgk_"

enum { TOKEN_RANDOM = 32, TOKEN_BASE64 = 43 };

/* A key as it is held: what a request copies, and what decides over it. */
struct held {
    struct caller caller;
    uint8_t token_sha256[SHA256_DIGEST_SIZE];
    int64_t expires_ms; /* 0 never */
    double rate, burst; /* 0 = the configured default */
    struct budget budget;
};

struct held_list {
    size_t n, room;
    struct held *key; /* by token_sha256 once sorted */
    struct err *err;  /* of the loading */
    enum rc rc;
};

struct keyring {
    double default_rate, default_burst;
    pthread_mutex_t lock; /* over what follows; held for a search or a copy only */
    struct held_list held;
    pthread_mutex_t loading; /* one reload at a time, so that an older one never wins */
};

static void held_clear(struct held_list *list)
{
    free(list->key);
    *list = (struct held_list){0};
}

static void held_clear_scoped(struct held_list *list)
{
    held_clear(list);
}

enum rc keyring_new(double default_rate, double default_burst, struct keyring **ret,
                    struct err *err)
{
    struct keyring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        FAIL(err, RC_NOMEM, "keys: no memory");
    ring->default_rate = default_rate;
    ring->default_burst = default_burst;
    pthread_mutex_init(&ring->lock, NULL);
    pthread_mutex_init(&ring->loading, NULL);
    *ret = ring;
    return RC_OK;
}

void keyring_free(struct keyring *ring)
{
    if (ring == NULL)
        return;
    held_clear(&ring->held);
    pthread_mutex_destroy(&ring->lock);
    pthread_mutex_destroy(&ring->loading);
    free(ring);
}

/* --- loading --- */

static enum rc held_grow(struct held_list *list, struct err *err)
{
    if (list->n < list->room)
        return RC_OK;
    size_t room = list->room == 0 ? 16 : 2 * list->room;
    struct held *key = reallocarray(list->key, room, sizeof *key);
    if (key == NULL)
        FAIL(err, RC_NOMEM, "keys: no memory");
    list->key = key;
    list->room = room;
    return RC_OK;
}

/*
 * A key whose list of banks could not be held whole would check less than it was made for, and
 * allow what it should block: then no key is loaded at all.
 */
static enum rc copy_banks(const struct key *key, struct caller *caller, struct err *err)
{
    enum { MOST = sizeof caller->banks / sizeof caller->banks[0] };
    caller->sees_all = key->banks == NULL;
    for (char **bank = key->banks; bank != NULL && *bank != NULL; bank++) {
        if (caller->n_banks == MOST ||
            !text_copy(caller->banks[caller->n_banks++], sizeof caller->banks[0], *bank))
            FAIL(err, RC_STORE, "key %s: names more than %d banks, or one that is none", key->id,
                 MOST);
    }
    return RC_OK;
}

/* A name that is too long is cut between two characters. */
static void copy_name(const char *name, struct caller *caller)
{
    snprintf(caller->name, sizeof caller->name, "%s", name != NULL ? name : "");
    size_t n = strlen(caller->name);
    while (n > 0 && !text_is_utf8(caller->name, n))
        caller->name[--n] = '\0';
}

static enum rc hold(struct held_list *list, const struct key *key, struct err *err)
{
    TRY(held_grow(list, err));
    struct held held = {.expires_ms = key->expires_ms, .rate = key->rate, .burst = key->burst};
    memcpy(held.token_sha256, key->token_sha256, sizeof held.token_sha256);
    snprintf(held.caller.id, sizeof held.caller.id, "%s", key->id);
    copy_name(key->name, &held.caller);
    held.caller.scopes = scopes_closure(key->scopes);
    TRY(copy_banks(key, &held.caller, err));
    list->key[list->n++] = held;
    return RC_OK;
}

static bool on_key(void *ctx, const struct key *key)
{
    struct held_list *list = ctx;
    if (key->revoked_ms == 0)
        list->rc = hold(list, key, list->err);
    return list->rc == RC_OK;
}

static int by_token(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    return memcmp(x->token_sha256, y->token_sha256, sizeof x->token_sha256);
}

/*
 * Found by its place, then compared in constant time.  The search's time tells at most something
 * of the sha256 of what was sent, and nobody can choose a token by its sha256.
 */
static struct held *held_by_token(struct held_list *list, const uint8_t sha256[SHA256_DIGEST_SIZE])
{
    struct held wanted;
    memcpy(wanted.token_sha256, sha256, sizeof wanted.token_sha256);
    struct held *found =
        list->n == 0 ? NULL : bsearch(&wanted, list->key, list->n, sizeof *list->key, by_token);
    return found != NULL && memeql_sec(found->token_sha256, sha256, SHA256_DIGEST_SIZE) ? found
                                                                                        : NULL;
}

static void swap_in(struct keyring *ring, struct held_list *fresh)
{
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < fresh->n; i++) {
        const struct held *old = held_by_token(&ring->held, fresh->key[i].token_sha256);
        if (old != NULL)
            fresh->key[i].budget = old->budget;
    }
    struct held_list before = ring->held;
    ring->held = *fresh;
    *fresh = before;
    pthread_mutex_unlock(&ring->lock);
}

static enum rc load(struct keyring *ring, struct store *store, struct err *err)
{
    __attribute__((cleanup(held_clear_scoped))) struct held_list fresh = {.err = err};
    TRY(store_key_list(store, on_key, &fresh, err));
    TRY(fresh.rc);
    if (fresh.n > 0)
        qsort(fresh.key, fresh.n, sizeof *fresh.key, by_token);
    fresh.err = NULL;
    swap_in(ring, &fresh);
    return RC_OK;
}

enum rc keyring_load(struct keyring *ring, struct store *store, struct err *err)
{
    pthread_mutex_lock(&ring->loading);
    enum rc rc = load(ring, store, err);
    pthread_mutex_unlock(&ring->loading);
    return rc;
}

/* --- asking --- */

static void token_sha256(const char *token, uint8_t ret[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, strlen(token), (const uint8_t *)token);
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, ret);
}

enum rc keyring_find(struct keyring *ring, const char *token, struct caller *ret, struct err *err)
{
    uint8_t sha256[SHA256_DIGEST_SIZE];
    token_sha256(token, sha256);
    int64_t now_ms = clock_wall_ms();

    pthread_mutex_lock(&ring->lock);
    const struct held *held = held_by_token(&ring->held, sha256);
    bool valid = held != NULL && (held->expires_ms == 0 || now_ms < held->expires_ms);
    if (valid)
        *ret = held->caller;
    pthread_mutex_unlock(&ring->lock);

    if (!valid)
        FAIL(err, RC_AUTH, "unknown API key");
    return RC_OK;
}

/* Without a rate of its own and a configured one a key is unlimited. */
static bool spend(struct keyring *ring, struct held *held, double n, int *ret_retry)
{
    double rate = held->rate > 0 ? held->rate : ring->default_rate;
    double burst = held->burst > 0 ? held->burst : ring->default_burst;
    if (!(rate > 0))
        return true;
    if (!(burst > 0))
        burst = fmax(rate, 1);
    return budget_spend(&held->budget, rate, burst, n, clock_mono_ns(), ret_retry);
}

enum rc keyring_spend(struct keyring *ring, const char *key_id, double n, struct err *err)
{
    if (key_id[0] == '\0' || !(n > 0))
        return RC_OK; /* the admin socket has no budget */

    bool known = false, enough = false;
    int retry = 0;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < ring->held.n && !known; i++) {
        known = strcmp(ring->held.key[i].caller.id, key_id) == 0;
        enough = known && spend(ring, &ring->held.key[i], n, &retry);
    }
    pthread_mutex_unlock(&ring->lock);

    if (!known)
        FAIL(err, RC_AUTH, "unknown API key"); /* revoked since it was found */
    if (!enough) {
        enum rc rc =
            err_set(err, RC_RATE, HERE, "over the key's rate limit, try again in %d s", retry);
        if (err != NULL)
            err->retry = retry;
        return rc;
    }
    return RC_OK;
}

/* --- tokens and callers --- */

void token_new(char ret[TOKEN_SIZE], uint8_t ret_sha256[32])
{
    uint8_t random[TOKEN_RANDOM];
    char text[BASE64_ENCODE_LENGTH(TOKEN_RANDOM) + BASE64_ENCODE_FINAL_LENGTH];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort(); /* a guessable key is worse than none */

    struct base64_encode_ctx ctx;
    base64url_encode_init(&ctx);
    size_t n = base64_encode_update(&ctx, text, sizeof random, random);
    base64_encode_final(&ctx, text + n); /* the padding behind the 43rd character is dropped */

    memcpy(ret, TOKEN_PREFIX, sizeof TOKEN_PREFIX - 1);
    memcpy(ret + sizeof TOKEN_PREFIX - 1, text, TOKEN_BASE64);
    ret[TOKEN_SIZE - 1] = '\0';
    token_sha256(ret, ret_sha256);
    explicit_bzero(random, sizeof random);
    explicit_bzero(text, sizeof text);
}

struct caller caller_admin(void)
{
    return (struct caller){
        .name = "admin-socket", .scopes = scopes_closure(SCOPE_ADMIN), .sees_all = true};
}
