/* What a snapshot may hold behind sums that are right. */
#include <fcntl.h>
#include <stdlib.h>

#include "db/blocklist.h"
#include "db/clips.h"
#include "db/entry_ids.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/snapshot_seal.h"

static const char *file_of(const uint8_t *data, size_t size)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/fuzz-snapshot-%d", (int)getpid());
    SCOPED(mem_free) uint8_t *sealed = malloc(size + 1);
    MUST(sealed != NULL);
    if (size > 0)
        memcpy(sealed, data, size);
    snapshot_seal(sealed, size);
    SCOPED(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(fd >= 0 && write(fd, sealed, size) == (ssize_t)size);
    return path;
}

static bool take_hit(void *ctx, const struct index_hit *hit)
{
    (void)ctx;
    MUST(hit->bank < INDEX_BANKS_MAX && hit->entry >> 30 == 0);
    return true;
}

static void use(const struct index *index, const struct digests *digests)
{
    static const uint8_t value[32] = {1};
    static const struct pdq_hash hash = {{1}};
    int16_t threshold[INDEX_BANKS_MAX];
    for (size_t i = 0; i < INDEX_BANKS_MAX; i++)
        threshold[i] = 63;
    const struct index_rule rule = {.threshold = threshold, .banks = INDEX_BANKS_MAX};
    index_check(index);
    MUST(index_self_test(index));
    index_search(index, &hash, 1, &rule, take_hit, NULL);
    for (int t = 0; t < DIGEST_TYPES; t++)
        digests_find(digests, (enum digest_type)t, value, &rule, take_hit, NULL);
}

static void use_clips(const struct clips *clips)
{
    for (uint64_t entry = 0; entry < 3 * (uint64_t)CLIPS_CHUNK; entry++) {
        const struct clip *clip = clips_get(clips, entry);
        if (clip == NULL)
            continue;
        MUST(clip->n >= 1 && clip->pictures >= 1 && clip->pictures <= clip->n);
        for (uint32_t i = 0; i < clip->n; i++)
            MUST(clip->signal[i].ms >= 0 && clip->signal[i].picture < clip->pictures);
    }
}

static void use_ids(const struct entry_ids *ids)
{
    uint64_t listed = 0;
    for (uint64_t entry = 0; entry_ids_next_listed(ids, &entry); entry++) {
        MUST(entry < ids->end && entry_ids_listed(ids, entry));
        listed++;
    }
    MUST(listed == ids->listed);
}

static enum rc read_all(const char *path, struct entry_ids *ids, struct clips *clips,
                        struct err *err)
{
    SCOPED(snapshot_close) struct snapshot_in *in = NULL;
    SCOPED(digests_free) struct digests *digests = NULL;
    SCOPED(index_free) struct index *index = NULL;
    struct snapshot_head head;
    TRY(snapshot_open(path, &head, &in, err));
    TRY(entry_ids_restore(ids, in, err));
    use_ids(ids);
    TRY(clips_restore(clips, in, err));
    use_clips(clips);
    TRY(digests_restore(in, &digests, err));
    TRY(index_restore(in, &index, err));
    TRY(snapshot_end(in, err));
    use(index, digests);
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(mem_free) struct entry_ids *ids = calloc(1, sizeof *ids);
    SCOPED(mem_free) struct clips *clips = calloc(1, sizeof *clips);
    struct err err = {.msg = ""};
    const char *path = file_of(data, size);
    MUST(ids != NULL && clips != NULL);
    enum rc rc = read_all(path, ids, clips, &err);
    if (rc != RC_OK)
        must_refuse(rc, RC_STORE, &err);
    entry_ids_clear(ids);
    clips_clear(clips);
    unlink(path);
    return 0;
}
