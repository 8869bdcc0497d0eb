/*
 * The hash chain of the audit: each row's chain value is sha256 over the previous row's value (32
 * zero bytes before the first) and every field of the row, so an edited, removed, inserted or
 * moved row shows at the first place that does not fit.  Rows cut off at the end show only
 * against a head that was kept elsewhere.
 *
 * Bytes hashed: previous chain value; seq, at_ms, generation as 8 bytes big-endian each; then
 * each text as its length in 8 bytes big-endian and its bytes, in the order of enum audit_text.
 */
#ifndef DB_AUDIT_CHAIN_H
#define DB_AUDIT_CHAIN_H

#include "hashing/base/bytes.h"

enum { AUDIT_CHAIN_SIZE = 32 };

enum audit_text {
    AUDIT_ACTOR_ID,
    AUDIT_ACTOR_NAME,
    AUDIT_REQUEST_ID,
    AUDIT_ACTION,
    AUDIT_BANK,
    AUDIT_TARGET,
    AUDIT_REASON,
    AUDIT_DETAILS,
    AUDIT_TEXTS
};

struct audit_link {
    uint64_t seq;
    int64_t at_ms;
    uint64_t generation;
    struct bytes text[AUDIT_TEXTS]; /* borrowed */
};

void audit_chain(const uint8_t previous[AUDIT_CHAIN_SIZE], const struct audit_link *row,
                 uint8_t ret[AUDIT_CHAIN_SIZE]);

#endif
