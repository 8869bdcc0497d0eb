/* What the files of the block-list share.  Internal to db/blocklist*.c. */
#ifndef DB_BLOCKLIST_INTERNAL_H
#define DB_BLOCKLIST_INTERNAL_H

#include <pthread.h>

#include "db/blocklist.h"
#include "db/clips.h"
#include "db/entry_ids.h"

/* A bank's rules change together, so they share one word: see rule_word(). */
struct list_bank {
    char name[BANK_NAME_MAX + 1]; /* written once, before the bank is counted */
    bool known;                   /* writer */
    _Atomic uint64_t rule;
};

/* The signals of the entry that is being listed. */
struct scratch {
    struct index_item *items;
    struct clip_frame *frames;
    struct digest_item *digests;
    size_t size; /* of each */
    size_t n_items, n_frames, n_digests;
};

struct blocklist {
    struct store *store;
    struct index *index;
    struct digests *digests;
    struct entry_ids ids;
    struct clips clips;
    struct list_bank bank[INDEX_BANKS_MAX];
    atomic_uint banks; /* all numbers below are known */
    _Atomic uint64_t generation;

    /* Since the load: entries that were listed or unlisted, and how many of them the last snapshot
     * holds. */
    _Atomic uint64_t changes, saved;
    _Atomic uint64_t entries; /* listed */

    pthread_mutex_t writing; /* over all that is the writer's */
    struct scratch scratch;
};

/* Without index and digests. */
MUST_CHECK enum rc blocklist_new(struct store *store, struct blocklist **ret, struct err *err);

/* As blocklist_load(). */
MUST_CHECK enum rc blocklist_load_store(struct store *store, bool small_index,
                                        struct blocklist **ret, struct err *err);

MUST_CHECK enum rc blocklist_learn_bank(struct blocklist *list, const struct bank *bank,
                                        struct err *err);

/*
 * Reads what changed since `since` into memory.  The generation moves last: after a failure in
 * the middle it stays, and the next run applies the same changes again, which is harmless.
 * ret_keys_changed may be NULL.
 */
MUST_CHECK enum rc blocklist_catch_up(struct blocklist *list, uint64_t since,
                                      bool *ret_keys_changed, struct err *err);

#endif
