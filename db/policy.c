#include <stdlib.h>

#include "db/lookup_run.h"

enum verdict policy_verdict(enum verdict so_far, enum action action)
{
    static const enum verdict asks[ACTIONS] = {[ACTION_OBSERVE] = VERDICT_ALLOW,
                                               [ACTION_REVIEW] = VERDICT_REVIEW,
                                               [ACTION_BLOCK] = VERDICT_BLOCK};
    return asks[action] > so_far ? asks[action] : so_far;
}

enum { BATCH_MIN = 64 };

/* --- hits --- */

static bool take_picture(struct lookup_run *run, const struct asked *asked,
                         const struct index_hit *hit)
{
    const struct match match = {.bank = hit->bank,
                                .entry = hit->entry,
                                .type = asked->type,
                                .orientation = asked->orientation,
                                .look = asked->look,
                                .distance = hit->distance,
                                .ms = asked->ms,
                                .entry_ms = -1};
    if (!tally_add(&run->tally, &match))
        run->failed = RC_NOMEM;
    return run->failed == RC_OK && !tally_has_enough(&run->tally);
}

static bool take_clip(struct lookup_run *run, const struct asked *asked,
                      const struct index_hit *hit)
{
    const struct clip *clip = blocklist_clip(run->list, hit->entry);
    /* Never of a list that the store made: a snapshot's items and tables may not fit together. */
    if (clip == NULL || (uint32_t)hit->place >= clip->n) {
        run->failed = RC_STORE;
        return false;
    }
    const struct clip_hit clip_hit = {.place = (uint32_t)hit->place,
                                      .moment = asked->moment,
                                      .picture = asked->picture,
                                      .ms = asked->ms,
                                      .distance = hit->distance,
                                      .orientation = asked->orientation,
                                      .look = asked->look};
    if (!clip_hits_add(&run->clips, hit->entry, hit->bank, clip, &clip_hit))
        run->failed = run->clips.memory.failed;
    return run->failed == RC_OK;
}

bool lookup_run_hit(void *ctx, const struct index_hit *hit)
{
    struct lookup_run *run = ctx;
    const struct asked *asked = &run->asked[hit->query];
    return hit->place < 0 ? take_picture(run, asked, hit) : take_clip(run, asked, hit);
}

static void ask_batch(struct lookup_run *run)
{
    if (run->n > 0 && run->failed == RC_OK)
        index_search(blocklist_index(run->list), run->query, run->n, &run->rule, lookup_run_hit,
                     run);
    run->n = 0;
    if (run->failed == RC_OK && !clip_hits_settle(&run->clips))
        run->failed = run->clips.memory.failed;
}

/* --- signals --- */

static bool reserve_batch(struct lookup_run *run)
{
    if (run->n < run->room)
        return true;
    uint32_t room = run->room != 0 ? run->room * 2 : BATCH_MIN;
    struct pdq_hash *query = realloc(run->query, room * sizeof(run->query[0]));
    if (query == NULL)
        return false;
    run->query = query;
    struct asked *asked = realloc(run->asked, room * sizeof(run->asked[0]));
    if (asked == NULL)
        return false;
    run->asked = asked;
    run->room = room;
    return true;
}

static void ask_pdq(struct lookup_run *run, const struct lookup_signal *signal)
{
    struct asked asked = {.ms = signal->ms,
                          .type = SIGNAL_PDQ,
                          .orientation = signal->orientation,
                          .look = signal->look};
    if (!upload_frames_next(&run->clips.frames, signal, &asked.moment, &asked.picture)) {
        run->failed = run->clips.memory.failed;
        return;
    }
    if (!reserve_batch(run)) {
        run->failed = RC_NOMEM;
        return;
    }
    run->query[run->n] = signal->pdq;
    run->asked[run->n++] = asked;
    if (run->n == LOOKUP_BATCH)
        ask_batch(run);
}

/* A digest's hits are told one by one, past the batch. */
struct digest_asked {
    struct lookup_run *run;
    struct asked asked;
};

static bool take_digest(void *ctx, const struct index_hit *hit)
{
    struct digest_asked *d = ctx;
    return take_picture(d->run, &d->asked, hit);
}

static void ask_digest(struct lookup_run *run, const struct lookup_signal *signal)
{
    enum digest_type type;
    if (!signal_digest_type(signal->type, &type))
        return;
    struct digest_asked asked = {.run = run,
                                 .asked = {.ms = signal->ms,
                                           .type = signal->type,
                                           .orientation = signal->orientation,
                                           .look = signal->look}};
    digests_find(blocklist_digests(run->list), type, signal->digest, &run->rule, take_digest,
                 &asked);
}

/* --- the run --- */

/* Reads each bank's rule once, so that one lookup is judged by one set of rules. */
static void read_banks(struct lookup_run *run, const struct bank_set *only)
{
    for (uint32_t i = 0; i < run->rule.banks; i++) {
        struct bank_rule *rule = &run->banks[i].rule;
        blocklist_bank(run->list, i, rule);
        bool asked = only == NULL || bank_set_has(only, i);
        run->banks[i].asked = asked;
        run->threshold[i] = asked ? (int16_t)rule->threshold : -1;
        run->percents = run->percents || (asked && rule->query_match_percent > 0);
    }
}

enum rc lookup_open(const struct blocklist *list, const struct bank_set *only, uint64_t since,
                    struct lookup_run **ret, struct err *err)
{
    SCOPED(lookup_free) struct lookup_run *run = calloc(1, sizeof(*run));
    if (run == NULL)
        FAIL(err, RC_NOMEM, "lookup: no memory");
    run->list = list;
    /* First of all: what is applied while we search may count or not, what was before must. */
    run->generation = blocklist_generation(list);
    uint32_t n_banks = blocklist_banks(list);
    run->banks = calloc(n_banks + 1, sizeof(run->banks[0]));
    run->threshold = calloc(n_banks + 1, sizeof(run->threshold[0]));
    if (run->banks == NULL || run->threshold == NULL)
        FAIL(err, RC_NOMEM, "lookup: no memory for %u banks", n_banks);
    run->rule = (struct index_rule){.threshold = run->threshold, .banks = n_banks, .since = since};
    read_banks(run, only);
    tally_begin(&run->tally, run->banks, n_banks);
    clip_hits_begin(&run->clips, &run->tally, run->percents);
    *ret = TAKE(run);
    return RC_OK;
}

void lookup_run_again(struct lookup_run *run)
{
    clip_hits_end(&run->clips);
    tally_again(&run->tally);
    clip_hits_begin(&run->clips, &run->tally, run->percents);
    run->failed = RC_OK;
    run->n = 0;
}

void lookup_free(struct lookup_run *run)
{
    if (run == NULL)
        return;
    clip_hits_end(&run->clips);
    tally_end(&run->tally);
    free(run->banks);
    free(run->threshold);
    free(run->query);
    free(run->asked);
    free(run);
}

static enum rc outcome(const struct lookup_run *run, struct err *err)
{
    if (run->failed == RC_LIMIT)
        FAIL(err, RC_LIMIT,
             "lookup: so many listed clips are met in part that %d MiB do not hold the notes",
             CLIP_MEMORY_MAX >> 20);
    if (run->failed == RC_STORE)
        FAIL(err, RC_STORE, "lookup: the list holds a signal of a clip without its clip");
    if (run->failed != RC_OK)
        FAIL(err, run->failed, "lookup: no memory to note what was found");
    return RC_OK;
}

enum rc lookup_ask(struct lookup_run *run, const struct lookup_signal *signals, size_t n,
                   struct err *err)
{
    for (size_t i = 0; i < n && run->failed == RC_OK; i++) {
        if (signals[i].type == SIGNAL_PDQ)
            ask_pdq(run, &signals[i]);
        else
            ask_digest(run, &signals[i]);
    }
    return outcome(run, err);
}

enum rc lookup_flush(struct lookup_run *run, struct err *err)
{
    ask_batch(run);
    return outcome(run, err);
}

enum verdict lookup_verdict_so_far(const struct lookup_run *run)
{
    enum verdict pictures = run->tally.verdict, clips = run->clips.verdict;
    return pictures > clips ? pictures : clips;
}

enum rc lookup_report(struct lookup_run *run, struct lookup *ret, struct err *err)
{
    ask_batch(run);
    if (run->failed == RC_OK && !clip_hits_tell(&run->clips))
        run->failed = run->clips.memory.failed;
    TRY(outcome(run, err));
    ret->generation = run->generation;
    tally_report(&run->tally, ret);
    return RC_OK;
}

enum rc lookup_once(const struct blocklist *list, const struct lookup_signal *signals, size_t n,
                    const struct bank_set *only, uint64_t since, struct lookup *ret,
                    struct err *err)
{
    SCOPED(lookup_free) struct lookup_run *run = NULL;
    TRY(lookup_open(list, only, since, &run, err));
    TRY(lookup_ask(run, signals, n, err));
    return lookup_report(run, ret, err);
}
