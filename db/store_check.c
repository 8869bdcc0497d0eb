#include "db/store_check.h"

#include <string.h>

#include "db/labels_text.h"

static enum rc check_labels(const struct labels *labels, struct err *err)
{
    if (labels == NULL)
        return RC_OK;
    if (labels->n > LABELS_MAX)
        FAIL(err, RC_INPUT, "labels: more than %d", LABELS_MAX);
    for (size_t i = 0; i < labels->n; i++)
        if (labels->label[i][0] == '\0' || strchr(labels->label[i], ' ') != NULL)
            FAIL(err, RC_INPUT, "label \"%s\": must be one word", labels->label[i]);
    return RC_OK;
}

static enum rc check_rules(enum action action, unsigned threshold, struct err *err)
{
    if ((unsigned)action >= ACTIONS)
        FAIL(err, RC_INPUT, "action: unknown number %d", (int)action);
    if (threshold > 63)
        FAIL(err, RC_INPUT, "threshold %u: must be 0 to 63", threshold);
    return RC_OK;
}

static enum rc check_clip_rules(unsigned bank_percent, unsigned query_percent, unsigned run,
                                struct err *err)
{
    if (bank_percent < 1 || bank_percent > 100)
        FAIL(err, RC_INPUT, "bank_match_percent %u: must be 1 to 100", bank_percent);
    if (query_percent > 100)
        FAIL(err, RC_INPUT, "query_match_percent %u: must be 0 to 100", query_percent);
    if (run == 1 || run > MATCH_RUN_MAX)
        FAIL(err, RC_INPUT, "match_run %u: must be 2 to %d, or 0 for none", run, MATCH_RUN_MAX);
    return RC_OK;
}

enum rc check_bank(const struct bank *bank, struct err *err)
{
    if (!bank_name_valid(bank->name))
        FAIL(err, RC_INPUT, "bank \"%s\": a name is A-Z, then A-Z, 0-9 or _, at most %d characters",
             bank->name, BANK_NAME_MAX);
    TRY(check_rules(bank->action, bank->threshold, err));
    TRY(check_clip_rules(bank->bank_match_percent, bank->query_match_percent, bank->match_run,
                         err));
    return check_labels(&bank->labels, err);
}

enum rc check_bank_patch(const struct bank_patch *patch, struct err *err)
{
    TRY(check_rules(patch->action != NULL ? *patch->action : ACTION_BLOCK,
                    patch->threshold != NULL ? *patch->threshold : 0, err));
    TRY(check_clip_rules(
        patch->bank_match_percent != NULL ? *patch->bank_match_percent : BANK_MATCH_PERCENT,
        patch->query_match_percent != NULL ? *patch->query_match_percent : QUERY_MATCH_PERCENT,
        patch->match_run != NULL ? *patch->match_run : MATCH_RUN, err));
    return check_labels(patch->labels, err);
}

enum rc check_entry(const struct entry_new *entry, struct err *err)
{
    if (entry->reason == NULL || entry->reason[0] == '\0')
        FAIL(err, RC_INPUT, "reason: required");
    if (entry->n_signals == 0)
        FAIL(err, RC_INPUT, "signals: at least one is required");
    for (size_t i = 0; i < entry->n_signals; i++)
        if ((unsigned)entry->signals[i].type >= SIGNAL_TYPES)
            FAIL(err, RC_INPUT, "signal %zu: unknown type", i + 1);
    return check_labels(entry->labels, err);
}

enum rc check_entry_patch(const struct entry_patch *patch, struct err *err)
{
    if (patch->reason == NULL || patch->reason[0] == '\0')
        FAIL(err, RC_INPUT, "reason: required");
    if (patch->state != NULL && (unsigned)*patch->state >= ENTRY_STATES)
        FAIL(err, RC_INPUT, "state: unknown number %d", (int)*patch->state);
    return check_labels(patch->labels, err);
}

enum rc check_import(const struct import_line *lines, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned)lines[i].signal.type >= SIGNAL_TYPES)
            FAIL(err, RC_INPUT, "line %zu: unknown type of signal", i + 1);
        if (lines[i].labels != NULL && labels_count(lines[i].labels) > LABELS_MAX)
            FAIL(err, RC_INPUT, "line %zu: more than %d labels", i + 1, LABELS_MAX);
    }
    return RC_OK;
}

enum rc check_key(const struct key *key, struct err *err)
{
    if (key->name == NULL || key->name[0] == '\0')
        FAIL(err, RC_INPUT, "key: a name is required");
    if (key->scopes == 0)
        FAIL(err, RC_INPUT, "key: at least one scope is required");
    return RC_OK;
}

enum rc check_node(const char *node, struct err *err)
{
    if (node == NULL || node[0] == '\0')
        FAIL(err, RC_INPUT, "check: the name of the node is required");
    return RC_OK;
}

enum rc check_ending(enum check_state state, const char *answer, struct err *err)
{
    if (state != CHECK_DONE && state != CHECK_ERROR)
        FAIL(err, RC_INPUT, "check: cannot end in state number %d", (int)state);
    if (answer == NULL || answer[0] == '\0')
        FAIL(err, RC_INPUT, "check: an answer is required");
    return RC_OK;
}
