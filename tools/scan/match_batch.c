#include "tools/scan/match_batch.h"

#include <string.h>

#include "hashing/base/text.h"
#include "tools/client.h"
#include "tools/scan/labels.h"
#include "tools/scan/signals.h"

/* Signals are read look by look; those of poor quality are neither listed nor matched. */
struct looks {
    struct signals_cursor cursor;
    unsigned next; /* look of the frame in hand */
    bool begun;
};

static const uint8_t *next_look(struct looks *l)
{
    for (;;) {
        while (l->begun && l->next < l->cursor.looks) {
            const uint8_t *look = l->cursor.look[l->next++];
            if (signals_quality(look) >= PDQ_MIN_QUALITY)
                return look;
        }
        l->begun = signals_next(&l->cursor);
        l->next = 0;
        if (!l->begun)
            return NULL;
    }
}

enum rc batch_count(const struct state_asked *asked, size_t *ret, struct err *err)
{
    struct looks looks = {.cursor = {.left = asked->signals}};
    size_t n = 0;
    while (next_look(&looks) != NULL)
        n++;
    if (looks.cursor.bad)
        FAIL(err, RC_STORE, "the signals of content %lld are damaged", (long long)asked->content);
    *ret = n;
    return RC_OK;
}

static void write_looks(struct batch *b, const struct batch_part *part)
{
    struct looks looks = {.cursor = {.left = part->asked->signals}};
    static const char head[] = ",{\"type\":\"pdq\",\"value\":\"";
    size_t skip = part->digest ? 0 : 1; /* no comma before the first */
    const uint8_t *look;
    char hex[PDQ_HEX + 1];

    for (size_t i = 0; i < part->to && (look = next_look(&looks)) != NULL; i++) {
        if (i < part->from)
            continue;
        text_hex(signals_hash(look, part->orientation), PDQ_BYTES, hex);
        fwrite_unlocked(head + skip, 1, sizeof head - 1 - skip, b->out);
        fwrite_unlocked(hex, 1, PDQ_HEX, b->out);
        fputc_unlocked('"', b->out);
        if (looks.cursor.ms >= 0 && looks.cursor.ms <= INT32_MAX)
            fprintf(b->out, ",\"ms\":%lld", (long long)looks.cursor.ms);
        fputc_unlocked('}', b->out);
        skip = 0;
        b->signals++;
    }
}

/* The id of a medium is kept with a decision that matched: the digest names the file to whoever
 * asks the audit. */
enum rc batch_add(struct batch *b, const struct batch_part *part, struct err *err)
{
    char sha256[65];

    if (b->out == NULL && (b->out = open_memstream(&b->text, &b->length)) == NULL)
        FAIL(err, RC_NOMEM, "no memory for a request");
    fputs(b->media == 0 ? "{\"media\":[" : ",", b->out);
    text_hex(part->asked->sha256, sizeof part->asked->sha256, sha256);
    fprintf(b->out, "{\"id\":\"%s\",\"signals\":[", sha256);
    if (part->digest) {
        fprintf(b->out, "{\"type\":\"sha256\",\"value\":\"%s\"}", sha256);
        b->signals++;
    }
    write_looks(b, part);
    fputs("]}", b->out);
    b->medium[b->media].asking = part->asking;
    b->medium[b->media].orientation = part->orientation;
    b->media++;
    part->asking->waiting++;
    return RC_OK;
}

enum rc batch_end(struct batch *b, struct err *err)
{
    fputc(']', b->out);
    if (b->since >= 0)
        fprintf(b->out, ",\"since\":%lld", (long long)b->since);
    fputc('}', b->out);
    bool good = ferror(b->out) == 0;
    good = fclose(TAKE(b->out)) == 0 && good;
    if (!good)
        FAIL(err, RC_NOMEM, "no memory for a request");
    return RC_OK;
}

void batch_clear(struct batch *b)
{
    if (b->out != NULL)
        fclose(b->out);
    free(b->text);
    b->out = NULL;
    b->text = NULL;
    b->signals = b->media = 0;
}

static enum rc take_result(struct asking *asking, enum orientation orientation,
                           const json_t *result, struct err *err)
{
    json_t *matches = json_object_get(result, "matches"), *match;
    size_t i;
    if (!json_is_array(matches))
        FAIL(err, RC_INPUT, "the service's answer has no matches");
    json_array_foreach(matches, i, match)
    {
        if (json_object_set_new(match, "orientation", json_string(orientation_name(orientation))) !=
                0 ||
            json_array_append(asking->hits, match) != 0)
            FAIL(err, RC_NOMEM, "no memory for an answer");
    }
    return RC_OK;
}

enum rc batch_take(struct batch *b, const json_t *answer, struct err *err)
{
    const json_t *results = json_object_get(answer, "results");
    const json_t *number = json_object_get(answer, "generation");
    int64_t generation = json_integer_value(number);

    if (!json_is_integer(number) || json_array_size(results) != b->media)
        FAIL(err, RC_INPUT, "the service's answer is not one to what was asked");
    for (size_t i = 0; i < b->media; i++) {
        struct asking *a = b->medium[i].asking;
        TRY(take_result(a, b->medium[i].orientation, json_array_get(results, i), err));
        if (a->generation < 0 || generation < a->generation)
            a->generation = generation;
        a->waiting--;
    }
    return RC_OK;
}

void asking_free(struct asking *asking)
{
    if (asking == NULL)
        return;
    json_decref(asking->hits);
    free(asking);
}
SCOPED_DEFINE(asking_free, struct asking *)

static const char *text_of(const json_t *match, const char *name)
{
    const char *text = json_string_value(json_object_get(match, name));
    return text != NULL ? text : "";
}

static int64_t number_of(const json_t *match, const char *name)
{
    const json_t *value = json_object_get(match, name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static enum rc to_hit(const json_t *match, struct state_hit *ret, char **ret_labels,
                      struct err *err)
{
    const char *type = text_of(match, "type");
    bool digest = *type != '\0' && strcmp(type, "pdq") != 0;
    TRY(labels_join(json_object_get(match, "labels"), ret_labels, err));
    *ret = (struct state_hit){.orientation = digest ? "" : text_of(match, "orientation"),
                              .bank = text_of(match, "bank"),
                              .action = text_of(match, "action"),
                              .entry = text_of(match, "entry"),
                              .type = type,
                              .distance = number_of(match, "distance"),
                              .threshold = number_of(match, "threshold"),
                              .ms = number_of(match, "ms"),
                              .entry_ms = number_of(match, "entry_ms"),
                              .labels = *ret_labels};
    return RC_OK;
}

enum rc asking_put(struct asking *asking_, struct state *state, struct err *err)
{
    SCOPED(asking_free) struct asking *asking = asking_;
    size_t n = json_array_size(asking->hits), made = 0;
    SCOPED(mem_free) struct state_hit *hits = calloc(n + 1, sizeof *hits);
    SCOPED(mem_free) char **labels = calloc(n + 1, sizeof *labels);
    enum rc rc = RC_OK;

    if (hits == NULL || labels == NULL)
        FAIL(err, RC_NOMEM, "no memory for an answer");
    for (; made < n && rc == RC_OK; made++)
        rc = to_hit(json_array_get(asking->hits, made), &hits[made], &labels[made], err);
    if (rc == RC_OK)
        rc = state_put_hits(state, asking->content, asking->generation, asking->replace, hits, n,
                            err);
    for (size_t i = 0; i < made; i++)
        free(labels[i]);
    return rc;
}
