#include "tools/scan/offline.h"

#include <string.h>

#include "db/digests.h"
#include "db/index.h"
#include "hashing/frame_hasher.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tools/scan/offline_list.h"
#include "tools/scan/signals.h"

enum { BATCH = 4096 /* items that are added, or hashes that are asked, at once */ };
_Static_assert((int)BATCH <= (int)INDEX_QUERIES_MAX, "a batch is asked at once");

struct offline {
    struct index *index;
    struct digests *digests;
    struct offline_list list;
    int16_t *threshold; /* by list */
    unsigned n_lists;
};

void offline_free(struct offline *o)
{
    if (o == NULL)
        return;
    index_free(o->index);
    digests_free(o->digests);
    offline_list_clear(&o->list);
    free(o->threshold);
    free(o);
}

/* Without it the plain ones search.  One that is wrong on this machine is not chosen. */
static void choose_kernels(void)
{
    const char *disagreed;
    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
}

static enum rc add_entry(struct offline *o, uint32_t i, struct err *err)
{
    const struct offline_entry *e = &o->list.entry[i];
    if (e->pdq) {
        const struct index_item item = {.hash = pdq_from_bytes(e->value),
                                        .entry = i,
                                        .generation = 1,
                                        .bank = e->list,
                                        .place = -1};
        return index_add(o->index, &item, 1, err);
    }
    struct digest_item item = {.type = DIGEST_SHA256, .entry = i, .generation = 1, .bank = e->list};
    memcpy(item.value, e->value, sizeof item.value);
    return digests_add(o->digests, &item, 1, err);
}

enum rc offline_new(const char *const *lists, unsigned n, unsigned threshold, struct offline **ret,
                    uint64_t *ret_skipped, struct err *err)
{
    SCOPED(offline_free) struct offline *o = calloc(1, sizeof *o);
    if (o == NULL || (o->threshold = calloc(n, sizeof *o->threshold)) == NULL)
        FAIL(err, RC_NOMEM, "no memory for a list");
    o->n_lists = n;
    choose_kernels();
    TRY(index_new(&o->index, err));
    TRY(digests_new(&o->digests, err));
    for (unsigned i = 0; i < n; i++) {
        o->threshold[i] = (int16_t)threshold;
        TRY(offline_list_read(&o->list, lists[i], i, err));
    }
    index_bulk(o->index, true);
    for (uint32_t i = 0; i < o->list.n; i++)
        TRY(add_entry(o, i, err));
    index_bulk(o->index, false);
    index_settle(o->index);
    *ret_skipped = o->list.skipped;
    *ret = TAKE(o);
    return RC_OK;
}

/* One content being looked up: the hashes of a batch, and where each comes from. */
struct finding {
    const struct offline *offline;
    struct offline_found *found;
    uint32_t n;
    struct pdq_hash hash[BATCH];
    struct from {
        enum orientation orientation;
        int64_t ms;
    } from[BATCH];
};

/* Nearer first; then earlier, then in the order of the list: so that what is kept of many does not
 * depend on the order in which the index tells them. */
static bool before(const struct state_hit *a, uint32_t a_entry, const struct state_hit *b,
                   uint32_t b_entry)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    return a_entry != b_entry ? a_entry < b_entry : a->ms < b->ms;
}

/* Of an entry the best, and of all the OFFLINE_HITS_MAX best. */
static void keep(struct offline_found *found, const struct state_hit *hit, uint32_t entry)
{
    size_t worst = 0, i = 0;
    for (; i < found->n && found->entry[i] != entry; i++)
        if (before(&found->hit[worst], found->entry[worst], &found->hit[i], found->entry[i]))
            worst = i;
    if (i == found->n && found->n < OFFLINE_HITS_MAX) {
        found->n++;
    } else {
        i = i == found->n ? worst : i;
        if (!before(hit, entry, &found->hit[i], found->entry[i]))
            return;
    }
    found->hit[i] = *hit;
    found->entry[i] = entry;
}

static struct state_hit hit_of(const struct offline *o, uint32_t entry)
{
    const struct offline_entry *e = &o->list.entry[entry];
    return (struct state_hit){.bank = o->list.name[e->list],
                              .action = "block",
                              .entry = e->name,
                              .type = e->pdq ? "pdq" : "sha256",
                              .orientation = "",
                              .labels = e->labels,
                              .threshold = e->pdq ? o->threshold[e->list] : -1,
                              .ms = -1,
                              .entry_ms = e->ms};
}

static bool on_hash(void *ctx, const struct index_hit *hit)
{
    struct finding *f = ctx;
    struct state_hit told = hit_of(f->offline, (uint32_t)hit->entry);
    told.distance = hit->distance;
    told.orientation = orientation_name(f->from[hit->query].orientation);
    told.ms = f->from[hit->query].ms;
    keep(f->found, &told, (uint32_t)hit->entry);
    return true;
}

static bool on_digest(void *ctx, const struct index_hit *hit)
{
    struct finding *f = ctx;
    struct state_hit told = hit_of(f->offline, (uint32_t)hit->entry);
    keep(f->found, &told, (uint32_t)hit->entry);
    return true;
}

static void flush(struct finding *f, const struct index_rule *rule)
{
    if (f->n > 0)
        index_search(f->offline->index, f->hash, f->n, rule, on_hash, f);
    f->n = 0;
}

static void ask_look(struct finding *f, const struct index_rule *rule, const uint8_t *look,
                     int64_t ms)
{
    if (signals_quality(look) < PDQ_MIN_QUALITY)
        return;
    for (unsigned o = 0; o < ORIENTATIONS; o++) {
        f->hash[f->n] = pdq_from_bytes(signals_hash(look, (enum orientation)o));
        f->from[f->n++] = (struct from){.orientation = (enum orientation)o, .ms = ms};
        if (f->n == BATCH)
            flush(f, rule);
    }
}

enum rc offline_find(const struct offline *o, const struct state_asked *asked,
                     struct offline_found *ret, struct err *err)
{
    const struct index_rule rule = {.threshold = o->threshold, .banks = o->n_lists};
    SCOPED(mem_free) struct finding *f = malloc(sizeof *f);
    struct signals_cursor frames = {.left = asked->signals};

    if (f == NULL)
        FAIL(err, RC_NOMEM, "no memory for a search");
    f->offline = o;
    f->found = ret;
    f->n = 0;
    ret->n = 0;
    digests_find(o->digests, DIGEST_SHA256, asked->sha256, &rule, on_digest, f);
    while (signals_next(&frames))
        for (unsigned l = 0; l < frames.looks; l++)
            ask_look(f, &rule, frames.look[l], frames.ms);
    flush(f, &rule);
    if (frames.bad)
        FAIL(err, RC_STORE, "the signals of content %lld are damaged", (long long)asked->content);
    return RC_OK;
}
