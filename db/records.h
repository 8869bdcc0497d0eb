/*
 * The nouns of the store, as plain structs: banks, entries, signals, keys, decisions, audit rows.
 *
 * Strings are UTF-8 without control characters unless said; `owned` structs are freed by their
 * *_clear(), `borrowed` ones point into the caller's memory for the length of the call.
 */
#ifndef DB_RECORDS_H
#define DB_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/digests.h"
#include "hashing/base/ulid.h"
#include "hashing/frame_hasher.h"
#include "hashing/pdq.h"

enum action { ACTION_OBSERVE, ACTION_REVIEW, ACTION_BLOCK, ACTIONS };
enum verdict { VERDICT_ALLOW, VERDICT_REVIEW, VERDICT_BLOCK, VERDICTS };
enum entry_state { ENTRY_ACTIVE, ENTRY_REVOKED, ENTRY_STATES };
enum signal_type { SIGNAL_PDQ, SIGNAL_SHA256, SIGNAL_SHA1, SIGNAL_MD5, SIGNAL_TYPES };

/* Names as the API writes them: "block", "allow", "active", "pdq".  NULL beyond the last. */
const char *action_name(enum action a);
const char *verdict_name(enum verdict v);
const char *entry_state_name(enum entry_state s);
const char *signal_type_name(enum signal_type t);
bool action_parse(const char *s, enum action *ret);
bool entry_state_parse(const char *s, enum entry_state *ret);
bool signal_type_parse(const char *s, enum signal_type *ret);

/* Bytes of a value: 32, 32, 20, 16. */
size_t signal_size(enum signal_type t);

/* The digest that a signal is; false for a pdq and for what is no type. */
bool signal_digest_type(enum signal_type t, enum digest_type *ret);

enum { BANK_NAME_MAX = 64, LABELS_MAX = 32 };

/* How clips match unless their bank says otherwise; db/policy.h has the rules. */
enum { BANK_MATCH_PERCENT = 80, QUERY_MATCH_PERCENT = 0, MATCH_RUN = 3, MATCH_RUN_MAX = 100 };

/* ^[A-Z][A-Z0-9_]{0,63}$ */
bool bank_name_valid(const char *s);

struct labels {
    size_t n;
    char *label[LABELS_MAX]; /* owned, or borrowed where said */
};
void labels_clear(struct labels *labels);

struct bank {
    uint32_t number; /* dense, from 0, never reused: the index's bank */
    char name[BANK_NAME_MAX + 1];
    char *description; /* owned, may be "" */
    char *owner;       /* owned, may be "" */
    char *sharing;     /* owned: who may share it, may be "" */
    enum action action;
    unsigned threshold;           /* 0..63 */
    unsigned bank_match_percent;  /* 1..100 of a clip's signals that must be found */
    unsigned query_match_percent; /* 0..100 of the upload's frames that must be in the clip */
    unsigned match_run;           /* 2..100 signals in a row are enough; 0: they are not */
    struct labels labels;
    uint64_t entries; /* active ones; filled by reads */
    int64_t created_ms, updated_ms;
    uint64_t generation;
};
void bank_clear(struct bank *bank);

struct signal {
    enum signal_type type;
    uint8_t value[32]; /* signal_size() bytes, rest zero; pdq as pdq_bytes() */
    int quality;       /* pdq: 0..100; -1 unknown or not a pdq */
    int64_t ms;        /* time within a clip; -1 none */
};

struct entry {
    struct ulid id;
    uint64_t number; /* dense row number: the index's entry */
    uint32_t bank;
    char bank_name[BANK_NAME_MAX + 1];
    enum entry_state state;
    char *reason;     /* owned: why it was listed */
    char *case_ref;   /* owned, may be "" */
    char *source;     /* owned, may be "" */
    char *media_type; /* owned, "" for bare hashes */
    char *import_id;  /* owned, "" when not imported */
    struct labels labels;
    size_t n_signals;
    struct signal *signals; /* owned */
    char *created_by;       /* owned: key's name */
    int64_t created_ms, updated_ms;
    uint64_t generation;
};
void entry_clear(struct entry *entry);

/* Who acts: goes into the audit row of the same transaction. */
struct actor {
    const char *key_id; /* "" for the admin socket or the local program */
    const char *name;   /* the key's name, "admin-socket", "hashgated keys create" */
    const char *request_id;
};

enum scope {
    SCOPE_CHECK = 1 << 0,
    SCOPE_MATCH = 1 << 1,
    SCOPE_DETAIL = 1 << 2,
    SCOPE_MODERATE = 1 << 3,
    SCOPE_METRICS = 1 << 4,
    SCOPE_ADMIN = 1 << 5
};
/* "check,match" to bits; 0 when a name is unknown or none is given. */
unsigned scopes_parse(const char *s);
/* What a set of scopes allows: moderate implies check, match and detail; admin implies all. */
unsigned scopes_closure(unsigned scopes);
/* NULL beyond the last bit: for (i = 0; scope_name(i); i++) */
const char *scope_name(unsigned bit_number);

struct key {
    char id[ULID_SIZE];
    char *name; /* owned */
    unsigned scopes;
    uint8_t token_sha256[32];
    char **banks;                               /* owned, NULL-terminated; NULL: sees every bank */
    double rate, burst;                         /* requests a second; 0 = the configured default */
    int64_t created_ms, expires_ms, revoked_ms; /* 0 = never */
    char *created_by;                           /* owned */
};
void key_clear(struct key *key);

struct decision_match {
    struct ulid entry;
    uint32_t bank;
    enum action action;
    enum signal_type type;
    unsigned distance, threshold;
    enum orientation orientation;
    enum look look;       /* how alpha was seen */
    int64_t ms, entry_ms; /* -1 none */
};

struct decision {
    struct ulid check_id;
    int64_t at_ms;
    const char *key_id, *ref; /* borrowed; "" for none */
    enum verdict verdict;
    uint64_t generation;
    size_t n_matches;
    const struct decision_match *matches; /* borrowed */
};

/* A check that outlives the request that asked for it. */
enum check_state { CHECK_RUNNING, CHECK_DONE, CHECK_ERROR, CHECK_STATES };

struct check_row {
    struct ulid id;
    char *key_id, *ref; /* owned, may be "" */
    char *node;         /* owned: which of the services that share a list works on it */
    enum check_state state;
    unsigned status; /* HTTP's, of the answer; 0 while it runs */
    char *answer;    /* owned JSON text; "" while it runs */
    int64_t created_ms, updated_ms;
};
void check_row_clear(struct check_row *check);

struct audit_row {
    uint64_t seq;
    int64_t at_ms;
    const char *actor_id, *actor_name, *request_id;
    const char *action; /* "bank.create", "entry.add", "entry.revoke", "import", "key.create", … */
    const char *bank, *target; /* bank's name, id of what was changed; may be "" */
    const char *reason;        /* may be "" */
    const char *details;       /* JSON object as text: what changed, old and new */
    uint64_t generation;
    uint8_t chain[32]; /* sha256 over the previous chain value and this row */
};

#endif
