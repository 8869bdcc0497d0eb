/*
 * Random banked clips and uploads that show parts of them: with equal frames, uneven and equal
 * times; turned, shifted, drifting, reversed, in pieces.  Include it in one file of a test program.
 */
#ifndef TESTS_PROPERTY_CLIPS_SCENE_H
#define TESTS_PROPERTY_CLIPS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/policy.h"
#include "tests/support/rnd.h"
#define FAKE_SIGNALS_MAX 24
#include "tests/unit/db/fake_store.h"

enum { CLIPS = 12, BANKS = 4, FRAMES = 40, PER_FRAME = 5, POOL = 10 };

struct frame {
    int64_t ms;
    size_t n;
    struct lookup_signal signal[PER_FRAME]; /* as-is first */
    bool filler;
};

struct scene {
    struct store *store;
    struct blocklist *list;
    struct pdq_hash pool[POOL];
    struct frame frame[FRAMES];
    size_t frames;
};

static inline void scene_end(struct scene *scene)
{
    blocklist_free(scene->list);
    if (scene->store != NULL)
        fake_free(scene->store);
}
SCOPED_DEFINE(scene_end, struct scene *)

/* --- making scenes --- */

static inline struct pdq_hash random_hash(struct rnd *rnd)
{
    return (struct pdq_hash){{rnd_next(rnd), rnd_next(rnd), rnd_next(rnd), rnd_next(rnd)}};
}

static inline struct pdq_hash near(struct rnd *rnd, struct pdq_hash h, uint64_t flips)
{
    for (; flips > 0; flips--) {
        uint64_t bit = rnd_below(rnd, 256);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static inline void make_clip(struct scene *scene, struct rnd *rnd)
{
    static const int64_t steps[] = {0, 33, 250, 1000, 1000, 1500};
    struct signal s[FAKE_SIGNALS_MAX];
    size_t n = 1 + rnd_below(rnd, rnd_below(rnd, 2) == 0 ? 6 : FAKE_SIGNALS_MAX);
    bool steady = rnd_below(rnd, 2) == 0;
    int64_t ms = (int64_t)rnd_below(rnd, 3) * 500, step = steps[rnd_below(rnd, 6)];
    for (size_t i = 0; i < n; i++) {
        struct pdq_hash h = scene->pool[rnd_below(rnd, POOL)];
        if (rnd_below(rnd, 3) == 0)
            h = near(rnd, h, rnd_below(rnd, 12));
        s[i] = (struct signal){.type = SIGNAL_PDQ, .quality = 100, .ms = ms};
        if (rnd_below(rnd, 20) == 0)
            s[i].ms = -1; /* a picture as well */
        if (rnd_below(rnd, 20) == 0)
            s[i].quality = PDQ_MIN_QUALITY - 1; /* never listed */
        pdq_bytes(&h, s[i].value);
        ms += steady ? step : steps[rnd_below(rnd, 6)];
    }
    for (size_t i = 0; i < n && rnd_below(rnd, 8) == 0; i++) { /* told in any order */
        size_t k = rnd_below(rnd, n);
        struct signal t = s[i];
        s[i] = s[k];
        s[k] = t;
    }
    fake_entry(scene->store, (uint32_t)rnd_below(rnd, BANKS), s, n);
}

static inline void make_list(struct scene *scene, struct rnd *rnd)
{
    static const unsigned percents[] = {1, 50, 79, 80, 100}, shown[] = {0, 0, 0, 20, 80, 100},
                          runs[] = {0, 2, 3, 3, 5, 100};
    scene->store = fake_store();
    for (size_t i = 0; i < POOL; i++)
        scene->pool[i] = random_hash(rnd);
    for (int i = 0; i < BANKS; i++) {
        fake_bank(scene->store, (enum action)rnd_below(rnd, ACTIONS), 31);
        struct bank *bank = &scene->store->bank[i];
        bank->bank_match_percent = percents[rnd_below(rnd, 5)];
        bank->query_match_percent = shown[rnd_below(rnd, 6)];
        bank->match_run = runs[rnd_below(rnd, 6)];
    }
    for (int i = 0; i < CLIPS; i++)
        make_clip(scene, rnd);
    assert_int_equal(blocklist_load(scene->store, &scene->list, NULL), RC_OK);
}

/* A frame that shows this hash in one of its orientations and looks. */
static inline void make_frame(struct scene *scene, struct rnd *rnd, const struct pdq_hash *shown,
                              int64_t ms)
{
    struct frame *f = &scene->frame[scene->frames++];
    enum orientation o = (enum orientation)rnd_below(rnd, 3);
    *f = (struct frame){.ms = ms, .n = 1 + rnd_below(rnd, PER_FRAME)};
    bool look = f->n == PER_FRAME;
    for (size_t i = 0; i < f->n; i++) {
        struct lookup_signal *s = &f->signal[i];
        *s = (struct lookup_signal){.type = SIGNAL_PDQ,
                                    .pdq = scene->pool[rnd_below(rnd, POOL)],
                                    .orientation = (enum orientation)(i % (PER_FRAME - 1)),
                                    .look = i == PER_FRAME - 1 ? LOOK_ON_WHITE : LOOK_PLAIN,
                                    .ms = ms};
        if (rnd_below(rnd, 2) == 0)
            s->pdq = random_hash(rnd);
        if (s->orientation == o || (look && i == PER_FRAME - 1))
            s->pdq = *shown;
    }
    f->filler = rnd_below(rnd, 12) == 0;
}

static inline int by_ms(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;
    return (x->ms > y->ms) - (x->ms < y->ms);
}

/* Shows a clip with some offset, jitter, drift, gaps; sorted by time or not. */
static inline void show_clip(struct scene *scene, struct rnd *rnd, const struct fake_entry *entry)
{
    int64_t offset = (int64_t)rnd_below(rnd, 20000), jitter = (int64_t)rnd_below(rnd, 1400) + 1,
            drift = (int64_t)rnd_below(rnd, 3) * 150;
    bool backwards = rnd_below(rnd, 6) == 0, still = rnd_below(rnd, 12) == 0;
    size_t first = rnd_below(rnd, 3) == 0 ? rnd_below(rnd, entry->n) : 0;
    for (size_t i = first; i < entry->n && scene->frames < FRAMES; i++) {
        const struct signal *s = &entry->signals[backwards ? entry->n - 1 - i : i];
        struct pdq_hash h = pdq_from_bytes(s->value);
        int64_t ms = entry->signals[i].ms + offset + (int64_t)i * drift;
        ms += (int64_t)rnd_below(rnd, (uint64_t)jitter) - jitter / 2;
        h = near(rnd, h, rnd_below(rnd, 3) == 0 ? rnd_below(rnd, 40) : 0);
        if (rnd_below(rnd, 8) > 0)
            make_frame(scene, rnd, &h, still ? -1 : ms < 0 ? 0 : ms);
        if (rnd_below(rnd, 6) == 0 && scene->frames < FRAMES && scene->frames > 0) {
            scene->frame[scene->frames] = scene->frame[scene->frames - 1]; /* shown twice */
            scene->frames++;
        }
    }
}

/* Plays a clip: several frames one after the other show each of its signals. */
static inline void play_clip(struct scene *scene, struct rnd *rnd, const struct fake_entry *entry)
{
    static const int64_t steps[] = {20, 33, 100, 300, 1100};
    int64_t ms = (int64_t)rnd_below(rnd, 3000), step = steps[rnd_below(rnd, 5)];
    uint64_t frames = 1 + rnd_below(rnd, 6);
    for (size_t i = rnd_below(rnd, entry->n); i < entry->n; i++) {
        struct pdq_hash h = pdq_from_bytes(entry->signals[i].value);
        for (uint64_t k = 0; k < frames && scene->frames < FRAMES; k++) {
            make_frame(scene, rnd, &h, ms);
            if (rnd_below(rnd, 3) > 0) /* shown as it is, so that it stays the same picture */
                scene->frame[scene->frames - 1].signal[0].pdq = h;
            ms += step + (int64_t)rnd_below(rnd, 5);
        }
    }
}

static inline void make_upload(struct scene *scene, struct rnd *rnd)
{
    scene->frames = 0;
    while (scene->frames < 1 + FRAMES / 2) {
        const struct fake_entry *entry = &scene->store->entry[rnd_below(rnd, CLIPS)];
        if (rnd_below(rnd, 2) == 0)
            play_clip(scene, rnd, entry);
        else
            show_clip(scene, rnd, entry);
        struct pdq_hash h = random_hash(rnd);
        if (scene->frames < FRAMES)
            make_frame(scene, rnd, &h, (int64_t)rnd_below(rnd, 20000));
        if (rnd_below(rnd, 3) == 0)
            break;
    }
    if (rnd_below(rnd, 4) > 0)
        qsort(scene->frame, scene->frames, sizeof(scene->frame[0]), by_ms);
    for (size_t f = 0; f < scene->frames; f++) /* a frame shown twice moves with its time */
        for (size_t i = 0; i < scene->frame[f].n; i++)
            scene->frame[f].signal[i].ms = scene->frame[f].ms;
}

#endif
