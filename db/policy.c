#include "db/policy.h"

#include <stdlib.h>
#include <string.h>

#include "db/tally.h"

enum verdict policy_verdict(enum verdict so_far, enum action action)
{
    static const enum verdict asks[ACTIONS] = {[ACTION_OBSERVE] = VERDICT_ALLOW,
                                               [ACTION_REVIEW] = VERDICT_REVIEW,
                                               [ACTION_BLOCK] = VERDICT_BLOCK};
    return asks[action] > so_far ? asks[action] : so_far;
}

/* One lookup under way. */
struct run {
    const struct blocklist *list;
    struct index_rule rule;
    struct tally tally;
    bool no_memory;

    /* The batch: hashes to ask for, and the signal that each of them is. */
    struct pdq_hash *query;
    const struct lookup_signal **asked;
    uint32_t n, size;
};

static bool take_hit(void *ctx, const struct index_hit *hit)
{
    struct run *run = ctx;
    const struct lookup_signal *signal = run->asked[hit->query];
    const struct match match = {.bank = hit->bank,
                                .entry = hit->entry,
                                .type = signal->type,
                                .orientation = signal->orientation,
                                .look = signal->look,
                                .distance = hit->distance,
                                .ms = signal->ms,
                                .entry_ms = hit->ms};
    run->no_memory = !tally_add(&run->tally, &match);
    return !run->no_memory;
}

static void ask_index(struct run *run)
{
    if (run->n > 0 && !run->no_memory)
        index_search(blocklist_index(run->list), run->query, run->n, &run->rule, take_hit, run);
    run->n = 0;
}

static void ask_pdq(struct run *run, const struct lookup_signal *signals, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (signals[i].type != SIGNAL_PDQ)
            continue;
        run->query[run->n] = signals[i].pdq;
        run->asked[run->n++] = &signals[i];
        if (run->n == run->size)
            ask_index(run);
    }
    ask_index(run);
}

static void ask_digests(struct run *run, const struct lookup_signal *signals, size_t n)
{
    for (size_t i = 0; i < n && !run->no_memory; i++) {
        enum digest_type type;
        if (!signal_digest_type(signals[i].type, &type))
            continue;
        run->asked[0] = &signals[i]; /* a hit of a digest is of query 0 */
        digests_find(blocklist_digests(run->list), type, signals[i].digest, &run->rule, take_hit,
                     run);
    }
}

/* Reads each bank's rule once, so that one lookup is judged by one set of rules. */
static void read_banks(const struct blocklist *list, const struct bank_set *only,
                       struct tally_bank *banks, int16_t *threshold, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        blocklist_bank(list, i, &banks[i].rule);
        bool asked = only == NULL || bank_set_has(only, i);
        threshold[i] = asked ? (int16_t)banks[i].rule.threshold : -1;
    }
}

enum rc lookup_run(const struct blocklist *list, const struct lookup_signal *signals, size_t n,
                   const struct bank_set *only, uint64_t since, struct lookup *ret, struct err *err)
{
    /* First of all: what is applied while we search may count or not, what was before must. */
    uint64_t generation = blocklist_generation(list);
    uint32_t n_banks = blocklist_banks(list);
    size_t batch = n < INDEX_QUERIES_MAX ? n : INDEX_QUERIES_MAX;

    SCOPED(mem_free) struct tally_bank *banks = calloc(n_banks + 1, sizeof(*banks));
    SCOPED(mem_free) int16_t *threshold = calloc(n_banks + 1, sizeof(*threshold));
    SCOPED(mem_free) struct pdq_hash *query = calloc(batch + 1, sizeof(*query));
    SCOPED(mem_free) const struct lookup_signal **asked = calloc(batch + 1, sizeof(*asked));
    if (banks == NULL || threshold == NULL || query == NULL || asked == NULL)
        FAIL(err, RC_NOMEM, "lookup: no memory for %zu signals and %u banks", n, n_banks);
    read_banks(list, only, banks, threshold, n_banks);

    struct run run = {.list = list,
                      .rule = {.threshold = threshold, .banks = n_banks, .since = since},
                      .query = query,
                      .asked = asked,
                      .size = (uint32_t)batch};
    SCOPED(tally_end) struct tally *tally = &run.tally;
    tally_begin(tally, banks, n_banks);
    ask_pdq(&run, signals, n);
    ask_digests(&run, signals, n);
    if (run.no_memory)
        FAIL(err, RC_NOMEM, "lookup: no memory to count the entries that matched");
    ret->generation = generation;
    tally_report(tally, ret);
    return RC_OK;
}
