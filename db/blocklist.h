/*
 * The block-list in memory: index, digests, clips, banks and entries as of one generation, and how
 * it follows the store.
 *
 * Checks read it from any thread without a lock.  blocklist_follow() is the only writer and is
 * serialised inside; after it returns, every change that was committed before the call counts.
 */
#ifndef DB_BLOCKLIST_H
#define DB_BLOCKLIST_H

#include <stdatomic.h>

#include "db/clips.h"
#include "db/store.h"

struct blocklist;

/*
 * Loads the whole list from the store and tries it on a canary.  On failure there is no list: the
 * caller must not serve.  The store must outlive the list.
 */
MUST_CHECK enum rc blocklist_load(struct store *store, struct blocklist **ret, struct err *err);

/* Where a list came from. */
struct blocklist_origin {
    bool snapshot;       /* else from the store */
    uint64_t generation; /* of the snapshot */
    uint64_t changes;    /* entries that changed since */
    enum rc why_rc;      /* of the snapshot that was not used: RC_NOTFOUND: there is none */
    char why[256];       /* in words; "" when it was used, or not asked for */
};
/*
 * The same, but from the snapshot at this path (NULL: none) and the changes since, when it is whole
 * and of this store.  Else from the store: never from something that was believed by halves.
 * small_index: see index_keep_small().
 */
MUST_CHECK enum rc blocklist_load_from(struct store *store, const char *snapshot, bool small_index,
                                       struct blocklist_origin *ret_origin, struct blocklist **ret,
                                       struct err *err);
void blocklist_free(struct blocklist *list);
SCOPED_DEFINE(blocklist_free, struct blocklist *)

/*
 * Applies what changed since; *ret_keys_changed (may be NULL) says that keys did.  Of several
 * calls at once only the one that applied the change says so.  After a failure the generation
 * stays and the next call starts over from it.  RC_STORE also when the store has gone back behind
 * the list, as after a restored backup: then only a new load helps.
 */
MUST_CHECK enum rc blocklist_follow(struct blocklist *list, bool *ret_keys_changed,
                                    struct err *err);

/* The generation that is fully applied; only grows. */
uint64_t blocklist_generation(const struct blocklist *list);

/*
 * Writes a snapshot of the list as it is now, in the generation *ret_generation.  Any thread, one
 * at a time; checks and changes go on meanwhile but for some milliseconds at the begin.  cancel: as
 * in snapshot_create().  RC_NOTFOUND for a list of which the store knows nothing yet.
 */
MUST_CHECK enum rc blocklist_save(struct blocklist *list, const char *path,
                                  const atomic_bool *cancel, uint64_t *ret_generation,
                                  uint64_t *ret_bytes, struct err *err);

/* Entries that are listed, and how often one was listed or unlisted since the last snapshot: about
 * what a start would have to replay.  Any thread. */
uint64_t blocklist_entries(const struct blocklist *list);
uint64_t blocklist_unsaved(const struct blocklist *list);

/* Whether a search still finds the index's canary; RC_BUSY when not.  Cheap.  Any thread. */
MUST_CHECK enum rc blocklist_healthy(const struct blocklist *list, struct err *err);

/* A bank's rules at one moment: they change all together. */
struct bank_rule {
    const char *name; /* lives as long as the list */
    enum action action;
    uint8_t threshold;
    uint8_t bank_match_percent, query_match_percent, match_run; /* of clips: db/policy.h */
};
/* How many banks there are; numbers are dense below it. */
uint32_t blocklist_banks(const struct blocklist *list);
void blocklist_bank(const struct blocklist *list, uint32_t number, struct bank_rule *ret);
/* Number by name, -1 when there is none. */
int64_t blocklist_bank_number(const struct blocklist *list, const char *name);

/* The id of an entry by its number (as in hits). */
struct ulid blocklist_entry_id(const struct blocklist *list, uint64_t number);

/*
 * The clip that an entry is, NULL when none of its signals has a time.  From a hit whose place is
 * not -1 it is there.
 */
const struct clip *blocklist_clip(const struct blocklist *list, uint64_t number);

const struct index *blocklist_index(const struct blocklist *list);
const struct digests *blocklist_digests(const struct blocklist *list);

#endif
