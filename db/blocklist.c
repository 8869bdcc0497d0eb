#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/blocklist_internal.h"

/* One run over the store's changes. */
struct follower {
    struct blocklist *list;
    enum rc rc;
    struct err err;
    uint32_t bank_needed; /* one more than the highest that an entry named */
    bool keys_changed;
};

static uint64_t rule_word(const struct bank *bank)
{
    return (uint64_t)bank->action << 32 | (uint64_t)bank->match_run << 24 |
           (uint64_t)bank->query_match_percent << 16 | (uint64_t)bank->bank_match_percent << 8 |
           bank->threshold;
}

enum rc blocklist_learn_bank(struct blocklist *list, const struct bank *bank, struct err *err)
{
    if (bank->number >= INDEX_BANKS_MAX || (unsigned)bank->action >= ACTIONS ||
        bank->threshold > UINT8_MAX)
        FAIL(err, RC_STORE, "block-list: bank %s: number, action or threshold out of range",
             bank->name);
    if (bank->bank_match_percent < 1 || bank->bank_match_percent > 100 ||
        bank->query_match_percent > 100 || bank->match_run == 1 || bank->match_run > MATCH_RUN_MAX)
        FAIL(err, RC_STORE, "block-list: bank %s: a rule for clips out of range", bank->name);
    struct list_bank *known = &list->bank[bank->number];
    if (!known->known)
        memcpy(known->name, bank->name, sizeof(known->name));
    known->known = true;
    atomic_store(&known->rule, rule_word(bank));

    /* A bank that changed again comes later than one that was made after it. */
    unsigned banks = atomic_load_explicit(&list->banks, memory_order_relaxed);
    while (banks < INDEX_BANKS_MAX && list->bank[banks].known)
        banks++;
    atomic_store_explicit(&list->banks, banks, memory_order_release);
    return RC_OK;
}

static void scratch_free(struct scratch *scratch)
{
    free(scratch->items);
    free(scratch->frames);
    free(scratch->digests);
}

static enum rc scratch_reserve(struct scratch *scratch, size_t n, struct err *err)
{
    scratch->n_items = scratch->n_frames = scratch->n_digests = 0;
    if (n <= scratch->size)
        return RC_OK;
    scratch_free(scratch);
    scratch->items = calloc(n, sizeof(scratch->items[0]));
    scratch->frames = calloc(n, sizeof(scratch->frames[0]));
    scratch->digests = calloc(n, sizeof(scratch->digests[0]));
    bool all = scratch->items != NULL && scratch->frames != NULL && scratch->digests != NULL;
    scratch->size = all ? n : 0;
    if (scratch->size == 0)
        FAIL(err, RC_NOMEM, "block-list: no memory for an entry of %zu signals", n);
    return RC_OK;
}

static void scratch_item(struct scratch *scratch, const struct change *change,
                         const struct pdq_hash *hash, int32_t place)
{
    scratch->items[scratch->n_items++] = (struct index_item){.hash = *hash,
                                                             .entry = change->entry_number,
                                                             .generation = change->generation,
                                                             .bank = change->entry_bank,
                                                             .place = place};
}

static enum rc scratch_pdq(struct scratch *scratch, const struct change *change,
                           const struct signal *signal, struct err *err)
{
    /* Who listed it should have refused it; a flat picture's hash would match at random. */
    if (signal->quality >= 0 && signal->quality < PDQ_MIN_QUALITY)
        return RC_OK;
    if (signal->ms < -1 || signal->ms > INT32_MAX)
        FAIL(err, RC_STORE, "block-list: entry number %llu: time of a signal out of range",
             (unsigned long long)change->entry_number);
    const struct pdq_hash hash = pdq_from_bytes(signal->value);
    if (signal->ms < 0)
        scratch_item(scratch, change, &hash, -1);
    else
        scratch->frames[scratch->n_frames++] =
            (struct clip_frame){.hash = hash, .ms = (int32_t)signal->ms};
    return RC_OK;
}

static enum rc scratch_signal(struct scratch *scratch, const struct change *change,
                              const struct signal *signal, struct err *err)
{
    if (signal->type == SIGNAL_PDQ)
        return scratch_pdq(scratch, change, signal, err);
    enum digest_type type;
    if (!signal_digest_type(signal->type, &type))
        FAIL(err, RC_STORE, "block-list: entry number %llu: a signal of unknown type",
             (unsigned long long)change->entry_number);
    struct digest_item *item = &scratch->digests[scratch->n_digests++];
    *item = (struct digest_item){.type = type,
                                 .entry = change->entry_number,
                                 .generation = change->generation,
                                 .bank = change->entry_bank};
    memcpy(item->value, signal->value, digest_size(type));
    return RC_OK;
}

static void set_listed(struct blocklist *list, uint64_t number, bool listed)
{
    entry_ids_set_listed(&list->ids, number, listed);
    atomic_store_explicit(&list->entries, list->ids.listed, memory_order_relaxed);
    atomic_fetch_add_explicit(&list->changes, 1, memory_order_relaxed);
}

/* All of the entry's signals or none of them. */
static enum rc list_entry(struct blocklist *list, const struct change *change, struct err *err)
{
    struct scratch *scratch = &list->scratch;
    TRY(entry_ids_learn(&list->ids, change->entry_number, change->entry_id, err));
    TRY(scratch_reserve(scratch, change->n_signals, err));
    for (size_t i = 0; i < change->n_signals; i++)
        TRY(scratch_signal(scratch, change, &change->signals[i], err));

    /* Before its hashes can be found. */
    TRY(clips_learn(&list->clips, change->entry_number, scratch->frames, scratch->n_frames, err));
    for (size_t i = 0; i < scratch->n_frames; i++)
        scratch_item(scratch, change, &scratch->frames[i].hash, (int32_t)i);
    TRY(index_add(list->index, scratch->items, scratch->n_items, err));
    enum rc rc = digests_add(list->digests, scratch->digests, scratch->n_digests, err);
    if (rc != RC_OK) {
        index_remove(list->index, change->entry_number);
        return rc;
    }
    set_listed(list, change->entry_number, true);
    return RC_OK;
}

static void unlist_entry(struct blocklist *list, uint64_t number)
{
    index_remove(list->index, number);
    digests_remove(list->digests, number);
    set_listed(list, number, false);
}

static void unlist_all(struct blocklist *list)
{
    for (uint64_t number = 0; entry_ids_next_listed(&list->ids, &number); number++)
        unlist_entry(list, number);
}

/*
 * The signals of an entry never change once it exists, so an active one that is in memory needs
 * nothing, whatever else of it changed: concurrent checks can neither miss it nor see it twice.
 */
static enum rc apply_entry(struct follower *f, const struct change *change, struct err *err)
{
    struct blocklist *list = f->list;
    if (change->entry_bank >= INDEX_BANKS_MAX)
        FAIL(err, RC_STORE, "block-list: entry number %llu: bank out of range",
             (unsigned long long)change->entry_number);
    bool listed = entry_ids_listed(&list->ids, change->entry_number);
    if (change->entry_active && f->bank_needed <= change->entry_bank)
        f->bank_needed = change->entry_bank + 1;
    if (change->entry_active == listed)
        return RC_OK;
    if (change->entry_active)
        return list_entry(list, change, err);
    unlist_entry(list, change->entry_number);
    return RC_OK;
}

static bool apply(void *ctx, const struct change *change)
{
    struct follower *f = ctx;
    switch (change->kind) {
    case CHANGE_BANK:
        f->rc = blocklist_learn_bank(f->list, change->bank, &f->err);
        break;
    case CHANGE_ENTRY:
        f->rc = apply_entry(f, change, &f->err);
        break;
    case CHANGE_KEY:
        f->keys_changed = true;
        break;
    }
    return f->rc == RC_OK;
}

static enum rc apply_changes(struct follower *f, uint64_t since, uint64_t *ret_generation,
                             struct err *err)
{
    enum rc rc = store_changes(f->list->store, since, apply, f, ret_generation, err);
    if (f->rc != RC_OK) {
        if (err != NULL)
            *err = f->err;
        return f->rc;
    }
    TRY(rc);
    unsigned banks = atomic_load_explicit(&f->list->banks, memory_order_relaxed);
    if (f->bank_needed > banks)
        FAIL(err, RC_STORE, "block-list: an entry is in bank number %u, but there are %u banks",
             f->bank_needed - 1, banks);
    return RC_OK;
}

/* Only from 0 on the store tells active entries alone: what was listed by halves must not stay. */
enum rc blocklist_catch_up(struct blocklist *list, uint64_t since, bool *ret_keys_changed,
                           struct err *err)
{
    struct follower f = {.list = list};
    uint64_t generation = since;
    enum rc rc = apply_changes(&f, since, &generation, err);
    if (rc != RC_OK) {
        if (since == 0)
            unlist_all(list);
        return rc;
    }
    if (generation > since)
        atomic_store_explicit(&list->generation, generation, memory_order_release);
    if (ret_keys_changed != NULL)
        *ret_keys_changed = f.keys_changed;
    return RC_OK;
}

enum rc blocklist_new(struct store *store, struct blocklist **ret, struct err *err)
{
    SCOPED(mem_free) struct blocklist *list = calloc(1, sizeof(*list));
    if (list == NULL)
        FAIL(err, RC_NOMEM, "block-list: no memory");
    errno = pthread_mutex_init(&list->writing, NULL);
    if (errno != 0)
        FAIL_SYS(err, "block-list: mutex");
    list->store = store;
    *ret = TAKE(list);
    return RC_OK;
}

enum rc blocklist_load(struct store *store, struct blocklist **ret, struct err *err)
{
    return blocklist_load_store(store, false, ret, err);
}

enum rc blocklist_load_store(struct store *store, bool small_index, struct blocklist **ret,
                             struct err *err)
{
    SCOPED(blocklist_free) struct blocklist *list = NULL;
    TRY(blocklist_new(store, &list, err));
    TRY(index_new(&list->index, err));
    TRY(digests_new(&list->digests, err));
    index_keep_small(list->index, small_index);
    index_bulk(list->index, true);
    enum rc rc = blocklist_catch_up(list, 0, NULL, err);
    index_bulk(list->index, false);
    TRY(rc);
    /* Until then it is a scan, and exact: but whoever waits for this list wants it quick. */
    index_settle(list->index);
    TRY(blocklist_healthy(list, err));
    *ret = TAKE(list);
    return RC_OK;
}

void blocklist_free(struct blocklist *list)
{
    if (list == NULL)
        return;
    index_free(list->index);
    digests_free(list->digests);
    entry_ids_clear(&list->ids);
    clips_clear(&list->clips);
    scratch_free(&list->scratch);
    pthread_mutex_destroy(&list->writing);
    free(list);
}

enum rc blocklist_follow(struct blocklist *list, bool *ret_keys_changed, struct err *err)
{
    /* Ours is read before the store's: another thread may take the list further meanwhile. */
    uint64_t own = blocklist_generation(list);
    uint64_t stored = 0;
    TRY(store_generation(list->store, &stored, err));
    if (stored < own)
        FAIL(err, RC_STORE,
             "block-list: the store went back from generation %llu to %llu: start again",
             (unsigned long long)own, (unsigned long long)stored);
    if (stored == own) {
        if (ret_keys_changed != NULL)
            *ret_keys_changed = false;
        return RC_OK;
    }
    pthread_mutex_lock(&list->writing);
    enum rc rc = blocklist_catch_up(list, blocklist_generation(list), ret_keys_changed, err);
    pthread_mutex_unlock(&list->writing);
    return rc;
}

uint64_t blocklist_generation(const struct blocklist *list)
{
    return atomic_load_explicit(&list->generation, memory_order_acquire);
}

enum rc blocklist_healthy(const struct blocklist *list, struct err *err)
{
    if (!index_self_test(list->index))
        FAIL(err, RC_BUSY, "block-list: the index does not find its canary");
    return RC_OK;
}

uint32_t blocklist_banks(const struct blocklist *list)
{
    return atomic_load_explicit(&list->banks, memory_order_acquire);
}

void blocklist_bank(const struct blocklist *list, uint32_t number, struct bank_rule *ret)
{
    const struct list_bank *bank = &list->bank[number];
    uint64_t rule = atomic_load(&bank->rule);
    *ret = (struct bank_rule){.name = bank->name,
                              .action = (enum action)(rule >> 32),
                              .threshold = (uint8_t)rule,
                              .bank_match_percent = (uint8_t)(rule >> 8),
                              .query_match_percent = (uint8_t)(rule >> 16),
                              .match_run = (uint8_t)(rule >> 24)};
}

int64_t blocklist_bank_number(const struct blocklist *list, const char *name)
{
    uint32_t banks = blocklist_banks(list);
    for (uint32_t i = 0; i < banks; i++)
        if (strcmp(list->bank[i].name, name) == 0)
            return i;
    return -1;
}

struct ulid blocklist_entry_id(const struct blocklist *list, uint64_t number)
{
    return entry_ids_get(&list->ids, number);
}

const struct clip *blocklist_clip(const struct blocklist *list, uint64_t number)
{
    return clips_get(&list->clips, number);
}

const struct index *blocklist_index(const struct blocklist *list)
{
    return list->index;
}

const struct digests *blocklist_digests(const struct blocklist *list)
{
    return list->digests;
}
