/* A lookup of clips from its opening to its report: lists that change, verdicts, failures. */
#include "tests/support/oom.h"
#include "tests/unit/db/clip_scene.h"

static void a_clip_comes_and_goes_with_its_entry(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    assert_null(look_up(scene));
    for (uint64_t i = 0; i < 5; i++)
        show(scene, i, (int64_t)i * 1000);
    uint64_t entry = bank_clip(scene, 0, 60, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look_up(scene)->run, 5);
        fake_entry_set(scene->store, entry, false);
        assert_null(look_up(scene));
        fake_entry_set(scene->store, entry, true);
    }
    uint64_t before = scene->store->generation - 1;
    assert_non_null(look_up(scene));
    assert_int_equal(
        lookup_once(scene->list, scene->signal, scene->n, NULL, before, &scene->got, NULL), RC_OK);
    assert_int_equal(scene->got.n, 1);
    assert_int_equal(
        lookup_once(scene->list, scene->signal, scene->n, NULL, before + 1, &scene->got, NULL),
        RC_OK);
    assert_int_equal(scene->got.n, 0);
}

static void fill_batch(struct lookup_run *run, int64_t ms)
{
    struct lookup_signal nothing = {.type = SIGNAL_PDQ, .orientation = ORIENT_ROT90, .ms = ms};
    struct err err;
    for (uint64_t i = 0; i < LOOKUP_BATCH; i++) {
        nothing.pdq = picture(1000000 + i);
        assert_int_equal(lookup_ask(run, &nothing, 1, &err), RC_OK);
    }
}

static void the_verdict_so_far_is_certain(void **state)
{
    (void)state;
    for (unsigned query_percent = 0; query_percent <= 50; query_percent += 50) {
        SCOPED(scene_free) struct scene *scene = scene_new(100, query_percent, 3);
        bank_clip(scene, 0, 2, 1000); /* by percent */
        look_up(scene);
        SCOPED(lookup_free) struct lookup_run *run = NULL;
        assert_int_equal(lookup_open(scene->list, NULL, 0, &run, NULL), RC_OK);
        show(scene, 0, 0);
        show(scene, 1, 1);
        assert_int_equal(lookup_ask(run, scene->signal, 2, NULL), RC_OK);
        fill_batch(run, 1);
        assert_int_equal(lookup_verdict_so_far(run),
                         query_percent == 0 ? VERDICT_BLOCK : VERDICT_ALLOW);
        assert_int_equal(lookup_report(run, &scene->got, NULL), RC_OK);
        assert_int_equal(scene->got.verdict, VERDICT_BLOCK);
    }
    SCOPED(scene_free) struct scene *scene = scene_new(100, 50, 3);
    bank_clip(scene, 0, 5, 1000); /* by a run, over three batches */
    look_up(scene);
    SCOPED(lookup_free) struct lookup_run *run = NULL;
    assert_int_equal(lookup_open(scene->list, NULL, 0, &run, NULL), RC_OK);
    for (uint64_t i = 0; i < 3; i++) {
        show(scene, i, (int64_t)i * 1000);
        assert_int_equal(lookup_ask(run, &scene->signal[i], 1, NULL), RC_OK);
        fill_batch(run, (int64_t)i * 1000);
        assert_int_equal(lookup_verdict_so_far(run), i == 2 ? VERDICT_BLOCK : VERDICT_ALLOW);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 10, 3);
    for (uint64_t i = 0; i < 20; i++)
        bank_clip(scene, i * 3, 60, 1000);
    for (uint64_t i = 0; i < 300; i++)
        show_turned(scene, i * 7 % 60, (int64_t)i * 40, (enum orientation)(i % 3));
    assert_non_null(look_up(scene));
    for (unsigned nth = 1;; nth++) {
        struct lookup got = {.total = 4711};
        struct err err;
        oom_arm(nth);
        enum rc rc = lookup_once(scene->list, scene->signal, scene->n, NULL, 0, &got, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 100);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_int_equal(got.total, 4711);
    }
}

static void a_failure_stays(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    look_up(scene);
    SCOPED(lookup_free) struct lookup_run *run = NULL;
    show(scene, 1, 0);
    assert_int_equal(lookup_open(scene->list, NULL, 0, &run, NULL), RC_OK);
    oom_arm(1);
    assert_int_equal(lookup_ask(run, scene->signal, 1, NULL), RC_NOMEM);
    assert_true(oom_disarm());
    assert_int_equal(lookup_ask(run, scene->signal, 1, NULL), RC_NOMEM);
    assert_int_equal(lookup_report(run, &scene->got, NULL), RC_NOMEM);
}

/* Hundreds of clips, all of one picture and its neighbours. */
static void a_hostile_list_gets_its_verdict(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    for (int i = 0; i < 500; i++) {
        struct signal s[20];
        for (size_t k = 0; k < 20; k++) {
            s[k] = signal_of(1, (int64_t)k * 1000);
            s[k].value[0] ^= (uint8_t)k;
        }
        fake_entry(scene->store, 0, s, 20);
    }
    struct err err;
    assert_int_equal(blocklist_load(scene->store, &scene->list, &err), RC_OK);
    for (int64_t ms = 0; ms < 8000; ms += 40)
        show(scene, 1, ms);
    assert_int_equal(lookup_once(scene->list, scene->signal, scene->n, NULL, 0, &scene->got, &err),
                     RC_OK);
    assert_int_equal(scene->got.verdict, VERDICT_BLOCK);
    assert_int_equal(scene->got.total, 500);
    assert_int_equal(scene->got.n, MATCHES_MAX);
    assert_int_equal(scene->got.matches[0].clip_found, 20);
    assert_int_equal(scene->got.matches[0].run, 9); /* eight seconds, and half a one on each side */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clip_comes_and_goes_with_its_entry),
        cmocka_unit_test(the_verdict_so_far_is_certain),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(a_hostile_list_gets_its_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
