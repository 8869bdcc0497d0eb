#include "db/tally.h"

#include <stdlib.h>
#include <string.h>

enum { COUNTED_MIN = 64 };

void tally_begin(struct tally *tally, struct tally_bank *banks, uint32_t n)
{
    *tally = (struct tally){.bank = banks, .banks = n};
    memset(tally->bucket, -1, sizeof(tally->bucket));
    for (uint32_t i = 0; i < n; i++) {
        if (!banks[i].asked)
            continue;
        tally->asked++;
        tally->strictest = policy_verdict(tally->strictest, banks[i].rule.action);
    }
}

void tally_end(struct tally *tally)
{
    free(tally->counted);
    tally->counted = NULL;
}

void tally_again(struct tally *tally)
{
    for (struct tally_bank *bank = tally->matched; bank != NULL; bank = bank->next)
        bank->matched = false;
    tally_end(tally);
    *tally = (struct tally){.bank = tally->bank,
                            .banks = tally->banks,
                            .asked = tally->asked,
                            .strictest = tally->strictest};
    memset(tally->bucket, -1, sizeof(tally->bucket));
}

static size_t mixed(uint64_t entry)
{
    uint64_t z = (entry ^ entry >> 30) * 0xBF58476D1CE4E5B9;
    return (size_t)(z ^ z >> 31);
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* How well one entry was met: below 0 when a is the better hit. */
static int hit_order(const struct match *a, const struct match *b)
{
    int by = order(a->distance, b->distance);
    by = by != 0 ? by : order((int64_t)a->orientation, (int64_t)b->orientation);
    by = by != 0 ? by : order((int64_t)a->look, (int64_t)b->look);
    by = by != 0 ? by : order((int64_t)a->type, (int64_t)b->type);
    by = by != 0 ? by : order(!a->clip, !b->clip);
    by = by != 0 ? by : order(a->ms, b->ms);
    return by != 0 ? by : order(a->entry_ms, b->entry_ms);
}

/* What a match is worth telling, least first: the bank's action, then the distance. */
static unsigned rank(const struct tally *tally, const struct match *match)
{
    unsigned leniency = ACTIONS - 1u - (unsigned)tally->bank[match->bank].rule.action;
    return leniency << 16 | match->distance;
}

static int match_order(const struct tally *tally, const struct match *a, const struct match *b)
{
    int by = order(rank(tally, a), rank(tally, b));
    by = by != 0 ? by : hit_order(a, b);
    by = by != 0 ? by : order(a->bank, b->bank);
    return by != 0 ? by : (a->entry > b->entry) - (a->entry < b->entry);
}

/* --- how many entries --- */

static void counted_put(uint64_t *slots, size_t size, uint64_t key)
{
    size_t i = mixed(key) & (size - 1);
    while (slots[i] != 0)
        i = (i + 1) & (size - 1);
    slots[i] = key;
}

static bool counted_grow(struct tally *tally)
{
    size_t size = tally->counted_size != 0 ? tally->counted_size * 2 : COUNTED_MIN;
    uint64_t *slots = calloc(size, sizeof(slots[0]));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < tally->counted_size; i++)
        if (tally->counted[i] != 0)
            counted_put(slots, size, tally->counted[i]);
    free(tally->counted);
    tally->counted = slots;
    tally->counted_size = size;
    return true;
}

static bool count_entry(struct tally *tally, uint64_t entry)
{
    if (tally->total == LOOKUP_TOTAL_MAX) {
        tally->beyond++;
        return true;
    }
    if (tally->total * 2 >= tally->counted_size && !counted_grow(tally))
        return false;
    uint64_t key = entry + 1;
    size_t mask = tally->counted_size - 1;
    for (size_t i = mixed(key) & mask; tally->counted[i] != key; i = (i + 1) & mask)
        if (tally->counted[i] == 0) {
            tally->counted[i] = key;
            tally->total++;
            break;
        }
    return true;
}

/* --- the best entries --- */

static int8_t *top_bucket(struct tally *tally, uint64_t entry)
{
    return &tally->bucket[mixed(entry) % TALLY_BUCKETS];
}

static struct match *top_find(struct tally *tally, uint64_t entry)
{
    for (int i = *top_bucket(tally, entry); i >= 0; i = tally->next[i])
        if (tally->top[i].entry == entry)
            return &tally->top[i];
    return NULL;
}

static void top_link(struct tally *tally, size_t place)
{
    int8_t *bucket = top_bucket(tally, tally->top[place].entry);
    tally->next[place] = *bucket;
    *bucket = (int8_t)place;
}

static void top_unlink(struct tally *tally, size_t place)
{
    int8_t *link = top_bucket(tally, tally->top[place].entry);
    while (*link != (int8_t)place)
        link = &tally->next[*link];
    *link = tally->next[place];
}

static void top_find_worst(struct tally *tally)
{
    tally->worst = 0;
    for (size_t i = 1; i < tally->n; i++)
        if (rank(tally, &tally->top[i]) > rank(tally, &tally->top[tally->worst]))
            tally->worst = i;
}

/*
 * An entry that was turned away or put out for a poor hit comes in when its better hit arrives:
 * the lowest rank that is kept only ever rises, so at the end the best are in, each with its best.
 * Equals of the lowest rank do not push each other out, so the places settle after few changes.
 */
static void top_offer(struct tally *tally, const struct match *match)
{
    bool full = tally->n == MATCHES_MAX;
    unsigned lowest = full ? rank(tally, &tally->top[tally->worst]) : UINT32_MAX;
    if (rank(tally, match) > lowest)
        return;

    struct match *same = top_find(tally, match->entry);
    if (same != NULL) {
        if (hit_order(match, same) >= 0)
            return;
        *same = *match;
    } else if (!full) {
        tally->top[tally->n] = *match;
        top_link(tally, tally->n++);
    } else if (rank(tally, match) < lowest) {
        top_unlink(tally, tally->worst);
        tally->top[tally->worst] = *match;
        top_link(tally, tally->worst);
    } else {
        return;
    }
    if (tally->n == MATCHES_MAX)
        top_find_worst(tally);
}

bool tally_add(struct tally *tally, const struct match *match)
{
    struct tally_bank *bank = &tally->bank[match->bank];
    if (!bank->matched) {
        bank->matched = true;
        bank->next = tally->matched;
        tally->matched = bank;
        bank->best = *match;
        tally->met += bank->asked;
        tally->verdict = policy_verdict(tally->verdict, bank->rule.action);
    } else if (hit_order(match, &bank->best) < 0) {
        bank->best = *match;
    }
    top_offer(tally, match);
    return count_entry(tally, match->entry);
}

/* --- the report --- */

/* Puts the match in its place; the last one falls out when there is no room. */
static void report_insert(const struct tally *tally, struct lookup *ret, const struct match *match)
{
    size_t i = ret->n;
    if (i == MATCHES_MAX) {
        if (match_order(tally, match, &ret->matches[--i]) >= 0)
            return;
    } else {
        ret->n++;
    }
    for (; i > 0 && match_order(tally, match, &ret->matches[i - 1]) < 0; i--)
        ret->matches[i] = ret->matches[i - 1];
    ret->matches[i] = *match;
}

static bool report_has(const struct lookup *ret, uint64_t entry)
{
    for (size_t i = 0; i < ret->n; i++)
        if (ret->matches[i].entry == entry)
            return true;
    return false;
}

static void top_sort(struct tally *tally)
{
    for (size_t i = 1; i < tally->n; i++) {
        struct match match = tally->top[i];
        size_t at = i;
        for (; at > 0 && match_order(tally, &match, &tally->top[at - 1]) < 0; at--)
            tally->top[at] = tally->top[at - 1];
        tally->top[at] = match;
    }
}

void tally_report(struct tally *tally, struct lookup *ret)
{
    ret->verdict = tally->verdict;
    ret->total = tally->total;
    ret->n = 0;
    for (const struct tally_bank *bank = tally->matched; bank != NULL; bank = bank->next)
        report_insert(tally, ret, &bank->best);
    top_sort(tally);
    for (size_t i = 0; i < tally->n && ret->n < MATCHES_MAX; i++)
        if (!report_has(ret, tally->top[i].entry))
            report_insert(tally, ret, &tally->top[i]);
    for (size_t i = 0; i < ret->n; i++)
        ret->rules[i] = tally->bank[ret->matches[i].bank].rule;
}
