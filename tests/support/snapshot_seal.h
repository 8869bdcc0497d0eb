/*
 * Makes the sums and lengths of a changed snapshot right again, so that what is behind the checksum
 * is tested.  Stops where the sections are no longer to be told apart.
 */
#ifndef TESTS_SUPPORT_SNAPSHOT_SEAL_H
#define TESTS_SUPPORT_SNAPSHOT_SEAL_H

#include <string.h>
#include <xxhash.h>

#include "db/snapshot_format.h"

/* Not the one under test: the sum over the sums of the pieces. */
static inline uint64_t snapshot_seal_sum(const uint8_t *p, uint64_t n)
{
    uint64_t sums[1024];
    size_t pieces = 0;
    for (; n > 0 && pieces < sizeof(sums) / sizeof(sums[0]); pieces++) {
        size_t piece = n < SNAPSHOT_PIECE ? n : SNAPSHOT_PIECE;
        sums[pieces] = XXH3_64bits(p, piece);
        p += piece;
        n -= piece;
    }
    return XXH3_64bits(sums, pieces * sizeof(sums[0]));
}

static inline void snapshot_seal(uint8_t *p, size_t n)
{
    struct snapshot_header header;
    struct snapshot_section_head head;
    size_t at = sizeof(header);
    if (n < sizeof(header))
        return;
    memcpy(&header, p, sizeof(header));
    memcpy(header.magic, snapshot_magic, sizeof(header.magic));
    header.order = snapshot_order;
    header.version = SNAPSHOT_VERSION;
    header.length = n;
    header.checksum = XXH3_64bits(&header, offsetof(struct snapshot_header, checksum));
    memcpy(p, &header, sizeof(header));
    while (n - at >= sizeof(head)) {
        memcpy(&head, p + at, sizeof(head));
        head.checksum = XXH3_64bits(&head, offsetof(struct snapshot_section_head, checksum));
        memcpy(p + at, &head, sizeof(head));
        at += sizeof(head);
        if (head.length > n - at || n - at - head.length < sizeof(uint64_t))
            return;
        uint64_t sum = snapshot_seal_sum(p + at, head.length);
        memcpy(p + at + head.length, &sum, sizeof(sum));
        at += head.length + sizeof(sum);
    }
}

#endif
