/*
 * The bytes of a snapshot.  Internal to db/snapshot_*.c.
 *
 *     file:    header, section…
 *     section: head, bytes, checksum of the bytes (8 bytes)
 *
 * The checksum of a section is that over the checksums of its pieces of SNAPSHOT_PIECE bytes (the
 * last one may be shorter), so that several threads can read and sum the pieces of one section.
 *
 * Nothing is padded or aligned: bytes are read to where they belong, never mapped.
 */
#ifndef DB_SNAPSHOT_FORMAT_H
#define DB_SNAPSHOT_FORMAT_H

#include <xxhash.h>

#include "db/snapshot.h"

/*
 * To be raised with every change of what a section holds or of the rules by which the list is made
 * from the store: an older file is then refused and the list is made anew.
 */
enum { SNAPSHOT_VERSION = 1 };

/* Small enough to be in the cache still when it is summed after it was read. */
enum { SNAPSHOT_PIECE = 1 << 18 };

static const char snapshot_magic[8] = {'H', 'G', 'S', 'N', 'A', 'P', '\r', '\n'};
static const uint32_t snapshot_order = 0x01020304; /* reads otherwise in the other byte order */

struct snapshot_header {
    char magic[8];
    uint32_t order, version;
    uint64_t length; /* of the whole file */
    uint64_t sections;
    struct snapshot_head head;
    uint64_t checksum; /* of all before it */
};

struct snapshot_section_head {
    char tag[SNAPSHOT_TAG]; /* zeros behind it */
    uint64_t length;        /* of the bytes */
    uint64_t checksum;      /* of all before it */
};

/* The checksum of a section, bit by bit. */
struct snapshot_sum {
    XXH3_state_t *piece, *all; /* owned */
    size_t in_piece;           /* bytes of the piece at hand */
};
MUST_CHECK bool snapshot_sum_new(struct snapshot_sum *sum); /* false: no memory */
void snapshot_sum_clear(struct snapshot_sum *sum);
void snapshot_sum_begin(struct snapshot_sum *sum);
void snapshot_sum_add(struct snapshot_sum *sum, const void *p, size_t n);
/* A whole piece that was summed elsewhere, when no other is at hand. */
void snapshot_sum_piece(struct snapshot_sum *sum, uint64_t piece);
uint64_t snapshot_sum_end(struct snapshot_sum *sum);

_Static_assert(sizeof(struct snapshot_header) == 96, "no padding, which would be undefined bytes");
_Static_assert(sizeof(struct snapshot_section_head) == 24, "no padding");

#endif
