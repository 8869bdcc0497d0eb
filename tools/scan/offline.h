/*
 * Signals against exported lists, without a service: what `hashgate export` writes as text or
 * NDJSON, held in the index that the service uses (db/index.h).
 *
 * A list stands for a bank of its file's name with the action block.  Each of its hashes counts
 * alone: a frame of a listed clip that is met is a match, for a list does not say how much of a
 * clip must be found.  md5 and sha1 cannot be looked up, for a state keeps sha256 only.
 */
#ifndef TOOLS_SCAN_OFFLINE_H
#define TOOLS_SCAN_OFFLINE_H

#include "tools/scan/state.h"

struct offline;

/* Reads all lists; RC_INPUT names file and line.  *ret_skipped: lines with md5 or sha1. */
MUST_CHECK enum rc offline_new(const char *const *lists, unsigned n, unsigned threshold,
                               struct offline **ret, uint64_t *ret_skipped, struct err *err);
void offline_free(struct offline *offline);
SCOPED_DEFINE(offline_free, struct offline *)

/* What one content matched: its nearest entries, each once.  Texts are the list's or static. */
enum { OFFLINE_HITS_MAX = 64 };
struct offline_found {
    size_t n;
    struct state_hit hit[OFFLINE_HITS_MAX];
    uint32_t entry[OFFLINE_HITS_MAX];
};

/* Any thread.  RC_STORE when the signals are damaged. */
MUST_CHECK enum rc offline_find(const struct offline *offline, const struct state_asked *asked,
                                struct offline_found *ret, struct err *err);

#endif
