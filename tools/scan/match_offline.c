#include "tools/scan/match_offline.h"

#include <stdlib.h>

#include "tools/scan/match_share.h"

/* One thread's. */
struct looking {
    const struct match_config *config;
    struct offline_found found;
};

/* *ret_put: what it matched, or matched before, is put anew. */
static enum rc look(const struct match_config *config, const struct state_asked *asked,
                    struct offline_found *found, bool *ret_put, struct err *err)
{
    TRY(offline_find(config->offline, asked, found, err));
    *ret_put = found->n > 0 || asked->hits;
    if (*ret_put)
        TRY(state_put_hits(config->state, asked->content, 0, true, found->hit, found->n, err));
    atomic_fetch_add(&config->counts->asked, 1);
    atomic_fetch_add(&config->counts->matched, found->n > 0 ? 1 : 0);
    return RC_OK;
}

/*
 * What lists answer is no generation of a service: it is kept as 0, from which a service is asked
 * for everything.
 */
enum rc match_offline_one(const struct match_config *config, const struct state_asked *asked,
                          struct offline_found *found, struct err *err)
{
    bool put;
    TRY(look(config, asked, found, &put, err));
    return put ? RC_OK
               : state_put_answered(config->state, asked->content - 1, asked->content, 0, err);
}

static enum rc take(void *own, const struct match_share *share, struct err *err)
{
    struct looking *l = own;
    bool put;
    for (size_t i = 0; i < share->n; i++) {
        if (atomic_load(l->config->stop))
            FAIL(err, RC_BUSY, "stopped");
        TRY(look(l->config, &share->asked[i], &l->found, &put, err));
    }
    return state_put_answered(l->config->state, share->after, share->last, 0, err);
}

static int64_t waiting(void *own)
{
    (void)own;
    return 0;
}

static enum rc finish(void *own, struct err *err)
{
    (void)own, (void)err;
    return RC_OK;
}

enum rc match_offline_all(const struct match_config *config, int64_t after, struct err *err)
{
    unsigned n = config->jobs < MATCH_SHARERS_MAX ? config->jobs : (unsigned)MATCH_SHARERS_MAX;
    SCOPED(mem_free) struct looking *own = calloc(n, sizeof *own);
    struct match_sharer sharer[MATCH_SHARERS_MAX];

    if (own == NULL)
        FAIL(err, RC_NOMEM, "no memory for a search");
    for (unsigned i = 0; i < n; i++) {
        own[i].config = config;
        sharer[i] = (struct match_sharer){
            .own = &own[i], .take = take, .waiting = waiting, .finish = finish};
    }
    return match_share(config->state, after, sharer, n, err);
}
