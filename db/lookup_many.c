#include "db/lookup_many.h"

#include <stdlib.h>
#include <string.h>

#include "db/lookup_run.h"

enum {
    HITS_MIN = 256,
    /*
     * Notes of one batch: 4 MiB.  Where that is not enough each medium is looked up alone, which
     * notes no hits at all, and whose hits cost as much as its search.
     */
    HITS_MAX = 1 << 17
};

#define NO_HIT UINT32_MAX

struct noted {
    struct index_hit hit;
    uint32_t next; /* of the same hash, NO_HIT ends */
};

struct many {
    const struct blocklist *list;
    struct lookup_run *run; /* one medium at a time */

    /* The batch: the hashes of some media, one after the other. */
    struct pdq_hash *query;
    uint32_t n, room;

    /* What was found: a chain for each hash. */
    uint32_t *first;
    struct noted *noted;
    uint32_t hits, hits_room;
    bool too_many, no_memory;
};

static void many_end_scoped(struct many *m)
{
    lookup_free(m->run);
    free(m->query);
    free(m->first);
    free(m->noted);
}

static size_t hashes_of(const struct lookup_medium *medium)
{
    size_t n = 0;
    for (size_t i = 0; i < medium->n; i++)
        n += medium->signals[i].type == SIGNAL_PDQ;
    return n;
}

/* Room for the hashes of the largest batch that these media can make. */
static enum rc many_begin(struct many *m, const struct lookup_medium *media, size_t n,
                          struct err *err)
{
    size_t hashes = 0;
    for (size_t i = 0; i < n && hashes < LOOKUP_BATCH; i++)
        hashes += hashes_of(&media[i]);
    m->room = hashes < LOOKUP_BATCH ? (uint32_t)hashes : LOOKUP_BATCH;
    m->query = calloc(m->room + 1, sizeof(m->query[0]));
    m->first = calloc(m->room + 1, sizeof(m->first[0]));
    if (m->query == NULL || m->first == NULL)
        FAIL(err, RC_NOMEM, "lookup: no memory for a batch");
    return RC_OK;
}

/* --- one search for all --- */

static bool reserve_note(struct many *m)
{
    if (m->hits < m->hits_room)
        return true;
    uint32_t room = m->hits_room != 0 ? m->hits_room * 2 : HITS_MIN;
    struct noted *grown = realloc(m->noted, room * sizeof(m->noted[0]));
    if (grown == NULL)
        return false;
    m->noted = grown;
    m->hits_room = room;
    return true;
}

static bool note_hit(void *ctx, const struct index_hit *hit)
{
    struct many *m = ctx;
    m->too_many = m->too_many || m->hits == HITS_MAX;
    m->no_memory = m->no_memory || (!m->too_many && !reserve_note(m));
    if (m->too_many || m->no_memory)
        return false; /* for the other hashes too, which are told one hit each */
    m->noted[m->hits] = (struct noted){.hit = *hit, .next = m->first[hit->query]};
    m->first[hit->query] = m->hits++;
    return true;
}

static enum rc search(struct many *m, struct err *err)
{
    m->hits = 0;
    m->too_many = m->no_memory = false;
    memset(m->first, 0xff, m->n * sizeof(m->first[0]));
    if (m->n > 0)
        index_search(blocklist_index(m->list), m->query, m->n, &m->run->rule, note_hit, m);
    if (m->no_memory)
        FAIL(err, RC_NOMEM, "lookup: no memory to note what was found");
    return RC_OK;
}

/* --- each medium --- */

/* from: which hash of the batch is the medium's first. */
static enum rc look_up(struct many *m, const struct lookup_medium *medium, uint32_t from,
                       struct lookup *ret, struct err *err)
{
    struct lookup_run *run = m->run;

    lookup_run_again(run);
    TRY(lookup_ask(run, medium->signals, medium->n, err));
    if (m->too_many || medium->n >= LOOKUP_BATCH)
        return lookup_report(run, ret, err);
    uint32_t n = run->n;
    for (uint32_t q = 0; q < n; q++)
        for (uint32_t i = m->first[from + q]; i != NO_HIT; i = m->noted[i].next) {
            struct index_hit hit = m->noted[i].hit;
            hit.query = q;
            if (!lookup_run_hit(run, &hit))
                break;
        }
    run->n = 0; /* answered */
    return lookup_report(run, ret, err);
}

/*
 * Takes as many media as make a batch, and returns how many: one at least.  One that has a batch's
 * worth of signals by itself is looked up alone.
 */
static size_t gather(struct many *m, const struct lookup_medium *media, size_t n)
{
    size_t taken = 0;

    m->n = 0;
    if (media[0].n >= LOOKUP_BATCH)
        return 1;
    for (; taken < n && media[taken].n < LOOKUP_BATCH; taken++) {
        const struct lookup_medium *medium = &media[taken];
        if (hashes_of(medium) > m->room - m->n)
            break;
        for (size_t i = 0; i < medium->n; i++)
            if (medium->signals[i].type == SIGNAL_PDQ)
                m->query[m->n++] = medium->signals[i].pdq;
    }
    return taken;
}

enum rc lookup_many(const struct blocklist *list, const struct lookup_medium *media, size_t n,
                    const struct bank_set *only, uint64_t since, struct lookup *ret,
                    lookup_tell *tell, void *ctx, struct err *err)
{
    SCOPED(many_end) struct many m = {.list = list};
    TRY(lookup_open(list, only, since, &m.run, err));
    TRY(many_begin(&m, media, n, err));
    for (size_t done = 0; done < n;) {
        size_t taken = gather(&m, media + done, n - done);
        TRY(search(&m, err));
        uint32_t from = 0;
        for (size_t i = done; i < done + taken; i++) {
            TRY(look_up(&m, &media[i], from, ret, err));
            from += (uint32_t)hashes_of(&media[i]);
            TRY(tell(ctx, i, err));
        }
        done += taken;
    }
    return RC_OK;
}
