/*
 * The block-list to and from its snapshot: entries, clips, digests, index, in this order.  Banks
 * are few and change without a trace in the rest: they come from the store.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/blocklist_internal.h"
#include "db/snapshot.h"
#include "hashing/base/clock.h"
#include "hashing/base/text.h"

/* --- writing --- */

/* The list at one moment. */
struct frozen {
    uint64_t generation, changes;
    struct entry_ids_frozen ids;
    struct digests_frozen *digests;
    struct index_frozen *index;
};

static void frozen_end_scoped(struct frozen *frozen)
{
    entry_ids_frozen_clear(&frozen->ids);
    digests_frozen_free(frozen->digests);
    index_frozen_free(frozen->index);
}

/* Under the writer's lock. */
static enum rc freeze(struct blocklist *list, struct frozen *frozen, struct err *err)
{
    frozen->generation = blocklist_generation(list);
    frozen->changes = atomic_load_explicit(&list->changes, memory_order_relaxed);
    TRY(entry_ids_freeze(&list->ids, &frozen->ids, err));
    TRY(digests_freeze(list->digests, &frozen->digests, err));
    return index_freeze(list->index, &frozen->index, err);
}

/*
 * The mark is a later one than the list's generation, or the same: a store that has gone through it
 * has gone through the list's before.
 */
static enum rc make_head(struct blocklist *list, const struct frozen *frozen,
                         struct snapshot_head *ret, struct err *err)
{
    struct store_mark mark;
    if (frozen->generation == 0)
        FAIL(err, RC_NOTFOUND, "block-list: there is nothing in it yet");
    TRY(store_mark(list->store, &mark, err));
    if (mark.generation < frozen->generation)
        FAIL(err, RC_STORE, "block-list: the store went back to generation %llu",
             (unsigned long long)mark.generation);
    *ret = (struct snapshot_head){
        .generation = frozen->generation, .audit_seq = mark.audit_seq, .made_ms = clock_wall_ms()};
    memcpy(ret->audit_chain, mark.audit_chain, sizeof(ret->audit_chain));
    return RC_OK;
}

enum rc blocklist_save(struct blocklist *list, const char *path, const atomic_bool *cancel,
                       uint64_t *ret_generation, uint64_t *ret_bytes, struct err *err)
{
    SCOPED(frozen_end) struct frozen frozen = {.generation = 0};
    SCOPED(snapshot_out_free) struct snapshot_out *out = NULL;
    struct snapshot_head head;

    pthread_mutex_lock(&list->writing);
    enum rc rc = freeze(list, &frozen, err);
    pthread_mutex_unlock(&list->writing);
    TRY(rc);

    TRY(make_head(list, &frozen, &head, err));
    TRY(snapshot_create(path, &head, cancel, &out, err));
    TRY(entry_ids_frozen_write(&frozen.ids, out, err));
    TRY(clips_write(&list->clips, &frozen.ids, out, err));
    TRY(digests_frozen_write(frozen.digests, out, err));
    TRY(index_frozen_write(frozen.index, out, err));
    TRY(snapshot_commit(out, ret_bytes, err));
    atomic_store(&list->saved, frozen.changes);
    *ret_generation = frozen.generation;
    return RC_OK;
}

uint64_t blocklist_entries(const struct blocklist *list)
{
    return atomic_load_explicit(&list->entries, memory_order_relaxed);
}

uint64_t blocklist_unsaved(const struct blocklist *list)
{
    uint64_t saved = atomic_load(&list->saved);
    return atomic_load_explicit(&list->changes, memory_order_relaxed) - saved;
}

/* --- reading --- */

static enum rc read_file(struct blocklist *list, struct snapshot_in *in, struct err *err)
{
    TRY(entry_ids_restore(&list->ids, in, err));
    TRY(clips_restore(&list->clips, in, err));
    TRY(digests_restore(in, &list->digests, err));
    TRY(index_restore(in, &list->index, err));
    return snapshot_end(in, err);
}

struct bank_reader {
    struct blocklist *list;
    uint64_t active; /* entries, by the store's count */
    enum rc rc;
    struct err *err;
};

static bool read_bank(void *ctx, const struct bank *bank)
{
    struct bank_reader *reader = ctx;
    reader->active += bank->entries;
    reader->rc = blocklist_learn_bank(reader->list, bank, reader->err);
    return reader->rc == RC_OK;
}

static enum rc read_banks(struct blocklist *list, uint64_t *ret_active, struct err *err)
{
    struct bank_reader reader = {.list = list, .err = err};
    TRY(store_bank_list(list->store, read_bank, &reader, err));
    *ret_active = reader.active;
    return reader.rc;
}

/*
 * Follows the store, and compares the numbers of entries: if they differ, the file is of another
 * list than it says.  While others write they cannot be compared, and soon need not be.
 */
static enum rc follow_and_count(struct blocklist *list, struct err *err)
{
    enum { TRIES = 5 };
    for (int i = 0; i < TRIES; i++) {
        uint64_t active = 0, now = 0;
        TRY(blocklist_catch_up(list, blocklist_generation(list), NULL, err));
        TRY(read_banks(list, &active, err));
        TRY(store_generation(list->store, &now, err));
        if (now != blocklist_generation(list))
            continue;
        if (active != list->ids.listed)
            FAIL(err, RC_STORE, "snapshot: with it %llu entries are listed, in the store %llu",
                 (unsigned long long)list->ids.listed, (unsigned long long)active);
        return RC_OK;
    }
    return RC_OK;
}

static enum rc check_mark(struct store *store, const struct snapshot_head *head, struct err *err)
{
    struct store_mark mark = {.generation = head->generation, .audit_seq = head->audit_seq};
    memcpy(mark.audit_chain, head->audit_chain, sizeof(mark.audit_chain));
    return store_mark_check(store, &mark, err);
}

static enum rc load_snapshot(struct store *store, const char *path, bool small_index,
                             struct blocklist_origin *origin, struct blocklist **ret,
                             struct err *err)
{
    SCOPED(blocklist_free) struct blocklist *list = NULL;
    SCOPED(snapshot_close) struct snapshot_in *in = NULL;
    struct snapshot_head head;
    uint64_t active = 0;

    TRY(snapshot_open(path, &head, &in, err));
    TRY(check_mark(store, &head, err));
    TRY(blocklist_new(store, &list, err));
    TRY(read_file(list, in, err));
    atomic_store(&list->entries, list->ids.listed);
    atomic_store(&list->generation, head.generation);
    TRY(read_banks(list, &active, err));
    index_keep_small(list->index, small_index);
    index_bulk(list->index, true);
    enum rc rc = follow_and_count(list, err);
    index_bulk(list->index, false);
    TRY(rc);
    TRY(blocklist_healthy(list, err));
    origin->generation = head.generation;
    origin->changes = blocklist_unsaved(list);
    *ret = TAKE(list);
    return RC_OK;
}

enum rc blocklist_load_from(struct store *store, const char *snapshot, bool small_index,
                            struct blocklist_origin *ret_origin, struct blocklist **ret,
                            struct err *err)
{
    struct err why = {.msg = ""};
    *ret_origin = (struct blocklist_origin){.why_rc = RC_OK};
    if (snapshot != NULL) {
        ret_origin->why_rc = load_snapshot(store, snapshot, small_index, ret_origin, ret, &why);
        ret_origin->snapshot = ret_origin->why_rc == RC_OK;
        if (ret_origin->snapshot)
            return RC_OK;
        snprintf(ret_origin->why, sizeof(ret_origin->why), "%s", why.msg);
    }
    return blocklist_load_store(store, small_index, ret, err);
}
