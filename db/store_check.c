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

enum rc check_bank(const struct bank *bank, struct err *err)
{
    if (!bank_name_valid(bank->name))
        FAIL(err, RC_INPUT, "bank \"%s\": a name is A-Z, then A-Z, 0-9 or _, at most %d characters",
             bank->name, BANK_NAME_MAX);
    TRY(check_rules(bank->action, bank->threshold, err));
    return check_labels(&bank->labels, err);
}

enum rc check_bank_patch(const struct bank_patch *patch, struct err *err)
{
    TRY(check_rules(patch->action != NULL ? *patch->action : ACTION_BLOCK,
                    patch->threshold != NULL ? *patch->threshold : 0, err));
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
