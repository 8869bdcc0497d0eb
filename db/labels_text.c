#include "db/labels_text.h"

#include <stdlib.h>
#include <string.h>

#include "hashing/base/scoped.h"

/* The next word's start, or NULL; *ret_len is its length. */
static const char *next_word(const char *text, size_t *ret_len)
{
    text += strspn(text, " ");
    *ret_len = strcspn(text, " ");
    return *ret_len > 0 ? text : NULL;
}

size_t labels_count(const char *text)
{
    size_t n = 0, len;
    for (const char *word = next_word(text, &len); word != NULL; word = next_word(word + len, &len))
        n++;
    return n;
}

enum rc labels_join(const struct labels *labels, char **ret, struct err *err)
{
    size_t n = labels != NULL ? labels->n : 0, size = 1;
    for (size_t i = 0; i < n; i++)
        size += strlen(labels->label[i]) + 1;

    char *text = malloc(size);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "out of memory");
    char *end = text;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *end++ = ' ';
        end = stpcpy(end, labels->label[i]);
    }
    *end = '\0';
    *ret = text;
    return RC_OK;
}

enum rc labels_split(const char *text, struct labels *ret, struct err *err)
{
    struct labels made = {0};
    size_t len;
    const char *word = next_word(text, &len);
    for (; word != NULL && made.n < LABELS_MAX; word = next_word(word + len, &len)) {
        made.label[made.n] = strndup(word, len);
        if (made.label[made.n] == NULL) {
            labels_clear(&made);
            FAIL(err, RC_NOMEM, "out of memory");
        }
        made.n++;
    }
    *ret = made;
    return RC_OK;
}
