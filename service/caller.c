#include <string.h>

#include "hashing/base/text.h"
#include "service/auth.h"

static bool sees(const struct caller *caller, const char *bank)
{
    if (caller->sees_all)
        return true;
    for (unsigned i = 0; i < caller->n_banks; i++)
        if (strcmp(caller->banks[i], bank) == 0)
            return true;
    return false;
}

/* A bank that is hidden from the caller and one that is not there are told in the same words. */
static enum rc add_bank(const struct caller *caller, const struct blocklist *list, const char *name,
                        size_t len, struct bank_set *set, struct err *err)
{
    char bank[BANK_NAME_MAX + 1] = "", shown[4 * BANK_NAME_MAX];
    if (len <= BANK_NAME_MAX)
        memcpy(bank, name, len);
    int64_t number =
        bank_name_valid(bank) && sees(caller, bank) ? blocklist_bank_number(list, bank) : -1;
    if (number < 0 || number >= INDEX_BANKS_MAX) {
        text_printable(name, len < BANK_NAME_MAX ? len : BANK_NAME_MAX, shown, sizeof shown);
        FAIL(err, RC_INPUT, "unknown bank '%.80s'", shown);
    }
    bank_set_add(set, (uint32_t)number);
    return RC_OK;
}

/*
 * A key that is bound to banks of which one is missing would look at less than it was made for:
 * such a check fails instead.
 */
static enum rc add_visible(const struct caller *caller, const struct blocklist *list,
                           struct bank_set *set, struct err *err)
{
    if (caller->sees_all)
        memset(set, 0xff, sizeof *set);
    for (unsigned i = 0; i < caller->n_banks && !caller->sees_all; i++)
        TRY(add_bank(caller, list, caller->banks[i], strlen(caller->banks[i]), set, err));
    return RC_OK;
}

enum rc caller_banks(const struct caller *caller, const struct blocklist *list, const char *names,
                     struct bank_set *ret, struct err *err)
{
    struct bank_set set = {0};
    if (names == NULL)
        TRY(add_visible(caller, list, &set, err));
    while (names != NULL) {
        size_t len = strcspn(names, ",");
        TRY(add_bank(caller, list, names, len, &set, err));
        names = names[len] == ',' ? names + len + 1 : NULL;
    }
    *ret = set;
    return RC_OK;
}
