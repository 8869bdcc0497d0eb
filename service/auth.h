/*
 * API keys in memory: who calls, what he may do, how much is left of his budget.
 *
 * A token is "hgk_" + 43 URL-safe base64 characters (32 random bytes); only its sha256 is stored
 * and compared, in constant time.  Any thread; a reload swaps the table under a short lock.
 */
#ifndef SERVICE_AUTH_H
#define SERVICE_AUTH_H

#include "db/blocklist.h"
#include "db/policy.h"
#include "db/store.h"

enum { TOKEN_SIZE = 48 }; /* with NUL */

struct keyring;

MUST_CHECK enum rc keyring_new(double default_rate, double default_burst, struct keyring **ret,
                               struct err *err);
void keyring_free(struct keyring *ring);
SCOPED_DEFINE(keyring_free, struct keyring *)

/*
 * Reads every key anew; budgets already spent stay spent.  After a failure the ring is as before.
 */
MUST_CHECK enum rc keyring_load(struct keyring *ring, struct store *store, struct err *err);

/* A copy of what a request needs to know of its key. */
struct caller {
    char id[ULID_SIZE]; /* "" on the admin socket */
    char name[128];
    unsigned scopes; /* closed: see scopes_closure() */
    bool sees_all;   /* every bank; else only those whose name is in `banks` */
    char banks[32][BANK_NAME_MAX + 1];
    unsigned n_banks;
};

/* RC_AUTH for an unknown, expired or revoked token: one message for all. */
MUST_CHECK enum rc keyring_find(struct keyring *ring, const char *token, struct caller *ret,
                                struct err *err);

/*
 * Takes n from the key's budget; RC_RATE with err.retry when it is spent.  More than the burst is
 * let through when the budget is full and leaves it in debt (service/budget.h).  The admin socket
 * ("") and a key without any rate have no limit; a rate without a burst saves up one second's.
 */
MUST_CHECK enum rc keyring_spend(struct keyring *ring, const char *key_id, double n,
                                 struct err *err);

/* The caller of the admin socket. */
struct caller caller_admin(void);

/* A fresh random token and its sha256. */
void token_new(char ret[TOKEN_SIZE], uint8_t ret_sha256[32]);

/*
 * The banks that a check of this caller looks at: `names` (comma separated, NULL: all he sees,
 * bits of banks that do not exist yet included).  RC_INPUT names an unknown or invisible bank,
 * with the same words for both; an empty name is one.
 */
MUST_CHECK enum rc caller_banks(const struct caller *caller, const struct blocklist *list,
                                const char *names, struct bank_set *ret, struct err *err);

#endif
