#include "db/audit_chain.h"

#include <nettle/sha2.h>

static void add_number(struct sha256_ctx *sha, uint64_t n)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (56 - 8 * i));
    sha256_update(sha, sizeof bytes, bytes);
}

void audit_chain(const uint8_t previous[AUDIT_CHAIN_SIZE], const struct audit_link *row,
                 uint8_t ret[AUDIT_CHAIN_SIZE])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, AUDIT_CHAIN_SIZE, previous);
    add_number(&sha, row->seq);
    add_number(&sha, (uint64_t)row->at_ms);
    add_number(&sha, row->generation);
    for (int i = 0; i < AUDIT_TEXTS; i++) {
        add_number(&sha, row->text[i].n);
        sha256_update(&sha, row->text[i].n, row->text[i].p);
    }
    sha256_digest(&sha, AUDIT_CHAIN_SIZE, ret);
}
