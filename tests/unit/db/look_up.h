/* What a block-list's index and digests find of one signal, and signals to look for. */
#ifndef TESTS_UNIT_DB_LOOK_UP_H
#define TESTS_UNIT_DB_LOOK_UP_H

#include <string.h>

#include "db/blocklist.h"

static inline struct signal pdq_signal(uint64_t word, int quality)
{
    struct signal s = {.type = SIGNAL_PDQ, .quality = quality, .ms = -1};
    const struct pdq_hash h = {{word, ~word, word * 3, 0x1234}};
    pdq_bytes(&h, s.value);
    return s;
}

static inline struct signal md5_signal(uint8_t byte)
{
    struct signal s = {.type = SIGNAL_MD5, .quality = -1, .ms = -1};
    memset(s.value, byte, 16);
    return s;
}

struct seen {
    size_t n;
    struct index_hit last;
};

static inline bool count_hit(void *ctx, const struct index_hit *hit)
{
    struct seen *seen = ctx;
    seen->n++;
    seen->last = *hit;
    return true;
}

static inline struct seen look_up(const struct blocklist *list, const struct signal *s)
{
    int16_t threshold[INDEX_BANKS_MAX] = {0};
    const struct index_rule rule = {.threshold = threshold, .banks = INDEX_BANKS_MAX};
    struct seen seen = {0};
    if (s->type == SIGNAL_PDQ) {
        struct pdq_hash h = pdq_from_bytes(s->value);
        index_search(blocklist_index(list), &h, 1, &rule, count_hit, &seen);
    } else {
        digests_find(blocklist_digests(list), DIGEST_MD5, s->value, &rule, count_hit, &seen);
    }
    return seen;
}

#endif
