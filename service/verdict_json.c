#include "service/verdict_json.h"

#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/json_in.h"

void judged_clear(struct judged *judged)
{
    for (size_t i = 0; i < MATCHES_MAX; i++)
        labels_clear(&judged->labels[i]);
}

const char *verdict_json_examined(bool usable, bool cut_short)
{
    if (cut_short)
        return "part";
    return usable ? "all" : "digests";
}

const char *verdict_json_look(enum look look)
{
    static const char *const names[LOOKS] = {
        [LOOK_ON_WHITE] = "on-white", [LOOK_ON_BLACK] = "on-black"};
    return names[look];
}

static json_t *time_or_null(int64_t ms)
{
    return ms < 0 ? json_null() : json_integer(ms);
}

json_t *verdict_json_media(const struct medium *media, size_t n)
{
    const struct medium_found *first = &media[0].found;
    uint64_t bytes = 0;
    json_int_t frames = 0;
    int64_t duration = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += media[i].data.n;
        frames += media[i].found.frames;
        if (media[i].found.duration_ms > duration)
            duration = media[i].found.duration_ms;
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o*, s:s*}", "type", first->type, "bytes",
                     (json_int_t)bytes, "width", (json_int_t)first->width, "height",
                     (json_int_t)first->height, "frames", frames, "duration_ms",
                     duration > 0 ? json_integer(duration) : NULL, "upright",
                     first->upright != ORIENT_AS_IS ? orientation_name(first->upright) : NULL);
}

/* --- signals --- */

struct telling {
    json_t *array;
    bool all_orientations;
    int64_t ms; /* of the frame that is being told, -1 none */
};

static bool tell_pdq(const struct telling *t, const struct look_hash *look, enum look kind,
                     enum orientation o)
{
    char hex[PDQ_HEX + 1];
    pdq_hex(&look->hash[o], hex);
    json_t *one = json_pack("{s:s, s:s, s:i, s:b, s:s*, s:s*, s:o*}", "type", "pdq", "value", hex,
                            "quality", (int)look->quality, "usable", look_usable(look),
                            "orientation", t->all_orientations ? orientation_name(o) : NULL, "look",
                            verdict_json_look(kind), "ms", t->ms < 0 ? NULL : json_integer(t->ms));
    return answer_append(t->array, one);
}

static bool tell_frame(const struct telling *t, const struct frame_list *list, size_t frame)
{
    unsigned orientations = t->all_orientations ? ORIENTATIONS : 1;
    for (unsigned l = 0; l < list->frame[frame].looks; l++)
        for (unsigned o = 0; o < orientations; o++)
            if (!tell_pdq(t, frame_list_look(list, frame, (enum look)l), (enum look)l,
                          (enum orientation)o))
                return false;
    return true;
}

static bool tell_digest(const struct telling *t, enum signal_type type, const uint8_t *value)
{
    char hex[2 * 32 + 1];
    text_hex(value, signal_size(type), hex);
    return answer_append(t->array,
                         json_pack("{s:s, s:s, s:o*}", "type", signal_type_name(type), "value", hex,
                                   "ms", t->ms < 0 ? NULL : json_integer(t->ms)));
}

static bool tell_medium(struct telling *t, const struct medium *m)
{
    for (size_t f = 0; f < m->kept.n; f++) {
        t->ms = m->kept.frame[f].ms;
        if (!tell_frame(t, &m->kept, f))
            return false;
    }
    t->ms = m->ms;
    if (!tell_digest(t, SIGNAL_SHA256, m->sha256))
        return false;
    return !m->all_digests ||
           (tell_digest(t, SIGNAL_SHA1, m->sha1) && tell_digest(t, SIGNAL_MD5, m->md5));
}

json_t *verdict_json_signals(const struct medium *media, size_t n, bool all_orientations)
{
    SCOPED(json_free) json_t *array = json_array();
    struct telling t = {.array = array, .all_orientations = all_orientations};
    for (size_t i = 0; i < n; i++)
        if (!tell_medium(&t, &media[i]))
            return NULL;
    return TAKE(array);
}

/* --- matches --- */

/* How a clip was found: how many of its distinct hashes, and the longest run of them in order. */
static json_t *clip_json(const struct match *m)
{
    if (!m->clip)
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:I}", "found", (json_int_t)m->clip_found, "of",
                     (json_int_t)m->clip_of, "run", (json_int_t)m->run, "offset_ms",
                     (json_int_t)m->offset_ms);
}

static json_t *match_full(const struct judged *j, size_t i)
{
    const struct match *m = &j->lookup.matches[i];
    const struct bank_rule *rule = &j->lookup.rules[i];
    char entry[ULID_SIZE];
    ulid_text(&j->entry[i], entry);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s*, s:o, s:o, s:o, s:o*}", "bank",
                     rule->name, "action", action_name(rule->action), "entry", entry, "type",
                     signal_type_name(m->type), "distance", (int)m->distance, "threshold",
                     m->type == SIGNAL_PDQ ? (int)rule->threshold : 0, "orientation",
                     orientation_name(m->orientation), "look", verdict_json_look(m->look), "ms",
                     time_or_null(m->ms), "entry_ms", time_or_null(m->entry_ms), "labels",
                     answer_labels(&j->labels[i]), "clip", clip_json(m));
}

static json_t *matches_full(const struct judged *j)
{
    SCOPED(json_free) json_t *array = json_array();
    for (size_t i = 0; i < j->lookup.n; i++)
        if (!answer_append(array, match_full(j, i)))
            return NULL;
    return TAKE(array);
}

static int by_action_then_name(const void *a, const void *b)
{
    const struct bank_rule *x = a, *y = b;
    if (x->action != y->action)
        return x->action > y->action ? -1 : 1;
    return strcmp(x->name, y->name);
}

/*
 * The lookup lists matches by distance: told in that order, two banks of one action would say
 * which of them is nearer.  By name, they say nothing.
 */
static json_t *matches_bare(const struct judged *j)
{
    SCOPED(json_free) json_t *array = json_array();
    struct bank_rule rules[MATCHES_MAX];

    memcpy(rules, j->lookup.rules, j->lookup.n * sizeof rules[0]);
    qsort(rules, j->lookup.n, sizeof rules[0], by_action_then_name);
    for (size_t i = 0; i < j->lookup.n; i++) {
        if (i > 0 && strcmp(rules[i].name, rules[i - 1].name) == 0)
            continue;
        if (!answer_append(array, json_pack("{s:s, s:s}", "bank", rules[i].name, "action",
                                            action_name(rules[i].action))))
            return NULL;
    }
    return TAKE(array);
}

json_t *verdict_json_matches(const struct judged *judged, bool detail)
{
    return detail ? matches_full(judged) : matches_bare(judged);
}

json_t *verdict_json_item(const struct judged *j, bool detail)
{
    SCOPED(json_free) json_t *signals = NULL;
    if (detail && (signals = verdict_json_signals(j->media, j->n, false)) == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:o, s:o*, s:o}", "verdict", verdict_name(j->verdict), "examined",
                     verdict_json_examined(j->usable, j->cut_short), "media",
                     verdict_json_media(j->media, j->n), "signals", TAKE(signals), "matches",
                     verdict_json_matches(j, detail));
}
