#include "db/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct json_text *j, const char *s, size_t n)
{
    if (j->failed)
        return;
    if (j->size - j->used < n + 1) {
        size_t size = (j->size + n + 64) * 2;
        char *grown = realloc(j->text, size);
        if (grown == NULL) {
            j->failed = true;
            return;
        }
        j->text = grown;
        j->size = size;
    }
    memcpy(j->text + j->used, s, n);
    j->used += n;
    j->text[j->used] = '\0';
}

static void put_raw(struct json_text *j, const char *s)
{
    put(j, s, strlen(s));
}

static void put_quoted(struct json_text *j, const char *s, size_t n)
{
    put_raw(j, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        char escaped[8];
        if (c == '"' || c == '\\') {
            char pair[2] = {'\\', (char)c};
            put(j, pair, 2);
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put_raw(j, escaped);
        } else {
            put(j, s + i, 1);
        }
    }
    put_raw(j, "\"");
}

static void put_key(struct json_text *j, const char *key)
{
    if (j->used > 0 && j->text[j->used - 1] != '{')
        put_raw(j, ",");
    put_quoted(j, key, strlen(key));
    put_raw(j, ":");
}

static void put_number(struct json_text *j, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    put_raw(j, text);
}

static void put_words(struct json_text *j, const char *words)
{
    put_raw(j, "[");
    for (bool first = true;; first = false) {
        words += strspn(words, " ");
        size_t n = strcspn(words, " ");
        if (n == 0)
            break;
        if (!first)
            put_raw(j, ",");
        put_quoted(j, words, n);
        words += n;
    }
    put_raw(j, "]");
}

struct json_text details_begin(void)
{
    struct json_text j = {0};
    put_raw(&j, "{");
    return j;
}

void details_string(struct json_text *j, const char *key, const char *value)
{
    put_key(j, key);
    put_quoted(j, value, strlen(value));
}

void details_number(struct json_text *j, const char *key, int64_t value)
{
    put_key(j, key);
    put_number(j, value);
}

void details_decimal(struct json_text *j, const char *key, double value)
{
    char text[352];
    snprintf(text, sizeof text, "%.3f", value);
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    put_key(j, key);
    put(j, text, n);
}

void details_words(struct json_text *j, const char *key, const char *words)
{
    put_key(j, key);
    put_words(j, words);
}

void details_change(struct json_text *j, const char *key, const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        return;
    put_key(j, key);
    put_raw(j, "{\"old\":");
    put_quoted(j, before, strlen(before));
    put_raw(j, ",\"new\":");
    put_quoted(j, after, strlen(after));
    put_raw(j, "}");
}

void details_change_number(struct json_text *j, const char *key, int64_t before, int64_t after)
{
    if (before == after)
        return;
    put_key(j, key);
    put_raw(j, "{\"old\":");
    put_number(j, before);
    put_raw(j, ",\"new\":");
    put_number(j, after);
    put_raw(j, "}");
}

void details_change_words(struct json_text *j, const char *key, const char *before,
                          const char *after)
{
    if (strcmp(before, after) == 0)
        return;
    put_key(j, key);
    put_raw(j, "{\"old\":");
    put_words(j, before);
    put_raw(j, ",\"new\":");
    put_words(j, after);
    put_raw(j, "}");
}

enum rc details_finish(struct json_text *j, char **ret, struct err *err)
{
    put_raw(j, "}");
    if (j->failed) {
        free(j->text);
        *j = (struct json_text){0};
        FAIL(err, RC_NOMEM, "out of memory");
    }
    *ret = j->text;
    *j = (struct json_text){0};
    return RC_OK;
}
