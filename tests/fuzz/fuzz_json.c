/* JSON bodies: an object read as every kind of member that the service knows. */
#include "service/json_in.h"
#include "tests/fuzz/fuzz.h"

static void check_signal(const struct signal *signal)
{
    char hex[2 * sizeof signal->value + 1];
    uint8_t again[sizeof signal->value] = {0};
    MUST(signal->type < SIGNAL_TYPES);
    size_t n = signal_size(signal->type);
    MUST(signal->quality >= -1 && signal->quality <= 100 && signal->ms >= -1);
    MUST(signal->type == SIGNAL_PDQ || signal->quality == -1);
    text_hex(signal->value, n, hex);
    MUST(text_unhex(hex, 2 * n, again, n));
    MUST(memcmp(again, signal->value, sizeof again) == 0); /* bytes that are none of it are 0 */
}

static void try_signal(const json_t *object)
{
    struct signal signal;
    struct err err;
    enum rc rc = json_in_signal(object, "signals[0]", &signal, &err);
    if (rc == RC_OK)
        check_signal(&signal);
    else
        must_refuse(rc, RC_INPUT, &err);
}

static void try_labels(const json_t *object)
{
    struct labels labels = {0};
    bool given = false;
    struct err err;
    enum rc rc = json_in_labels(object, "labels", &labels, &given, &err);
    if (rc != RC_OK)
        must_refuse(rc, RC_INPUT, &err);
    MUST(labels.n <= LABELS_MAX && (given || labels.n == 0));
    for (size_t i = 0; i < labels.n; i++) {
        MUST(label_in_check(labels.label[i], "label", &err) == RC_OK);
        for (size_t k = 0; k < i; k++)
            MUST(strcmp(labels.label[i], labels.label[k]) != 0);
    }
}

static void try_text(const json_t *object)
{
    const char *text = NULL;
    struct err err;
    enum rc rc = json_in_text(object, "reason", "", true, 100, &text, &err);
    if (rc != RC_OK) {
        must_refuse(rc, RC_INPUT, &err);
        return;
    }
    MUST(text != NULL && text[0] != '\0' && strlen(text) <= 100);
    MUST(text_is_utf8(text, strlen(text)));
}

static void try_numbers(const json_t *object)
{
    int64_t threshold = 31;
    double rate = 1;
    bool given = false;
    struct err err;
    enum rc rc = json_in_int(object, "threshold", "", false, 0, 63, &threshold, &given, &err);
    if (rc != RC_OK)
        must_refuse(rc, RC_INPUT, &err);
    MUST(threshold >= 0 && threshold <= 63 && (given || threshold == 31));
    rc = json_in_number(object, "rate", "", 0, 1000, &rate, &err);
    if (rc != RC_OK)
        must_refuse(rc, RC_INPUT, &err);
    MUST(rate >= 0 && rate <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const known[] = {"signals", "labels", "reason", NULL};
    SCOPED(json_free) json_t *object = NULL;
    struct err err;
    enum rc rc = json_in_object(bytes_of(data, size), &object, &err);
    if (rc != RC_OK) {
        must_refuse(rc, RC_INPUT, &err);
        MUST(object == NULL);
        return 0;
    }
    MUST(json_is_object(object));
    rc = json_in_only(object, known, "media[3]", &err);
    if (rc != RC_OK)
        must_refuse(rc, RC_INPUT, &err);
    try_signal(object);
    const json_t *signals = json_object_get(object, "signals");
    for (size_t i = 0; i < json_array_size(signals); i++)
        try_signal(json_array_get(signals, i));
    try_labels(object);
    try_text(object);
    try_numbers(object);
    return 0;
}
