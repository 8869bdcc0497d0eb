/*
 * One bank, a list of clips and an upload, whose pictures are numbers: far from each other unless
 * they are the same.  Include it in one file of a test program.
 */
#ifndef TESTS_UNIT_DB_CLIP_SCENE_H
#define TESTS_UNIT_DB_CLIP_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/policy.h"
#include "tests/support/rnd.h"
#define FAKE_SIGNALS_MAX 100
#include "tests/unit/db/fake_store.h"

enum { SIGNALS_MAX = 4096 };

struct scene {
    struct store *store;
    struct blocklist *list;
    struct lookup_signal signal[SIGNALS_MAX];
    size_t n;
    struct lookup got;
};

static inline struct scene *scene_new(unsigned bank_percent, unsigned query_percent, unsigned run)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    scene->store = fake_store();
    fake_bank(scene->store, ACTION_BLOCK, 31);
    scene->store->bank[0].bank_match_percent = bank_percent;
    scene->store->bank[0].query_match_percent = query_percent;
    scene->store->bank[0].match_run = run;
    return scene;
}

static inline void scene_free(struct scene *scene)
{
    blocklist_free(scene->list);
    fake_free(scene->store);
    free(scene);
}
SCOPED_DEFINE(scene_free, struct scene *)

/* What picture number n looks like: far from all others. */
static inline struct pdq_hash picture(uint64_t n)
{
    struct rnd rnd = {.state = n * 0x9E3779B97F4A7C15};
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(&rnd);
    return h;
}

static inline struct signal signal_of(uint64_t n, int64_t ms)
{
    struct signal s = {.type = SIGNAL_PDQ, .quality = 100, .ms = ms};
    struct pdq_hash h = picture(n);
    pdq_bytes(&h, s.value);
    return s;
}

/* Pictures first, first+1, … one each `step`. */
static inline uint64_t bank_clip(struct scene *scene, uint64_t first, size_t n, int64_t step)
{
    struct signal s[FAKE_SIGNALS_MAX];
    for (size_t i = 0; i < n; i++)
        s[i] = signal_of(first + i, (int64_t)i * step);
    return fake_entry(scene->store, 0, s, n);
}

static inline void show_turned(struct scene *scene, uint64_t n, int64_t ms, enum orientation o)
{
    assert_true(scene->n < SIGNALS_MAX);
    scene->signal[scene->n++] =
        (struct lookup_signal){.type = SIGNAL_PDQ, .pdq = picture(n), .orientation = o, .ms = ms};
}

static inline void show(struct scene *scene, uint64_t n, int64_t ms)
{
    show_turned(scene, n, ms, ORIENT_AS_IS);
}

static inline const struct match *look_up(struct scene *scene)
{
    struct err err;
    if (scene->list == NULL)
        assert_int_equal(blocklist_load(scene->store, &scene->list, &err), RC_OK);
    assert_int_equal(blocklist_follow(scene->list, NULL, &err), RC_OK);
    assert_int_equal(lookup_once(scene->list, scene->signal, scene->n, NULL, 0, &scene->got, &err),
                     RC_OK);
    assert_int_equal(scene->got.verdict, scene->got.n > 0 ? VERDICT_BLOCK : VERDICT_ALLOW);
    assert_int_equal(scene->got.total, scene->got.n);
    return scene->got.n > 0 ? &scene->got.matches[0] : NULL;
}

#endif
