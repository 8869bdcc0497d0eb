/*
 * The settings of config.h as one typed table, and the text form of each value: what config.c
 * reads from the file and the environment, and prints back.
 */
#ifndef SERVICE_SETTING_H
#define SERVICE_SETTING_H

#include <stddef.h>
#include <stdint.h>

#include "service/config.h"

enum setting_type {
    SETTING_TEXT,     /* char *, "" for none */
    SETTING_SIZE,     /* uint64_t bytes: 64MiB */
    SETTING_COUNT,    /* uint64_t: 100M */
    SETTING_DURATION, /* int64_t milliseconds: 30s */
    SETTING_NUMBER,   /* unsigned */
    SETTING_RATE,     /* double, "none" for 0 */
    SETTING_SWITCH,   /* bool: the first word is false, the second true */
    SETTING_WORD      /* int: the place of the word */
};

enum { SETTING_TEXT_MAX = 3900 }; /* what one line of the file can hold beside its key */

struct setting {
    const char *section, *key;
    enum setting_type type;
    size_t offset;       /* of its member in struct config */
    const char *initial; /* the default, as one would write it */
    int64_t min, max;
    const char *const *words; /* SETTING_SWITCH, SETTING_WORD: NULL-terminated */
    const char *help;
};

/* Grouped by section; ends with section NULL. */
extern const struct setting settings[];

/* NULL when there is no such key. */
const struct setting *setting_find(const char *section, const char *key);

/* Reads value into its member.  RC_INPUT: where, then the reason. */
MUST_CHECK enum rc setting_set(const struct setting *setting, struct config *config,
                               const char *value, const char *where, struct err *err);

/* The present value as setting_set() would read it; borrowed from config or written to room. */
const char *setting_text(const struct setting *setting, const struct config *config, char *room,
                         size_t size);

/* Frees the member when it is text. */
void setting_clear(const struct setting *setting, struct config *config);

#endif
