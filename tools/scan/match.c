#include "tools/scan/match.h"

#include <time.h>

#include "hashing/base/clock.h"
#include "tools/scan/match_batch.h"
#include "tools/scan/match_offline.h"
#include "tools/scan/match_share.h"

enum {
    POLL_MS = 20,         /* how often to look whether to stop */
    LINGER_MS = 1000,     /* what is fewer than a whole request waits so long for more */
    UNREACHED_MAX_S = 30, /* longest pause before an unreachable service is tried again */
    CLIP_WINDOW = MATCH_SIGNALS_MAX - 1,
    ASKERS_MAX = 4 /* requests at a time: one is made while others are answered */
};

struct matching {
    const struct match_config *config;
    struct client *client;
    int64_t since;          /* of match_again() */
    struct askings askings; /* in the order of their contents */
    struct batch batch;
    int64_t rested_ns; /* when the rate allows the next request */
    struct offline_found found;
};

static void matching_free(struct matching *m)
{
    if (m == NULL)
        return;
    batch_clear(&m->batch);
    while (!STAILQ_EMPTY(&m->askings)) {
        struct asking *a = STAILQ_FIRST(&m->askings);
        STAILQ_REMOVE_HEAD(&m->askings, next);
        asking_free(a);
    }
    free(m);
}
SCOPED_DEFINE(matching_free, struct matching *)

static enum rc matching_new(const struct match_config *config, struct client *client,
                            struct matching **ret, struct err *err)
{
    struct matching *m = calloc(1, sizeof *m);
    if (m == NULL)
        FAIL(err, RC_NOMEM, "no memory for a request");
    m->config = config;
    m->client = client;
    STAILQ_INIT(&m->askings);
    *ret = m;
    return RC_OK;
}

/* RC_BUSY when the scan is stopped meanwhile. */
static enum rc pause_ms(const struct matching *m, int64_t ms, struct err *err)
{
    int64_t until = clock_mono_ns() + ms * 1000000;
    for (;;) {
        int64_t left = (until - clock_mono_ns()) / 1000000;
        if (atomic_load(m->config->stop))
            FAIL(err, RC_BUSY, "stopped");
        if (left <= 0)
            return RC_OK;
        left = left < POLL_MS ? left : POLL_MS;
        nanosleep(&(struct timespec){.tv_nsec = left * 1000000}, NULL);
    }
}

/* How long to wait after this failure; false: it will not get better by waiting. */
static bool worth_waiting(const struct matching *m, enum rc rc, const struct err *why,
                          unsigned tries, int64_t *ret_s)
{
    if (rc == RC_BUSY || rc == RC_RATE) {
        *ret_s = why->retry > 0 ? why->retry : 1;
        return true;
    }
    *ret_s = tries < 5 ? INT64_C(1) << tries : UNREACHED_MAX_S;
    return rc == RC_SYS && atomic_load(&m->config->counts->reached);
}

static enum rc ask(struct matching *m, const struct target *target, json_t **ret, struct err *err)
{
    const struct call call = {.method = "POST",
                              .target = target,
                              .content_type = "application/json",
                              .body = bytes_of(m->batch.text, m->batch.length)};
    int64_t wait_s;
    for (unsigned tries = 0;; tries++) {
        SCOPED(result_clear) struct result result = {0};
        struct err why;
        enum rc rc = client_call(m->client, &call, &result, &why);
        atomic_store(&m->config->counts->waiting, rc != RC_OK);
        if (rc == RC_OK) {
            atomic_store(&m->config->counts->reached, true);
            return result_json(&result, ret, err);
        }
        if (!worth_waiting(m, rc, &why, tries, &wait_s)) {
            *err = why;
            return rc;
        }
        TRY(pause_ms(m, wait_s * 1000, err));
    }
}

static enum rc keep_rate(struct matching *m, struct err *err)
{
    int64_t now = clock_mono_ns();
    if (m->config->max_rate == 0)
        return RC_OK;
    if (m->rested_ns > now)
        TRY(pause_ms(m, (m->rested_ns - now) / 1000000 + 1, err));
    else
        m->rested_ns = now;
    m->rested_ns += (int64_t)(m->batch.signals * 1000000000 / m->config->max_rate);
    return RC_OK;
}

/* What is whole goes into the state, in the order of contents. */
static enum rc put_answered(struct matching *m, struct err *err)
{
    struct asking *a;
    while ((a = STAILQ_FIRST(&m->askings)) != NULL && a->whole && a->waiting == 0) {
        STAILQ_REMOVE_HEAD(&m->askings, next);
        bool matched = json_array_size(a->hits) > 0;
        TRY(asking_put(a, m->config->state, err));
        atomic_fetch_add(&m->config->counts->asked, 1);
        atomic_fetch_add(&m->config->counts->matched, matched ? 1 : 0);
    }
    return RC_OK;
}

static enum rc flush(struct matching *m, struct err *err)
{
    SCOPED(target_clear) struct target target = {0};
    SCOPED(json_free) json_t *answer = NULL;

    if (m->batch.media == 0)
        return RC_OK;
    TRY(target_start(&target, "/v1/match", err));
    TRY(keep_rate(m, err));
    TRY(batch_end(&m->batch, err));
    TRY(ask(m, &target, &answer, err));
    TRY(batch_take(&m->batch, answer, err));
    batch_clear(&m->batch);
    return put_answered(m, err);
}

static enum rc add_part(struct matching *m, const struct batch_part *part, int64_t since,
                        struct err *err)
{
    if (m->batch.media > 0 &&
        (m->batch.since != since ||
         !batch_has_room(&m->batch, part->to - part->from + (part->digest ? 1 : 0))))
        TRY(flush(m, err));
    m->batch.since = since;
    return batch_add(&m->batch, part, err);
}

/* All media of one orientation: one, but for long clips. */
static enum rc add_orientation(struct matching *m, struct batch_part part, size_t looks,
                               int64_t since, struct err *err)
{
    for (size_t from = 0;; from += CLIP_WINDOW / 2) {
        part.from = from;
        part.to = looks - from <= CLIP_WINDOW ? looks : from + CLIP_WINDOW;
        TRY(add_part(m, &part, since, err));
        if (part.to == looks)
            return RC_OK;
        part.digest = false;
    }
}

/* since: -1 asks the whole list. */
static enum rc add_content(struct matching *m, const struct state_asked *asked, int64_t since,
                           struct err *err)
{
    size_t looks = 0;

    if (m->config->offline != NULL)
        return match_offline_one(m->config, asked, &m->found, err);
    TRY(batch_count(asked, &looks, err));
    struct asking *a = calloc(1, sizeof *a);
    if (a == NULL || (a->hits = json_array()) == NULL) {
        free(a);
        FAIL(err, RC_NOMEM, "no memory for a request");
    }
    if (since > asked->generation)
        since = asked->generation;
    since = since > 0 ? since : -1; /* never answered, or by lists */
    a->content = asked->content;
    a->generation = -1;
    a->replace = since < 0 && asked->hits; /* else there are none to go */
    STAILQ_INSERT_TAIL(&m->askings, a, next);
    for (unsigned o = 0; o < ORIENTATIONS && (o == 0 || looks > 0); o++) {
        const struct batch_part part = {.asking = a,
                                        .asked = asked,
                                        .orientation = (enum orientation)o,
                                        .digest = o == ORIENT_AS_IS};
        TRY(add_orientation(m, part, looks, since, err));
    }
    a->whole = true;
    return RC_OK;
}

/* Adds contents that nobody has answered, behind *after, until there are none. */
static enum rc add_unmatched(struct matching *m, int64_t *after, struct err *err)
{
    for (;;) {
        SCOPED(state_asked_clear) struct state_asked asked = {0};
        size_t n = 0;
        if (atomic_load(m->config->stop))
            FAIL(err, RC_BUSY, "stopped");
        TRY(state_next_asked(m->config->state, *after, true, &asked, 1, &n, err));
        if (n == 0)
            return RC_OK;
        TRY(add_content(m, &asked, -1, err));
        *after = asked.content;
    }
}

enum rc match_follow(const struct match_config *config, const atomic_bool *finished,
                     struct err *err)
{
    SCOPED(matching_free) struct matching *m = NULL;
    int64_t after = 0, waited_ms = 0;

    TRY(matching_new(config, config->client, &m, err));
    for (;;) {
        /* Read before: what comes between is seen in the next turn. */
        bool last = atomic_load(finished);
        TRY(add_unmatched(m, &after, err));
        if (last || waited_ms >= LINGER_MS) {
            TRY(flush(m, err));
            if (last && after == 0)
                return RC_OK;
            /* From the start again: a content that failed and was hashed anew has an old number. */
            after = 0;
            waited_ms = 0;
        }
        if (!last)
            TRY(pause_ms(m, POLL_MS, err));
        waited_ms += POLL_MS;
    }
}

/* --- all again, by several threads --- */

static enum rc take(void *own, const struct match_share *share, struct err *err)
{
    struct matching *m = own;
    for (size_t i = 0; i < share->n; i++) {
        if (atomic_load(m->config->stop))
            FAIL(err, RC_BUSY, "stopped");
        TRY(add_content(m, &share->asked[i], m->since, err));
    }
    return RC_OK;
}

static int64_t waiting(void *own)
{
    const struct matching *m = own;
    const struct asking *first = STAILQ_FIRST(&m->askings);
    return first != NULL ? first->content : 0;
}

static enum rc finish(void *own, struct err *err)
{
    return flush(own, err);
}

struct asker {
    struct client *client; /* NULL: the caller's own */
    struct matching *matching;
};

static void askers_clear(struct asker *asker, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        matching_free(asker[i].matching);
        client_free(asker[i].client);
    }
}

static enum rc askers_make(const struct match_config *config, int64_t since, struct asker *asker,
                           struct match_sharer *sharer, unsigned n, struct err *err)
{
    for (unsigned i = 0; i < n; i++) {
        struct client *client = config->client;
        if (i > 0) {
            TRY(client_again(config->client, &asker[i].client, err));
            client = asker[i].client;
        }
        TRY(matching_new(config, client, &asker[i].matching, err));
        asker[i].matching->since = since;
        sharer[i] = (struct match_sharer){
            .own = asker[i].matching, .take = take, .waiting = waiting, .finish = finish};
    }
    return RC_OK;
}

enum rc match_again(const struct match_config *config, int64_t since, struct err *err)
{
    unsigned n = config->jobs < ASKERS_MAX ? config->jobs : (unsigned)ASKERS_MAX;
    struct asker asker[ASKERS_MAX] = {0};
    struct match_sharer sharer[ASKERS_MAX];
    int64_t after = 0;

    TRY(state_rematch_begin(config->state, since, &after, err));
    if (config->offline != NULL)
        return match_offline_all(config, after, err);
    n = config->max_rate > 0 ? 1 : n; /* one keeps the rate */
    enum rc rc = askers_make(config, since, asker, sharer, n, err);
    if (rc == RC_OK)
        rc = match_share(config->state, after, sharer, n, err);
    askers_clear(asker, n);
    return rc;
}
