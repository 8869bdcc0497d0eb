/*
 * Readers, followers and a store that changes, all at once: what is listed all the while is found
 * exactly once by every look, and a change counts as soon as the follow after it returned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/policy.h"
#include "tests/support/rnd.h"
#include "tests/unit/db/fake_store.h"
#include "tests/unit/db/look_up.h"

enum { CLIP_SIGNALS = 3 };

/* Signal k of clip i: far from all others. */
static struct signal clip_signal(uint64_t i, uint64_t k)
{
    struct signal s = pdq_signal((1000 + i * CLIP_SIGNALS + k) * 0x9E3779B97F4A7C15, 100);
    s.ms = (int64_t)k * 1000;
    return s;
}

static uint64_t fake_clip(struct store *store, uint64_t i)
{
    struct signal s[CLIP_SIGNALS];
    for (uint64_t k = 0; k < CLIP_SIGNALS; k++)
        s[k] = clip_signal(i, k);
    return fake_entry(store, 0, s, CLIP_SIGNALS);
}

/* How many signals of clip i a lookup of all of them finds in its entry. */
static unsigned found_of_clip(const struct blocklist *list, uint64_t i, uint64_t entry)
{
    struct lookup_signal signals[CLIP_SIGNALS];
    struct lookup got;
    for (uint64_t k = 0; k < CLIP_SIGNALS; k++) {
        const struct signal s = clip_signal(i, k);
        signals[k] =
            (struct lookup_signal){.type = SIGNAL_PDQ, .pdq = pdq_from_bytes(s.value), .ms = s.ms};
    }
    if (lookup_once(list, signals, CLIP_SIGNALS, NULL, 0, &got, NULL) != RC_OK || got.n != 1)
        return 0;
    const struct match *m = &got.matches[0];
    return m->clip && m->entry == entry && m->clip_of == CLIP_SIGNALS ? m->clip_found : 0;
}

enum { STABLE = 8, CHURN = 8, CHANGES = 1500, WATCHED = 1000 };

struct crowd {
    struct store *store;
    struct blocklist *list;
    struct signal s[(STABLE + CHURN) * 2];
    uint64_t stable_clip, churned_clip; /* clips 0 and 1 */
    atomic_bool done;
    atomic_uint wrong, looks;
};

static void *keep_looking(void *ctx)
{
    struct crowd *crowd = ctx;
    while (!atomic_load(&crowd->done)) {
        for (size_t i = 0; i < STABLE * 2; i++)
            if (look_up(crowd->list, &crowd->s[i]).n != 1)
                atomic_fetch_add(&crowd->wrong, 1);
        for (size_t i = STABLE * 2; i < (STABLE + CHURN) * 2; i++)
            if (look_up(crowd->list, &crowd->s[i]).n > 1)
                atomic_fetch_add(&crowd->wrong, 1);
        if (found_of_clip(crowd->list, 0, crowd->stable_clip) != CLIP_SIGNALS)
            atomic_fetch_add(&crowd->wrong, 1);
        atomic_fetch_add(&crowd->looks, 1);
        struct bank_rule rule;
        blocklist_bank(crowd->list, 0, &rule);
        if ((rule.action == ACTION_BLOCK) != (rule.threshold == 10) ||
            rule.bank_match_percent != rule.threshold + 1 ||
            rule.query_match_percent != rule.threshold || rule.match_run != rule.threshold + 2)
            atomic_fetch_add(&crowd->wrong, 1);
    }
    return NULL;
}

static void *keep_following(void *ctx)
{
    struct crowd *crowd = ctx;
    while (!atomic_load(&crowd->done)) {
        struct err err;
        if (blocklist_follow(crowd->list, NULL, &err) != RC_OK)
            atomic_fetch_add(&crowd->wrong, 1);
    }
    return NULL;
}

static void change_something(struct crowd *crowd, struct rnd *rnd)
{
    uint64_t churn = STABLE + rnd_below(rnd, CHURN);
    switch (rnd_below(rnd, 4)) {
    case 0:
        fake_entry_set(crowd->store, rnd_below(rnd, STABLE), true);
        break;
    case 1:
        if (rnd_below(rnd, 2) == 0)
            fake_bank_set(crowd->store, 0, ACTION_BLOCK, 10);
        else
            fake_bank_set(crowd->store, 0, ACTION_REVIEW, 40);
        break;
    default: {
        bool active = rnd_below(rnd, 2) == 0;
        fake_entry_set(crowd->store, churn, active);
        fake_entry_set(crowd->store, crowd->churned_clip, active);
        if (blocklist_follow(crowd->list, NULL, NULL) != RC_OK ||
            look_up(crowd->list, &crowd->s[churn * 2]).n != active ||
            look_up(crowd->list, &crowd->s[churn * 2 + 1]).n != active ||
            found_of_clip(crowd->list, 1, crowd->churned_clip) != (active ? CLIP_SIGNALS : 0))
            atomic_fetch_add(&crowd->wrong, 1);
    }
    }
}

static void readers_and_followers_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(fake_free) struct store *store = fake_store();
    struct crowd crowd = {.store = store};
    fake_bank(store, ACTION_BLOCK, 10);
    fake_bank_set(store, 0, ACTION_BLOCK, 10);
    for (size_t i = 0; i < STABLE + CHURN; i++) {
        crowd.s[i * 2] = pdq_signal(i, 100);
        crowd.s[i * 2 + 1] = md5_signal((uint8_t)i);
        fake_entry(store, 0, &crowd.s[i * 2], 2);
    }
    crowd.stable_clip = fake_clip(store, 0);
    crowd.churned_clip = fake_clip(store, 1);
    SCOPED(blocklist_free) struct blocklist *list = NULL;
    assert_int_equal(blocklist_load(store, &list, NULL), RC_OK);
    crowd.list = list;
    pthread_t threads[3];
    assert_int_equal(pthread_create(&threads[0], NULL, keep_looking, &crowd), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, keep_looking, &crowd), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, keep_following, &crowd), 0);
    for (int i = 0; i < CHANGES || atomic_load(&crowd.looks) < WATCHED; i++)
        change_something(&crowd, &rnd);
    atomic_store(&crowd.done, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    assert_int_equal(blocklist_follow(list, NULL, NULL), RC_OK);
    index_check(blocklist_index(list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_followers_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
