/*
 * The bytes of a snapshot.  Internal to db/snapshot_*.c.
 *
 *     file:    header, section…
 *     section: head, bytes, checksum of the bytes (8 bytes)
 *
 * Nothing is padded or aligned: bytes are read to where they belong, never mapped.
 */
#ifndef DB_SNAPSHOT_FORMAT_H
#define DB_SNAPSHOT_FORMAT_H

#include "db/snapshot.h"

/*
 * To be raised with every change of what a section holds or of the rules by which the list is made
 * from the store: an older file is then refused and the list is made anew.
 */
enum { SNAPSHOT_VERSION = 1 };

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

_Static_assert(sizeof(struct snapshot_header) == 96, "no padding, which would be undefined bytes");
_Static_assert(sizeof(struct snapshot_section_head) == 24, "no padding");

#endif
