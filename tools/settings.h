/*
 * Which service to call and with which key: HASHGATE_URL and HASHGATE_KEY, else the lines
 * `url = …` and `key = …` of $XDG_CONFIG_HOME/hashgate/config (default ~/.config), else
 * http://127.0.0.1:8480 without a key.  A key never comes from the command line, where every
 * user of the machine could read it.
 */
#ifndef TOOLS_SETTINGS_H
#define TOOLS_SETTINGS_H

#include "hashing/base/err.h"

struct settings {
    char *url; /* owned */
    char *key; /* owned, NULL for none */
};

MUST_CHECK enum rc settings_load(struct settings *ret, struct err *err);
void settings_clear(struct settings *settings);

#endif
