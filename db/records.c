#include "db/records.h"

#include <stdlib.h>
#include <string.h>

static const char *const action_names[ACTIONS] = {"observe", "review", "block"};
static const char *const verdict_names[VERDICTS] = {"allow", "review", "block"};
static const char *const state_names[ENTRY_STATES] = {"active", "revoked"};
static const char *const type_names[SIGNAL_TYPES] = {"pdq", "sha256", "sha1", "md5"};
static const char *const scope_names[] = {"check",    "match",   "detail",
                                          "moderate", "metrics", "admin"};
enum { SCOPE_NAMES = sizeof(scope_names) / sizeof(scope_names[0]) };

/* Takes the number unsigned, so that a value below zero is beyond the last as well. */
static const char *name_at(const char *const *names, unsigned n, unsigned i)
{
    return i < n ? names[i] : NULL;
}

/* The index of the name that these len characters are, -1 when it is none. */
static int name_find(const char *const *names, unsigned n, const char *s, size_t len)
{
    for (unsigned i = 0; i < n; i++)
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0)
            return (int)i;
    return -1;
}

const char *action_name(enum action a)
{
    return name_at(action_names, ACTIONS, (unsigned)a);
}

const char *verdict_name(enum verdict v)
{
    return name_at(verdict_names, VERDICTS, (unsigned)v);
}

const char *entry_state_name(enum entry_state s)
{
    return name_at(state_names, ENTRY_STATES, (unsigned)s);
}

const char *signal_type_name(enum signal_type t)
{
    return name_at(type_names, SIGNAL_TYPES, (unsigned)t);
}

bool action_parse(const char *s, enum action *ret)
{
    int i = name_find(action_names, ACTIONS, s, strlen(s));
    if (i >= 0)
        *ret = (enum action)i;
    return i >= 0;
}

bool entry_state_parse(const char *s, enum entry_state *ret)
{
    int i = name_find(state_names, ENTRY_STATES, s, strlen(s));
    if (i >= 0)
        *ret = (enum entry_state)i;
    return i >= 0;
}

bool signal_type_parse(const char *s, enum signal_type *ret)
{
    int i = name_find(type_names, SIGNAL_TYPES, s, strlen(s));
    if (i >= 0)
        *ret = (enum signal_type)i;
    return i >= 0;
}

size_t signal_size(enum signal_type t)
{
    static const uint8_t sizes[SIGNAL_TYPES] = {32, 32, 20, 16};
    return (unsigned)t < SIGNAL_TYPES ? sizes[t] : 0;
}

bool signal_digest_type(enum signal_type t, enum digest_type *ret)
{
    static const enum digest_type digests[SIGNAL_TYPES] = {
        [SIGNAL_SHA256] = DIGEST_SHA256, [SIGNAL_SHA1] = DIGEST_SHA1, [SIGNAL_MD5] = DIGEST_MD5};
    if (t == SIGNAL_PDQ || (unsigned)t >= SIGNAL_TYPES)
        return false;
    *ret = digests[t];
    return true;
}

bool bank_name_valid(const char *s)
{
    if (s[0] < 'A' || s[0] > 'Z')
        return false;
    size_t n = 1;
    for (; s[n] != '\0' && n <= BANK_NAME_MAX; n++) {
        char c = s[n];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return n <= BANK_NAME_MAX;
}

void labels_clear(struct labels *labels)
{
    for (size_t i = 0; i < labels->n; i++)
        free(labels->label[i]);
    *labels = (struct labels){0};
}

void bank_clear(struct bank *bank)
{
    free(bank->description);
    free(bank->owner);
    free(bank->sharing);
    labels_clear(&bank->labels);
    *bank = (struct bank){0};
}

void entry_clear(struct entry *entry)
{
    free(entry->reason);
    free(entry->case_ref);
    free(entry->source);
    free(entry->media_type);
    free(entry->import_id);
    free(entry->signals);
    free(entry->created_by);
    labels_clear(&entry->labels);
    *entry = (struct entry){0};
}

void key_clear(struct key *key)
{
    free(key->name);
    for (char **bank = key->banks; bank != NULL && *bank != NULL; bank++)
        free(*bank);
    free(key->banks);
    free(key->created_by);
    *key = (struct key){0};
}

void check_row_clear(struct check_row *check)
{
    free(check->key_id);
    free(check->ref);
    free(check->node);
    free(check->answer);
    *check = (struct check_row){0};
}

unsigned scopes_parse(const char *s)
{
    unsigned scopes = 0;
    for (;;) {
        size_t len = strcspn(s, ",");
        int i = name_find(scope_names, SCOPE_NAMES, s, len);
        if (i < 0)
            return 0;
        scopes |= 1u << i;
        if (s[len] == '\0')
            return scopes;
        s += len + 1;
    }
}

unsigned scopes_closure(unsigned scopes)
{
    if ((scopes & SCOPE_ADMIN) != 0)
        scopes |= SCOPE_MODERATE | SCOPE_METRICS;
    if ((scopes & SCOPE_MODERATE) != 0)
        scopes |= SCOPE_CHECK | SCOPE_MATCH | SCOPE_DETAIL;
    return scopes;
}

const char *scope_name(unsigned bit_number)
{
    return name_at(scope_names, SCOPE_NAMES, bit_number);
}
