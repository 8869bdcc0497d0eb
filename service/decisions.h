/*
 * The decisions of one request, gathered so that they reach the store in few transactions.
 *
 * What matched must be durable before it is answered: note, then write, then answer.
 */
#ifndef SERVICE_DECISIONS_H
#define SERVICE_DECISIONS_H

#include "service/request.h"
#include "service/verdict_json.h"

/* Zeroed it is empty. */
struct decisions {
    struct decision *decision; /* each one's matches are set when they are written */
    size_t n, room;
    struct decision_match *match; /* of all, one after the other */
    size_t n_matches, matches_room;
};
void decisions_clear_scoped(struct decisions *decisions);

/* Notes the matches of some subjects as one decision; nothing when nothing matched.  ref is
 * borrowed until it is written. */
MUST_CHECK enum rc decisions_note(struct decisions *decisions, const struct request *rq,
                                  const struct ulid *check_id, const char *ref,
                                  const struct judged *const *judged, size_t n, struct err *err);

/* Whether so many are noted that they should be written now. */
bool decisions_are_many(const struct decisions *decisions);

/* Writes what is noted in one transaction; it is durable when this returns RC_OK. */
MUST_CHECK enum rc decisions_write(struct decisions *decisions, struct store *store,
                                   struct err *err);

#endif
