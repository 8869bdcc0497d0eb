/*
 * Writes the JSON object that an audit row carries as details: db has no JSON library and only
 * ever writes, never reads, such text.
 *
 *     struct json_text j = details_begin();
 *     details_string(&j, "name", "A");
 *     TRY(details_finish(&j, &text, err));     // frees what it held on failure
 *
 * A failed allocation is remembered and reported by details_finish().
 */
#ifndef DB_JSON_TEXT_H
#define DB_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashing/base/err.h"

struct json_text {
    char *text;
    size_t used, size;
    bool failed;
};

struct json_text details_begin(void);
void details_string(struct json_text *j, const char *key, const char *value);
void details_number(struct json_text *j, const char *key, int64_t value);
/* Up to three decimals. */
void details_decimal(struct json_text *j, const char *key, double value);
/* An array of the words of a text, as labels are kept. */
void details_words(struct json_text *j, const char *key, const char *words);

/* "key":{"old":…,"new":…}; nothing when they are equal. */
void details_change(struct json_text *j, const char *key, const char *before, const char *after);
void details_change_number(struct json_text *j, const char *key, int64_t before, int64_t after);
void details_change_words(struct json_text *j, const char *key, const char *before,
                          const char *after);

/* Closes the object and gives its text, to be freed with free(). */
MUST_CHECK enum rc details_finish(struct json_text *j, char **ret, struct err *err);

#endif
