/*
 * Which entries list exactly these bytes?  sha256, sha1 and md5 of whole files, exact.
 *
 * Same threads as db/index.h: one writer, readers never wait.
 */
#ifndef DB_DIGESTS_H
#define DB_DIGESTS_H

#include "db/index.h"

enum digest_type { DIGEST_SHA256, DIGEST_SHA1, DIGEST_MD5, DIGEST_TYPES };

/* 32, 20, 16 */
size_t digest_size(enum digest_type type);
const char *digest_name(enum digest_type type);

struct digest_item {
    enum digest_type type;
    uint8_t value[32]; /* the first digest_size() bytes, rest zero */
    uint64_t entry;
    uint64_t generation;
    uint32_t bank;
};

struct digests;

MUST_CHECK enum rc digests_new(struct digests **ret, struct err *err);
void digests_free(struct digests *digests);
SCOPED_DEFINE(digests_free, struct digests *)

MUST_CHECK enum rc digests_add(struct digests *digests, const struct digest_item *items, size_t n,
                               struct err *err);
size_t digests_remove(struct digests *digests, uint64_t entry);

/* Visits each live item with this value in a bank that the rule searches (threshold >= 0);
 * hit.distance is 0, hit.place is -1, hit.query is 0. */
void digests_find(const struct digests *digests, enum digest_type type, const uint8_t *value,
                  const struct index_rule *rule, index_visit *visit, void *ctx);

/* --- the snapshot: the same promises as those of index_freeze() and index_restore() --- */

struct digests_frozen;
MUST_CHECK enum rc digests_freeze(struct digests *digests, struct digests_frozen **ret,
                                  struct err *err);
MUST_CHECK enum rc digests_frozen_write(const struct digests_frozen *frozen,
                                        struct snapshot_out *out, struct err *err);
void digests_frozen_free(struct digests_frozen *frozen);
SCOPED_DEFINE(digests_frozen_free, struct digests_frozen *)
MUST_CHECK enum rc digests_restore(struct snapshot_in *in, struct digests **ret, struct err *err);

/* Live items of one type: whether it is worth computing.  Any thread. */
size_t digests_count(const struct digests *digests, enum digest_type type);

#endif
