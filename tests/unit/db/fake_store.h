/*
 * A store in memory that only knows changes, and can fail in the middle of telling them: defines
 * what db/blocklist.c asks of a store, so the real one is not linked into the test.
 * Include it in one file of a test program.
 */
#ifndef TESTS_UNIT_DB_FAKE_STORE_H
#define TESTS_UNIT_DB_FAKE_STORE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/blocklist.h"

#ifndef FAKE_SIGNALS_MAX
#define FAKE_SIGNALS_MAX 8
#endif
enum { FAKE_BANKS = 128, FAKE_ENTRIES = 4096, FAKE_SIGNALS = FAKE_SIGNALS_MAX };

struct fake_entry {
    uint32_t bank;
    bool active;
    uint64_t generation;
    size_t n;
    struct signal signals[FAKE_SIGNALS];
};

struct store {
    pthread_mutex_t lock;
    uint64_t generation, key_generation;
    uint32_t banks;
    uint64_t entries;
    struct bank bank[FAKE_BANKS];
    struct fake_entry entry[FAKE_ENTRIES];
    unsigned fail_after; /* changes told before RC_STORE; 0: never */
};

static inline struct store *fake_store(void)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        abort();
    pthread_mutex_init(&store->lock, NULL);
    return store;
}

static inline void fake_free(struct store *store)
{
    pthread_mutex_destroy(&store->lock);
    free(store);
}
SCOPED_DEFINE(fake_free, struct store *)

static inline uint32_t fake_bank(struct store *store, enum action action, unsigned threshold)
{
    pthread_mutex_lock(&store->lock);
    uint32_t number = store->banks++;
    struct bank *bank = &store->bank[number];
    *bank = (struct bank){.number = number,
                          .action = action,
                          .threshold = threshold,
                          .bank_match_percent = BANK_MATCH_PERCENT,
                          .query_match_percent = QUERY_MATCH_PERCENT,
                          .match_run = MATCH_RUN,
                          .generation = ++store->generation};
    snprintf(bank->name, sizeof(bank->name), "BANK_%u", number);
    pthread_mutex_unlock(&store->lock);
    return number;
}

/* The rules for clips stay in step with the threshold, so that a torn read shows. */
static inline void fake_bank_set(struct store *store, uint32_t number, enum action action,
                                 unsigned threshold)
{
    pthread_mutex_lock(&store->lock);
    store->bank[number].bank_match_percent = threshold + 1;
    store->bank[number].query_match_percent = threshold;
    store->bank[number].match_run = threshold + 2;
    store->bank[number].action = action;
    store->bank[number].threshold = threshold;
    store->bank[number].generation = ++store->generation;
    pthread_mutex_unlock(&store->lock);
}

static inline uint64_t fake_entry(struct store *store, uint32_t bank, const struct signal *signals,
                                  size_t n)
{
    pthread_mutex_lock(&store->lock);
    uint64_t number = store->entries++;
    struct fake_entry *entry = &store->entry[number];
    *entry = (struct fake_entry){
        .bank = bank, .active = true, .generation = ++store->generation, .n = n};
    for (size_t i = 0; i < n; i++)
        entry->signals[i] = signals[i];
    pthread_mutex_unlock(&store->lock);
    return number;
}

/* Also with the state that it has already: then something else of the entry changed. */
static inline void fake_entry_set(struct store *store, uint64_t number, bool active)
{
    pthread_mutex_lock(&store->lock);
    store->entry[number].active = active;
    store->entry[number].generation = ++store->generation;
    pthread_mutex_unlock(&store->lock);
}

static inline void fake_key_change(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->key_generation = ++store->generation;
    pthread_mutex_unlock(&store->lock);
}

static inline struct ulid fake_entry_id(uint64_t number)
{
    struct ulid id = {{0x42}};
    for (int i = 0; i < 8; i++)
        id.b[15 - i] = (uint8_t)(number >> (8 * i));
    return id;
}

/* The change that has this generation, if it is still the last one of its thing. */
static inline bool fake_change_at(struct store *store, uint64_t generation, struct change *change,
                                  struct ulid *id)
{
    *change = (struct change){.generation = generation};
    for (uint32_t i = 0; i < store->banks; i++)
        if (store->bank[i].generation == generation) {
            change->kind = CHANGE_BANK;
            change->bank = &store->bank[i];
            return true;
        }
    for (uint64_t i = 0; i < store->entries; i++)
        if (store->entry[i].generation == generation) {
            const struct fake_entry *entry = &store->entry[i];
            *id = fake_entry_id(i);
            change->kind = CHANGE_ENTRY;
            change->entry_id = id;
            change->entry_number = i;
            change->entry_bank = entry->bank;
            change->entry_active = entry->active;
            change->signals = entry->active ? entry->signals : NULL;
            change->n_signals = entry->active ? entry->n : 0;
            return true;
        }
    change->kind = CHANGE_KEY;
    return store->key_generation == generation;
}

enum rc store_generation(struct store *store, uint64_t *ret, struct err *err)
{
    (void)err;
    pthread_mutex_lock(&store->lock);
    *ret = store->generation;
    pthread_mutex_unlock(&store->lock);
    return RC_OK;
}

enum rc store_bank_list(struct store *store, store_bank_visit *visit, void *ctx, struct err *err)
{
    (void)err;
    pthread_mutex_lock(&store->lock);
    for (uint32_t i = 0; i < store->banks; i++) {
        struct bank bank = store->bank[i];
        for (uint64_t k = 0; k < store->entries; k++)
            bank.entries += store->entry[k].active && store->entry[k].bank == i;
        if (!visit(ctx, &bank))
            break;
    }
    pthread_mutex_unlock(&store->lock);
    return RC_OK;
}

/* It has no audit: its address is its identity. */
enum rc store_mark(struct store *store, struct store_mark *ret, struct err *err)
{
    *ret = (struct store_mark){.audit_seq = 1};
    memcpy(ret->audit_chain, &store, sizeof(store));
    return store_generation(store, &ret->generation, err);
}

enum rc store_mark_check(struct store *store, const struct store_mark *mark, struct err *err)
{
    struct store_mark now;
    TRY(store_mark(store, &now, err));
    if (now.generation < mark->generation ||
        memcmp(now.audit_chain, mark->audit_chain, sizeof(now.audit_chain)) != 0)
        FAIL(err, RC_CONFLICT, "fake store: not of this one");
    return RC_OK;
}

enum rc store_changes(struct store *store, uint64_t since, store_change_visit *visit, void *ctx,
                      uint64_t *ret_generation, struct err *err)
{
    pthread_mutex_lock(&store->lock);
    unsigned told = 0;
    bool failed = false, more = true;
    for (uint64_t g = since + 1; g <= store->generation && more && !failed; g++) {
        struct change change;
        struct ulid id;
        if (!fake_change_at(store, g, &change, &id))
            continue;
        if (since == 0 && change.kind == CHANGE_ENTRY && !change.entry_active)
            continue; /* the whole list is active entries only */
        failed = store->fail_after != 0 && ++told > store->fail_after;
        if (!failed)
            more = visit(ctx, &change);
    }
    uint64_t generation = store->generation;
    pthread_mutex_unlock(&store->lock);
    if (failed)
        FAIL(err, RC_STORE, "fake store: told to fail");
    *ret_generation = generation;
    return RC_OK;
}

#endif
