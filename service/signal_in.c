#include <stdio.h>
#include <string.h>

#include "hashing/base/text.h"
#include "service/json_in.h"

enum { LABEL_MAX = 128, SHOWN = 96 };

/* A clip's time: db/index.h keeps it in 32 bits, which is 24 days. */
#define MS_MAX INT32_MAX

enum rc label_in_check(const char *label, const char *name, struct err *err)
{
    TRY(text_in_check(label, LABEL_MAX, name, err));
    if (label[0] == '\0')
        FAIL(err, RC_INPUT, "%s is empty", name);
    if (strpbrk(label, " \t\n,") != NULL)
        FAIL(err, RC_INPUT, "%s holds a blank or a comma", name);
    return RC_OK;
}

static bool holds(const struct labels *labels, const char *label)
{
    for (size_t i = 0; i < labels->n; i++)
        if (strcmp(labels->label[i], label) == 0)
            return true;
    return false;
}

static enum rc take_label(const json_t *item, const char *name, struct labels *labels,
                          struct err *err)
{
    char path[SHOWN];
    snprintf(path, sizeof path, "'%s[%zu]'", name, labels->n);
    const char *label = json_string_value(item);
    if (label == NULL)
        FAIL(err, RC_INPUT, "%s must be text", path);
    TRY(label_in_check(label, path, err));
    if (holds(labels, label))
        FAIL(err, RC_INPUT, "%s is given twice", path);
    labels->label[labels->n++] = (char *)label; /* borrowed: nobody writes through it */
    return RC_OK;
}

enum rc json_in_labels(const json_t *object, const char *name, struct labels *ret, bool *ret_given,
                       struct err *err)
{
    struct labels labels = {0};
    const json_t *array = json_object_get(object, name);
    if (array != NULL) {
        if (!json_is_array(array) || json_array_size(array) > LABELS_MAX)
            FAIL(err, RC_INPUT, "'%s' must be an array of at most %d labels", name, LABELS_MAX);
        for (size_t i = 0; i < json_array_size(array); i++)
            TRY(take_label(json_array_get(array, i), name, &labels, err));
        *ret = labels;
    }
    if (ret_given != NULL)
        *ret_given = array != NULL;
    return RC_OK;
}

static enum rc take_type(const json_t *object, const char *where, enum signal_type *ret,
                         struct err *err)
{
    const char *type = NULL;
    char shown[SHOWN];
    TRY(json_in_text(object, "type", where, true, 0, &type, err));
    if (!signal_type_parse(type, ret)) {
        text_printable(type, strlen(type), shown, sizeof shown);
        FAIL(err, RC_INPUT, "unknown signal type '%.40s' in %s (pdq, sha256, sha1 or md5)", shown,
             where);
    }
    return RC_OK;
}

static enum rc take_value(const json_t *object, const char *where, struct signal *signal,
                          struct err *err)
{
    const char *value = NULL;
    size_t size = signal_size(signal->type);
    TRY(json_in_text(object, "value", where, true, 0, &value, err));
    size_t n = strlen(value);
    if (!text_unhex(value, n, signal->value, size) && !text_unbase64(value, n, signal->value, size))
        FAIL(err, RC_INPUT, "'value' in %s is not a %s: %zu hex digits, or base64 of %zu bytes",
             where, signal_type_name(signal->type), 2 * size, size);
    return RC_OK;
}

enum rc json_in_signal(const json_t *object, const char *where, struct signal *ret, struct err *err)
{
    static const char *const fields[] = {"type", "value", "quality", "ms", NULL};
    struct signal signal = {.quality = -1, .ms = -1};
    int64_t quality = -1;
    bool has_quality;
    if (!json_is_object(object))
        FAIL(err, RC_INPUT, "%s must be an object", where);
    TRY(json_in_only(object, fields, where, err));
    TRY(take_type(object, where, &signal.type, err));
    TRY(take_value(object, where, &signal, err));
    TRY(json_in_int(object, "quality", where, false, 0, 100, &quality, &has_quality, err));
    TRY(json_in_int(object, "ms", where, false, 0, MS_MAX, &signal.ms, NULL, err));
    if (has_quality && signal.type != SIGNAL_PDQ)
        FAIL(err, RC_INPUT, "'quality' in %s: only a pdq has one", where);
    signal.quality = (int)quality;
    *ret = signal;
    return RC_OK;
}
