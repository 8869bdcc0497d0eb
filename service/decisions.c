#include "service/decisions.h"

#include <stdlib.h>

#include "hashing/base/clock.h"

/* Rows of one transaction: 10,000 media that each match everywhere would be half a million. */
enum { ROOM_MIN = 16, ROWS_MANY = 4096 };

void decisions_clear_scoped(struct decisions *d)
{
    free(d->decision);
    free(d->match);
}

static bool reserve(struct decisions *d, size_t matches)
{
    if (d->n == d->room) {
        size_t room = d->room != 0 ? d->room * 2 : ROOM_MIN;
        struct decision *grown = realloc(d->decision, room * sizeof *grown);
        if (grown == NULL)
            return false;
        d->decision = grown;
        d->room = room;
    }
    if (matches > d->matches_room - d->n_matches) {
        size_t room = d->matches_room * 2 + matches;
        struct decision_match *grown = realloc(d->match, room * sizeof *grown);
        if (grown == NULL)
            return false;
        d->match = grown;
        d->matches_room = room;
    }
    return true;
}

static struct decision_match match_of(const struct judged *j, size_t i)
{
    const struct match *m = &j->lookup.matches[i];
    const struct bank_rule *rule = &j->lookup.rules[i];
    return (struct decision_match){
        .entry = j->entry[i],
        .bank = m->bank,
        .action = rule->action,
        .type = m->type,
        .distance = m->distance,
        .threshold = m->type == SIGNAL_PDQ ? rule->threshold : 0,
        .orientation = m->orientation,
        .look = m->look,
        .ms = m->ms,
        .entry_ms = m->entry_ms,
    };
}

enum rc decisions_note(struct decisions *d, const struct request *rq, const struct ulid *check_id,
                       const char *ref, const struct judged *const *judged, size_t n,
                       struct err *err)
{
    struct decision decision = {.check_id = *check_id,
                                .at_ms = clock_wall_ms(),
                                .key_id = rq->caller.id,
                                .ref = ref,
                                .verdict = VERDICT_ALLOW,
                                .generation = judged[0]->lookup.generation};

    for (size_t i = 0; i < n; i++)
        decision.n_matches += judged[i]->lookup.n;
    if (decision.n_matches == 0)
        return RC_OK;
    if (!reserve(d, decision.n_matches))
        FAIL(err, RC_NOMEM, "decision");
    for (size_t i = 0; i < n; i++) {
        if (judged[i]->verdict > decision.verdict)
            decision.verdict = judged[i]->verdict;
        for (size_t k = 0; k < judged[i]->lookup.n; k++)
            d->match[d->n_matches++] = match_of(judged[i], k);
    }
    d->decision[d->n++] = decision;
    return RC_OK;
}

bool decisions_are_many(const struct decisions *d)
{
    return d->n + d->n_matches >= ROWS_MANY;
}

enum rc decisions_write(struct decisions *d, struct store *store, struct err *err)
{
    const struct decision_match *match = d->match;
    for (size_t i = 0; i < d->n; i++) {
        d->decision[i].matches = match;
        match += d->decision[i].n_matches;
    }
    TRY(store_decisions_add(store, d->decision, d->n, err));
    d->n = d->n_matches = 0;
    return RC_OK;
}
