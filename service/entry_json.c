#include "service/entry_json.h"

#include "hashing/base/text.h"
#include "service/ask.h"
#include "service/json_in.h"

json_t *signal_json(const struct signal *s)
{
    char hex[2 * sizeof s->value + 1];
    text_hex(s->value, signal_size(s->type), hex);
    return json_pack("{s:s, s:s, s:o*, s:o*}", "type", signal_type_name(s->type), "value", hex,
                     "quality", s->quality < 0 ? NULL : json_integer(s->quality), "ms",
                     s->ms < 0 ? NULL : json_integer(s->ms));
}

static json_t *signals_json(const struct entry *e)
{
    SCOPED(json_free) json_t *array = json_array();
    for (size_t i = 0; i < e->n_signals; i++)
        if (!answer_append(array, signal_json(&e->signals[i])))
            return NULL;
    return TAKE(array);
}

json_t *entry_json(const struct entry *e)
{
    char id[ULID_SIZE];
    ulid_text(&e->id, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:I}", "id",
                     id, "bank", e->bank_name, "state", entry_state_name(e->state), "reason",
                     e->reason, "case", e->case_ref, "source", e->source, "media_type",
                     e->media_type, "import_id", e->import_id, "labels", answer_labels(&e->labels),
                     "signals", signals_json(e), "created_by", e->created_by, "created",
                     answer_time(e->created_ms), "updated", answer_time(e->updated_ms),
                     "generation", (json_int_t)e->generation);
}
