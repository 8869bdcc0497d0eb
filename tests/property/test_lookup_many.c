/*
 * Many media in one go against one after the other: for random lists of pictures, clips and
 * digests, and media of every size that show parts of them, is the same found of each?
 */
#include "db/lookup_many.h"
#include "tests/property/clips_scene.h"
#include "tests/support/oom.h"

enum { ROUNDS = 40, MEDIA_MAX = 400, ROOM = 60000, NEAR = 200 };

struct media {
    struct lookup_signal *signal;
    size_t used, n;
    struct lookup_medium medium[MEDIA_MAX];
};

static void media_free(struct media *m)
{
    free(m->signal);
    free(m);
}
SCOPED_DEFINE(media_free, struct media *)

static struct media *media_new(void)
{
    struct media *m = calloc(1, sizeof *m);
    m->signal = calloc(ROOM, sizeof *m->signal);
    return m;
}

static void add_signal(struct media *m, const struct lookup_signal *s)
{
    assert_true(m->used < ROOM);
    m->signal[m->used++] = *s;
    m->medium[m->n - 1].n++;
}

static void begin_medium(struct media *m)
{
    assert_true(m->n < MEDIA_MAX);
    m->medium[m->n++] = (struct lookup_medium){.signals = m->signal + m->used};
}

/* --- what is listed --- */

static void list_more(struct scene *scene, struct rnd *rnd)
{
    for (int i = 0; i < 40; i++) {
        struct signal s[2] = {{.type = SIGNAL_PDQ, .quality = 100, .ms = -1},
                              {.type = SIGNAL_MD5, .quality = -1, .ms = -1}};
        struct pdq_hash h = near(rnd, scene->pool[rnd_below(rnd, POOL)], rnd_below(rnd, 30));
        pdq_bytes(&h, s[0].value);
        memset(s[1].value, (int)rnd_below(rnd, 5), 16);
        fake_entry(scene->store, (uint32_t)rnd_below(rnd, BANKS), s, 1 + rnd_below(rnd, 2));
    }
    assert_int_equal(blocklist_follow(scene->list, NULL, NULL), RC_OK);
}

/* --- what is asked --- */

static void show_upload(struct scene *scene, struct rnd *rnd, struct media *m)
{
    make_upload(scene, rnd);
    for (size_t f = 0; f < scene->frames; f++)
        for (size_t i = 0; i < scene->frame[f].n; i++)
            add_signal(m, &scene->frame[f].signal[i]);
}

static struct lookup_signal random_signal(struct scene *scene, struct rnd *rnd)
{
    struct lookup_signal s = {.type = SIGNAL_PDQ, .ms = -1, .pdq = random_hash(rnd)};
    if (rnd_below(rnd, 8) == 0) {
        s.type = rnd_below(rnd, 4) == 0 ? SIGNAL_SHA256 : SIGNAL_MD5;
        memset(s.digest, (int)rnd_below(rnd, 7), 16);
    } else if (rnd_below(rnd, 4) == 0) {
        s.pdq = near(rnd, scene->pool[rnd_below(rnd, POOL)], rnd_below(rnd, 40));
    }
    return s;
}

static void make_media(struct scene *scene, struct rnd *rnd, struct media *m)
{
    size_t n = 1 + rnd_below(rnd, rnd_below(rnd, 2) == 0 ? 6 : MEDIA_MAX);
    size_t large = rnd_below(rnd, 3) == 0 ? rnd_below(rnd, n) : n;
    m->n = m->used = 0;
    while (m->n < n && m->used < ROOM - 10000) {
        begin_medium(m);
        size_t size = rnd_below(rnd, 3) == 0 ? rnd_below(rnd, 60) : 1;
        if (m->n - 1 == large) /* around a batch */
            size = LOOKUP_BATCH - 4 + rnd_below(rnd, 8);
        for (size_t i = 0; i < size; i++) {
            struct lookup_signal s = random_signal(scene, rnd);
            add_signal(m, &s);
        }
        if (rnd_below(rnd, 10) == 0)
            show_upload(scene, rnd, m);
    }
}

/* --- are they the same? --- */

static void assert_same_match(const struct match *a, const struct match *b)
{
    assert_int_equal(a->bank, b->bank);
    assert_int_equal(a->entry, b->entry);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->orientation, b->orientation);
    assert_int_equal(a->look, b->look);
    assert_int_equal(a->distance, b->distance);
    assert_int_equal(a->ms, b->ms);
    assert_int_equal(a->entry_ms, b->entry_ms);
    assert_int_equal(a->clip, b->clip);
    assert_int_equal(a->clip_found, b->clip_found);
    assert_int_equal(a->clip_of, b->clip_of);
    assert_int_equal(a->run, b->run);
    assert_int_equal(a->offset_ms, b->offset_ms);
}

struct comparing {
    const struct blocklist *list;
    const struct media *media;
    const struct bank_set *only;
    uint64_t since;
    struct lookup got;
    size_t told, matches;
    size_t fail_at; /* tell fails for this medium */
};

static enum rc compare(void *ctx, size_t medium, struct err *err)
{
    struct comparing *c = ctx;
    const struct lookup_medium *m = &c->media->medium[medium];
    static struct lookup want;

    assert_int_equal(medium, c->told++);
    if (medium == c->fail_at)
        FAIL(err, RC_BUSY, "enough");
    assert_int_equal(lookup_once(c->list, m->signals, m->n, c->only, c->since, &want, err), RC_OK);
    assert_int_equal(c->got.verdict, want.verdict);
    assert_int_equal(c->got.generation, want.generation);
    assert_int_equal(c->got.total, want.total);
    assert_int_equal(c->got.n, want.n);
    for (size_t i = 0; i < want.n; i++) {
        assert_same_match(&c->got.matches[i], &want.matches[i]);
        assert_string_equal(c->got.rules[i].name, want.rules[i].name);
        assert_int_equal(c->got.rules[i].action, want.rules[i].action);
    }
    c->matches += want.n;
    return RC_OK;
}

static enum rc look_all_up(struct comparing *c, struct err *err)
{
    c->told = 0;
    return lookup_many(c->list, c->media->medium, c->media->n, c->only, c->since, &c->got, compare,
                       c, err);
}

static void finds_of_each_what_it_has(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(media_free) struct media *media = media_new();
    size_t matches = 0;
    for (int round = 0; round < ROUNDS; round++) {
        SCOPED(scene_end) struct scene *scene = &(struct scene){0};
        struct bank_set only = {0};
        struct err err;
        make_list(scene, &rnd);
        uint64_t before = blocklist_generation(scene->list);
        list_more(scene, &rnd);
        for (uint32_t i = 0; i < BANKS; i++)
            if (rnd_below(&rnd, 2) == 0)
                bank_set_add(&only, i);
        make_media(scene, &rnd, media);
        struct comparing c = {.list = scene->list, .media = media, .fail_at = SIZE_MAX};
        c.only = rnd_below(&rnd, 3) == 0 ? &only : NULL;
        c.since = rnd_below(&rnd, 3) == 0 ? before : 0;
        assert_int_equal(look_all_up(&c, &err), RC_OK);
        assert_int_equal(c.told, media->n);
        matches += c.matches;
    }
    print_message("%zu matches, the same both ways\n", matches);
    assert_true(matches > 1000);
}

/* Every hash meets every entry, more than are noted. */
static void a_dense_list_is_no_less_exact(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(media_free) struct media *media = media_new();
    SCOPED(scene_end) struct scene *scene = &(struct scene){0};
    make_list(scene, &rnd);
    for (int i = 0; i < NEAR; i++) {
        struct signal s = {.type = SIGNAL_PDQ, .quality = 100, .ms = -1};
        struct pdq_hash h = near(&rnd, scene->pool[0], rnd_below(&rnd, 8));
        pdq_bytes(&h, s.value);
        fake_entry(scene->store, (uint32_t)rnd_below(&rnd, BANKS), &s, 1);
    }
    assert_int_equal(blocklist_follow(scene->list, NULL, NULL), RC_OK);
    for (size_t i = 0; i < MEDIA_MAX; i++) {
        begin_medium(media);
        for (int k = 0; k < 4; k++) {
            struct lookup_signal s = {.type = SIGNAL_PDQ, .ms = -1};
            s.pdq = near(&rnd, scene->pool[0], rnd_below(&rnd, 8));
            add_signal(media, &s);
        }
    }
    struct comparing c = {.list = scene->list, .media = media, .fail_at = SIZE_MAX};
    assert_int_equal(look_all_up(&c, NULL), RC_OK);
    assert_int_equal(c.told, MEDIA_MAX);
    assert_int_equal(c.matches, MEDIA_MAX * MATCHES_MAX);
}

static void the_first_failure_ends_it(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(media_free) struct media *media = media_new();
    SCOPED(scene_end) struct scene *scene = &(struct scene){0};
    struct err err;
    make_list(scene, &rnd);
    while (media->n < 5)
        make_media(scene, &rnd, media);
    struct comparing c = {.list = scene->list, .media = media, .fail_at = 3};
    assert_int_equal(look_all_up(&c, &err), RC_BUSY);
    assert_string_equal(err.msg, "enough");
    assert_int_equal(c.told, 4);
}

static enum rc count(void *ctx, size_t medium, struct err *err)
{
    size_t *told = ctx;
    (void)medium, (void)err;
    ++*told;
    return RC_OK;
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct rnd rnd = {.state = 7};
    SCOPED(media_free) struct media *media = media_new();
    SCOPED(scene_end) struct scene *scene = &(struct scene){0};
    make_list(scene, &rnd);
    list_more(scene, &rnd);
    for (int i = 0; i < 20; i++) {
        begin_medium(media);
        struct lookup_signal s = {.type = SIGNAL_PDQ, .ms = -1, .pdq = scene->pool[0]};
        add_signal(media, &s);
        show_upload(scene, &rnd, media);
    }
    for (unsigned nth = 1;; nth++) {
        struct lookup got;
        struct err err;
        size_t told = 0;
        oom_arm(nth);
        enum rc rc =
            lookup_many(scene->list, media->medium, media->n, NULL, 0, &got, count, &told, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_int_equal(told, media->n);
            assert_true(nth > 20);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_true(told < media->n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_of_each_what_it_has),
        cmocka_unit_test(a_dense_list_is_no_less_exact),
        cmocka_unit_test(the_first_failure_ends_it),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
